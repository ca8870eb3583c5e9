"""Fields, buttons and boxes of the builder: named, keyboard-ready, and few enough to be quick.

A widget of ipywidgets comes with two more models, its layout and its style; here all share one of
each, and a style sheet does the rest. Labels are markup of ours with hidden words for readers of
screens; what comes from events is only ever a value, an option, or escaped text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ipywidgets

from streamkit.document.nodes import Place, place_text
from streamkit.markup import Markup, tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit.errors import Problem

__all__ = ["Field", "Kit", "Open", "problem_html", "scrolling"]


class Open:
    """Problems that no field has shown yet.

    Args:
        problems: All of them.
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._open = list(problems)

    def take(self, place: Place, code: str | None = None) -> list[Problem]:
        """Take those at a place or inside it; with a code, those of this code only."""
        text = place_text(place)
        taken = [
            each
            for each in self._open
            if (code is None or each.code == code) and _is_inside(each.path, text)
        ]
        self._open = [each for each in self._open if each not in taken]
        return taken


def _is_inside(path: str, place: str) -> bool:
    return not place or path == place or (path.startswith(place) and path[len(place)] in ".[")


def problem_html(problems: Iterable[Problem], mark: str = "Problem") -> Markup:
    """Problems as lines of text that stand beside a field."""
    lines = []
    for each in problems:
        hint = f": {each.hint}" if each.hint else ""
        lines.append(
            tag("div", tag("strong", f"{mark}: "), f"{each.message}{hint}", **{"class": "sk-line"})
        )
    return Markup("".join(lines))


def scrolling(name: str, *children: str) -> Markup:
    """What may be wider than its place, to be scrolled with the keyboard as well.

    Args:
        name: What it is, for readers of screens.
        children: Texts and markup.
    """
    attributes = {"aria-label": name, "class": "sk-scroll"}
    return tag("div", *children, role="region", tabindex="0", **attributes)


class Kit:
    """Makes the widgets of one builder, and knows when it is the builder that sets their values.

    JupyterLab may hand over what the user does in a thread of its own. So whatever shows values
    and whatever edits them takes turns: an edit made while values are shown waits, and counts.

    Args:
        lock: Whose turn it is; one of its own by default.
    """

    def __init__(self, lock: threading.RLock | None = None) -> None:
        self._lock = lock or threading.RLock()
        self.layout = ipywidgets.Layout()
        self._styles: dict[type, Any] = {}
        self._depth = 0

    @contextmanager
    def showing(self) -> Iterator[None]:
        """While this lasts, changed values are the draft's and no edits."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def _make(self, kind: Any, classes: str, **options: Any) -> Any:
        if kind in self._styles:
            options["style"] = self._styles[kind]
        made = kind(layout=self.layout, **options)
        if hasattr(made, "style"):
            self._styles[kind] = made.style
        for name in classes.split():
            made.add_class(name)
        return made

    def text(self, label: str, context: str = "", *, hint: str = "", classes: str = "") -> Any:
        """A line of text."""
        return self._make(
            ipywidgets.Text, f"sk-field {classes}", placeholder=hint, **_label(label, context)
        )

    def area(self, label: str, context: str = "", *, rows: int = 12) -> Any:
        """Lines of text, told when the field is left or after a pause."""
        return self._make(
            ipywidgets.Textarea, "sk-field sk-area", rows=rows, **_label(label, context)
        )

    def combo(
        self,
        label: str,
        context: str = "",
        *,
        options: Sequence[str] = (),
        hint: str = "",
        classes: str = "",
    ) -> Any:
        """A line of text with suggestions."""
        return self._make(
            ipywidgets.Combobox, f"sk-field {classes}", options=tuple(options), placeholder=hint,
            **_label(label, context),
        )  # fmt: skip

    def choice(
        self,
        label: str,
        options: Sequence[tuple[str, Any]],
        context: str = "",
        *,
        classes: str = "",
    ) -> Any:
        """One of a few."""
        return self._make(
            ipywidgets.Dropdown, f"sk-field {classes}", options=list(options),
            **_label(label, context),
        )  # fmt: skip

    def check(self, label: str, context: str = "") -> Any:
        """Yes or no."""
        return self._make(ipywidgets.Checkbox, "sk-check", indent=False, **_label(label, context))

    def radio(self, label: str, options: Sequence[str], *, classes: str = "") -> Any:
        """One of a few, side by side."""
        return self._make(
            ipywidgets.RadioButtons, classes, options=list(options), orientation="horizontal",
            **_label(label, ""),
        )  # fmt: skip

    def button(
        self, words: str, press: Callable[[], None], *, title: str = "", classes: str = ""
    ) -> Any:
        """A button with words on it."""
        made = self._make(
            ipywidgets.Button, f"sk-button {classes}", description=words, tooltip=title or None
        )

        def pressed(_: Any) -> None:
            with self._lock:
                press()

        made.on_click(pressed)
        return made

    def html(self, value: str = "", *, classes: str = "") -> Any:
        """Markup built with `tag`."""
        return self._make(ipywidgets.HTML, f"sk-html {classes}", value=value)

    def row(self, children: Sequence[Any] = (), classes: str = "") -> Any:
        """Side by side, in as many lines as it takes."""
        return self._make(ipywidgets.HBox, f"sk-row {classes}", children=tuple(children))

    def column(self, children: Sequence[Any] = (), classes: str = "") -> Any:
        """One below the other."""
        return self._make(ipywidgets.VBox, f"sk-column {classes}", children=tuple(children))

    def on_change(self, widget: Any, edit: Callable[[Any], None]) -> None:
        """Call with the new value when the user changes a widget."""

        def changed(change: Any) -> None:
            with self._lock:
                if not self._depth:
                    edit(change["new"])

        widget.observe(changed, "value")

    @staticmethod
    def fill(box: Any, children: Sequence[Any]) -> None:
        """Give a box its children, if they are others than it has."""
        if box.children != tuple(children):
            box.children = tuple(children)

    @staticmethod
    def offer(widget: Any, options: Sequence[Any]) -> None:
        """Give a field its options, if they are others than it has."""
        if list(widget.options) != list(options):
            widget.options = type(widget.options)(options)


def _label(label: str, context: str) -> dict[str, Any]:
    """A label whose first words only readers of screens hear; both are ours, never events'."""
    if not context:
        return {"description": label}
    hidden = tag("span", f"{context}: ", **{"class": "sk-hidden"})
    return {"description": f"{hidden}{tag('span', label)}", "description_allow_html": True}


class Field:
    """A field and the lines below it.

    Args:
        kit: Makes its widgets.
        widget: The field.
    """

    def __init__(self, kit: Kit, widget: Any, classes: str = "") -> None:
        self._kit = kit
        self.widget = widget
        self._lines: Any = None
        self.box = kit.column([widget], f"sk-with-lines {classes}")

    def show(self, value: Any, html: str = "") -> None:
        """Show a value and what is to be said of it."""
        if self.widget.value != value:
            self.widget.value = value
        self.say(html)

    def say(self, html: str) -> None:
        """Show what is to be said of the value as it is."""
        if html and self._lines is None:
            self._lines = self._kit.html(classes="sk-problem")
            self.box.children = (*self.box.children, self._lines)
        if self._lines is not None and self._lines.value != html:
            self._lines.value = html
