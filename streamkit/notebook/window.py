"""The builder's fields, laid out; everything shown is the builder's value, seen from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit.errors import Problem
from streamkit.markup import Markup, tag
from streamkit.notebook.definition_view import DefinitionView
from streamkit.notebook.destination_view import DestinationView
from streamkit.notebook.fields import Kit, Open, problem_html, scrolling
from streamkit.notebook.mapping_view import MappingView
from streamkit.notebook.review_view import ReviewView
from streamkit.notebook.send_view import SendView
from streamkit.notebook.starts import STARTS
from streamkit.notebook.style import STYLE
from streamkit.notebook.summary import headline_of, status_html
from streamkit.notebook.yaml_view import YamlView

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit.notebook.bodies import SampleBody
    from streamkit.notebook.builder import Builder

__all__ = ["Window"]

BROKEN = "the text cannot be read as it stands; the fields show what was readable before"
WITH_BODY = ("Field mapping", "Send test")
PREVIEWED = ("Definition", "YAML")
"""The parts that have the preview beside them."""


class Window:
    """The parts, one at a time, and the preview beside them.

    Args:
        builder: The value.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._kit = kit = Kit(builder.lock)
        self._parts: dict[str, Any] = {}
        self._makers: dict[str, Callable[[], Any]] = {
            "Definition": lambda: DefinitionView(kit, builder.editing),
            "Destination": lambda: DestinationView(kit, builder),
            "Field mapping": lambda: MappingView(kit, builder),
            "Send test": lambda: SendView(kit, builder),
            "Review and save": lambda: ReviewView(kit, builder),
            "YAML": lambda: YamlView(kit, builder.editing),
        }
        self._undo = kit.button("Undo", builder.undo)
        self._redo = kit.button("Redo", builder.redo)
        self._start = kit.choice(
            "Start from", [("nothing", ""), *((name, name) for name in STARTS)]
        )
        self._tools = kit.row(classes="sk-tools")
        self._part = kit.radio("Part of the stream", list(self._makers), classes="sk-parts")
        self._left = kit.column(classes="sk-left")
        self._notice = kit.html(
            problem_html([Problem("unreadable", BROKEN, hint="mend it in the part YAML")]),
            classes="sk-problem",
        )
        self._preview = _PreviewView(kit, builder)
        self._right = kit.column([self._preview.box], "sk-right")
        self._main = kit.row(classes="sk-main-row")
        kit.on_change(self._part, lambda _: self._shown())
        kit.on_change(self._start, self._started)
        self.box = kit.column([self._tools, self._part, self._main, kit.html(STYLE)], "sk-builder")
        self.show()

    def close(self) -> None:
        """Take the fields away."""
        self.box.close()

    def show(self) -> None:
        """Show the builder's draft in the part that is open."""
        builder, kit = self._builder, self._kit
        with kit.showing():
            self._undo.disabled = not builder.editing.can_undo
            self._redo.disabled = not builder.editing.can_redo
            is_new = not builder.draft.data.get("steps") and builder.draft.broken is None
            kit.fill(self._tools, [self._undo, self._redo, *([self._start] if is_new else [])])
            name = self._part.value
            if name not in self._parts:
                self._parts[name] = self._makers[name]()
            part = self._parts[name]
            self._show_part(part)
            is_broken = builder.draft.broken is not None and name != "YAML"
            kit.fill(self._left, [self._notice, part.box] if is_broken else [part.box])
            kit.fill(self._main, [self._left, *([self._right] if name in PREVIEWED else [])])
            self._preview.show()

    def _show_part(self, part: Any) -> None:
        builder = self._builder
        if isinstance(part, DefinitionView):
            previewed, draft = builder.previewed, builder.draft
            warnings = previewed.warnings if builder.is_previewed else ()
            part.show(draft, builder.choices, Open(warnings))
        elif isinstance(part, YamlView):
            part.show(builder.draft)
        else:
            part.show()

    def show_body(self, sample: SampleBody) -> None:
        """Show the body of a match in the parts that have a place for it."""
        for name in WITH_BODY:
            if name in self._parts:
                self._parts[name].show_body(sample)

    @property
    def wants_body(self) -> bool:
        """Whether a part is open that shows the body of a match."""
        return self._part.value in WITH_BODY

    def show_preview(self, report: str) -> None:
        """Show how far the preview is, and its report; called in the preview's thread."""
        self._preview.show(report)

    def _shown(self) -> None:
        self.show()
        self._builder.ask_body()

    def _started(self, name: str) -> None:
        if not name:
            return
        data = self._builder.draft.data
        kept = {key: data[key] for key in ("name", "description") if data.get(key)}
        self._builder.editing.change({**STARTS[name], **kept})
        with self._kit.showing():
            self._start.value = ""


class _PreviewView:
    """What the stream would have done."""

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._status = kit.html()
        self._headline = kit.html()
        self._report = kit.html(classes="sk-wide-content")
        self._reported: object = None
        self._cancel = kit.button("Cancel preview", builder.cancel_preview, classes="sk-small")
        self._again = kit.button("Preview again", builder.preview_again, classes="sk-small")
        self._buttons = kit.row([self._again])
        title = kit.html(tag("h4", "Preview on history"))
        self.box = kit.column(
            [title, self._status, self._buttons, self._headline, self._report], "sk-preview"
        )

    def show(self, report: str = "") -> None:
        """Show the state, and the report where there is a new one."""
        previewed = self._builder.previewed
        self._status.value = status_html(previewed, is_current=self._builder.is_previewed)
        self._again.disabled = self._builder.draft.matching is None
        self._kit.fill(self._buttons, [self._cancel if previewed.is_running else self._again])
        self._headline.value = tag("strong", headline_of(previewed))
        if report:
            self._reported = previewed.result
            self._report.value = scrolling("What the stream would have done", Markup(report))
        # a report of what was there before the last edit stands back until the new one comes
        if previewed.result is self._reported:
            self._report.remove_class("sk-old")
        else:
            self._report.add_class("sk-old")
