"""A step, or an exclude, as a card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from streamkit.document.nodes import Place
from streamkit.markup import shown, tag
from streamkit.notebook.choices import Choices
from streamkit.notebook.criteria_view import field_name
from streamkit.notebook.draft import Draft
from streamkit.notebook.editing import Editing
from streamkit.notebook.fields import Field, Kit, Open, problem_html
from streamkit.notebook.pattern_view import PatternView
from streamkit.notebook.plain_edits import REMOVED, inserted, moved, put, value_at

__all__ = ["Position", "StepView", "typed_text"]

STEPS: Place = ("steps",)
DURATIONS = ("30s", "5m", "10m", "30m", "1h", "24h", "7d")


@dataclass(frozen=True, slots=True)
class Position:
    """Where an item of `steps` stands.

    Args:
        index: Its position in the list.
        count: How many items there are.
        number: The step's number, or, of an exclude, that of the step before it; from 1.
        is_first: Whether no positive step stands before it.
        is_last: Whether none stands behind it.
    """

    index: int
    count: int
    number: int
    is_first: bool
    is_last: bool


def typed_text(value: Any) -> str:
    """A scalar as it stands in a field; nothing is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


class StepView:
    """A card: a line that says what it is, and the fields when it is open.

    Args:
        kit: Makes the widgets.
        editing: The draft.
        is_exclude: Whether it is an exclude.
        is_open: Whether its fields are shown from the start.
    """

    def __init__(self, kit: Kit, editing: Editing, *, is_exclude: bool, is_open: bool) -> None:
        self.is_exclude = is_exclude
        self.item: Any = None
        self._kit = kit
        self._editing = editing
        self._is_open = is_open
        self._position = Position(0, 1, 1, is_first=True, is_last=True)
        self._shown: tuple[Draft, Choices, Open, Open] | None = None
        self._body: _Body | None = None
        self._title = kit.html(classes="sk-title")
        self._toggle = kit.button("Edit", self._toggled, classes="sk-small")
        self._up = kit.button("Move up", lambda: self._move(-1), classes="sk-small")
        self._down = kit.button("Move down", lambda: self._move(1), classes="sk-small")
        self._copy = kit.button("Duplicate", self._duplicate, classes="sk-small")
        self._remove = kit.button("Remove", self._removed, classes="sk-small")
        buttons = kit.row(
            [self._toggle, self._up, self._down, self._copy, self._remove], "sk-buttons"
        )
        self._head = kit.row([self._title, buttons], "sk-head")
        self._lines = Field(kit, self._head)
        self.box = kit.column(classes=f"sk-card {'sk-exclude' if is_exclude else 'sk-step'}")

    def show(
        self,
        position: Position,
        draft: Draft,
        choices: Choices,
        problems: Open,
        warnings: Open,
    ) -> None:
        """Show an item of the draft's steps."""
        self._position = position
        self.item = value_at(draft.data, ("steps", position.index))
        self._shown = (draft, choices, problems, warnings)
        name = self._name
        self._show_title(draft)
        self._up.disabled = position.index == 0
        self._down.disabled = position.index == position.count - 1
        for button, words in (
            (self._toggle, "close" if self._is_open else "edit"),
            (self._up, "move up"),
            (self._down, "move down"),
            (self._copy, "duplicate"),
            (self._remove, "remove"),
        ):
            button.tooltip = f"{name}: {words}"
        self._toggle.description = "Close" if self._is_open else "Edit"
        if self._is_open:
            if self._body is None or self._body.context != name:  # moved: its labels say where
                self._body = _Body(self._kit, name, self._change, is_exclude=self.is_exclude)
            self._body.show(self.item, position, choices, problems, warnings)
        place = ("steps", position.index)
        self._lines.say(
            problem_html(problems.take(place)) + problem_html(warnings.take(place), "Note")
        )
        opened = [self._body.box] if self._is_open and self._body is not None else []
        self._kit.fill(self.box, [self._lines.box, *opened])

    def focus(self) -> None:
        """Put the cursor into the event's field."""
        if self._body is not None:
            self._body.pattern.focus()

    @property
    def _name(self) -> str:
        """What the card is called."""
        at = self._position
        if not self.is_exclude:
            return f"Step {at.number}"
        if at.is_first:
            return "Exclude before step 1"
        if at.is_last:
            return f"Exclude after step {at.number}"
        return f"Exclude between steps {at.number} and {at.number + 1}"

    def _show_title(self, draft: Draft) -> None:
        words = draft.step_words[self._position.index] if draft.step_words else ""
        pieces = [tag("strong", self._name, **{"class": "sk-number"})]
        if words:
            lead = "no " if self.is_exclude else ""
            pieces.append(tag("span", shown(f"{lead}{words}{self._suffix()}", 300)))
        self._title.value = tag("div", *pieces)

    def _suffix(self) -> str:
        """Times and lengths, in the words of the file."""
        item = self.item if isinstance(self.item, Mapping) else {}
        parts = {
            "at_least": "at least {} times",
            "within": "within {} of the step before",
            "lookback": "in the {} before",
            "for": "for {} afterwards",
        }
        return "".join(
            f", {words.format(item[key])}" for key, words in parts.items() if item.get(key)
        )

    def _toggled(self) -> None:
        self._is_open = not self._is_open
        if self._shown is not None:
            with self._kit.showing():
                self.show(self._position, *self._shown)

    def _change(self, item: dict[str, Any], field: str) -> None:
        place = ("steps", self._position.index)
        data = put(self._editing.draft.data, place, item)
        self._editing.change(data, field_name(place, field))

    def _move(self, by: int) -> None:
        index = self._position.index
        self._editing.change(moved(self._editing.draft.data, STEPS, index, index + by))

    def _duplicate(self) -> None:
        item = dict(self.item) if isinstance(self.item, Mapping) else self.item
        index = self._position.index + 1
        self._editing.change(inserted(self._editing.draft.data, STEPS, index, item))

    def _removed(self) -> None:
        place = ("steps", self._position.index)
        self._editing.change(put(self._editing.draft.data, place, REMOVED))


class _Body:
    """The fields of a card."""

    def __init__(
        self,
        kit: Kit,
        context: str,
        change: Callable[[dict[str, Any], str], None],
        *,
        is_exclude: bool,
    ) -> None:
        self.context = context
        self._kit = kit
        self._change = change
        self._is_exclude = is_exclude
        self._item: Mapping[str, Any] = {}
        self.pattern = PatternView(kit, context, self._pattern_edited)
        labels = (
            {"lookback": "Looking back (empty: the whole key)", "for": "For how long after the last step"}
            if is_exclude
            else {"within": "Within, of the step before", "at_least": "At least, times"}
        )  # fmt: skip
        self._fields: dict[str, Field] = {}
        for key, label in labels.items():
            hint = "1" if key == "at_least" else "such as 10m"
            options = () if key == "at_least" else DURATIONS
            field = Field(kit, kit.combo(label, context, options=options, hint=hint))
            kit.on_change(field.widget, partial(self._edited, key))
            self._fields[key] = field
        self._options = kit.row(classes="sk-options sk-aligned")
        self.box = kit.column([self.pattern.box, self._options], "sk-body")

    def show(
        self, item: Any, position: Position, choices: Choices, problems: Open, warnings: Open
    ) -> None:
        self._item = item if isinstance(item, Mapping) else {}
        place: Place = ("steps", position.index)
        visible = []
        for key, field in self._fields.items():
            value = self._item.get(key)
            text = typed_text(value)
            if _read(key, field.widget.value) == value:
                text = field.widget.value
            field.show(text, problem_html(problems.take((*place, key))))
            if value is not None or self._applies(key, position):
                visible.append(field.box)
        if self._is_exclude:
            place = (*place, "exclude")
            item = self._item.get("exclude")
        self.pattern.show(item, place, choices, problems, warnings)
        self._kit.fill(self._options, visible)

    @staticmethod
    def _applies(key: str, position: Position) -> bool:
        return {
            "lookback": position.is_first,
            "for": position.is_last and not position.is_first,
            "within": position.number > 1,
            "at_least": True,
        }[key]

    def _pattern_edited(self, pattern: dict[str, Any], field: str) -> None:
        item = {**self._item, "exclude": pattern} if self._is_exclude else pattern
        self._change(item, field)

    def _edited(self, key: str, text: str) -> None:
        value = _read(key, text)
        self._change(put(self._item, (key,), REMOVED if value is None else value), key)


def _read(key: str, text: str) -> Any:
    """What a field's text means: nothing, a number of times, or a duration as text."""
    text = text.strip()
    if not text or (key == "at_least" and text == "1"):
        return None
    return int(text) if key == "at_least" and text.isdecimal() and len(text) < 10 else text
