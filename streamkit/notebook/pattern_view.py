"""What an event must be: one condition, or several of which any will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamkit.document.nodes import Place
from streamkit.markup import tag
from streamkit.notebook.choices import Choices, condition_of, event_text
from streamkit.notebook.criteria_rows import Item
from streamkit.notebook.criteria_view import CriteriaView, where_edited
from streamkit.notebook.criterion_view import Shown
from streamkit.notebook.fields import Field, Kit, Open

__all__ = ["PatternView", "conditions_in", "with_conditions"]

CONDITION_KEYS = ("event", "where", "defined", "any_of")
Condition = Mapping[str, Any]


def conditions_in(pattern: Any) -> list[tuple[Place, Condition]] | None:
    """The alternatives of a pattern, each with its place; None where no form can show them."""
    if not isinstance(pattern, Mapping):
        return None
    if "any_of" not in pattern:
        return [((), pattern)]
    items = pattern["any_of"]
    if not isinstance(items, list) or not all(isinstance(each, Mapping) for each in items):
        return None
    return [(("any_of", number), each) for number, each in enumerate(items)]


def with_conditions(pattern: Mapping[str, Any], conditions: list[Condition]) -> dict[str, Any]:
    """The pattern with other alternatives, and its other keys as they were.

    Example:
        >>> with_conditions({"event": "a", "within": "1h"}, [{"event": "a"}, {"event": "b"}])
        {'any_of': [{'event': 'a'}, {'event': 'b'}], 'within': '1h'}
    """
    rest = {key: value for key, value in pattern.items() if key not in CONDITION_KEYS}
    if len(conditions) == 1:
        return {**conditions[0], **rest}
    return {"any_of": [dict(each) for each in conditions], **rest}


class PatternView:
    """The alternatives of a step or an exclude.

    Args:
        kit: Makes the widgets.
        context: Where it is, for readers of screens.
        change: Called with the new pattern, and a name for the field that was edited.
    """

    def __init__(
        self, kit: Kit, context: str, change: Callable[[dict[str, Any], str], None]
    ) -> None:
        self._kit = kit
        self._context = context
        self._change = change
        self._pattern: Mapping[str, Any] = {}
        self._views: list[_ConditionView] = []
        self._kept = kit.html(
            tag("div", "No form can show this; it is kept, and edited as YAML."), classes="sk-kept"
        )
        self._add = kit.button(
            "Or another event", self._added, title=f"{context}: add an alternative"
        )
        self._buttons = kit.row([self._add], "sk-quiet")
        self.box = kit.column(classes="sk-pattern")

    def show(
        self, pattern: Any, place: Place, choices: Choices, problems: Open, warnings: Open
    ) -> None:
        """Show a pattern that stands at a place."""
        found = conditions_in(pattern)
        if found is None:
            self._kit.fill(self.box, [self._kept])
            return
        self._pattern = pattern
        while len(self._views) < len(found):
            number = len(self._views)
            self._views.append(_ConditionView(self._kit, self._context, number, self._edited))
        for number, (inside, condition) in enumerate(found):
            self._views[number].show(
                condition, (*place, *inside), choices, problems, warnings, len(found)
            )
        boxes = [view.box for view in self._views[: len(found)]]
        # the last alternative's own buttons have room for it; a named condition has none
        has_room = bool(found) and self._views[len(found) - 1].has_buttons
        for number, view in enumerate(self._views[: len(found)]):
            is_here = has_room and number == len(found) - 1
            view.show_button(self._add if is_here else None)
        self._kit.fill(self.box, boxes if has_room else [*boxes, self._buttons])

    def focus(self) -> None:
        """Put the cursor into the last alternative's event."""
        count = len(conditions_in(self._pattern) or ())
        if count:
            self._views[count - 1].focus()

    def _conditions(self) -> list[Condition]:
        return [
            {key: value for key, value in condition.items() if key in CONDITION_KEYS}
            for _, condition in conditions_in(self._pattern) or ()
        ]

    def _edited(self, number: int, condition: dict[str, Any] | None, field: str) -> None:
        conditions = self._conditions()
        conditions[number : number + 1] = [] if condition is None else [condition]
        self._change(
            with_conditions(self._pattern, conditions), f"{number} {field}" if field else ""
        )

    def _added(self) -> None:
        self._change(with_conditions(self._pattern, [*self._conditions(), {}]), "")
        self.focus()


class _ConditionView:
    """An event and its criteria."""

    def __init__(
        self,
        kit: Kit,
        context: str,
        number: int,
        edited: Callable[[int, dict[str, Any] | None, str], None],
    ) -> None:
        self._kit = kit
        self._number = number
        self._edited = edited
        self._condition: Mapping[str, Any] = {}
        self._label = "or event" if number else "Event"
        context = f"{context}, alternative {number + 1}" if number else context
        self._event = Field(
            kit,
            kit.combo(self._label, context, hint="choose or type an event", classes="sk-event"),
        )
        self._count = kit.html(classes="sk-count")
        self._remove = kit.button(
            "Remove", lambda: edited(number, None, ""), title=f"{context}: remove this alternative",
            classes="sk-small",
        )  # fmt: skip
        self._top = kit.row(classes="sk-criterion sk-aligned")
        self._criteria = CriteriaView(kit, context, self._criteria_edited)
        self.box = kit.column(classes="sk-condition")
        kit.on_change(self._event.widget, self._event_edited)

    def focus(self) -> None:
        self._event.widget.focus()

    @property
    def has_buttons(self) -> bool:
        """Whether its criteria can be added to."""
        return "defined" not in self._condition

    def show_button(self, button: Any | None) -> None:
        """Show one more button beside those of the criteria."""
        self._criteria.show_button(button)

    def show(
        self,
        condition: Condition,
        place: Place,
        choices: Choices,
        problems: Open,
        warnings: Open,
        alternatives: int,
    ) -> None:
        self._condition = condition
        text = event_text(condition)
        if condition_of(self._event.widget.value, condition) == condition:
            text = self._event.widget.value  # as typed
            if text in choices.options:
                text = event_text(condition)
        if self._event.widget.value != text:
            self._event.widget.value = text
        self._kit.offer(self._event.widget, choices.options)
        met = choices.count_of(condition)
        self._count.value = tag("span", _met(met, condition, choices))
        fields = [self._event.box, self._count]
        self._kit.fill(self._top, [*fields, self._remove] if alternatives > 1 else fields)
        name = condition.get("event")
        properties = choices.properties(name if isinstance(name, str) else None)
        shown = Shown(properties, problems, warnings)
        is_named = "defined" in condition
        if not is_named:
            self._criteria.show_where(condition.get("where"), (*place, "where"), shown)
        key = "defined" if is_named else "event"
        self._event.say(shown.lines((*place, key)))
        self._kit.fill(self.box, [self._top] if is_named else [self._top, self._criteria.box])

    def _event_edited(self, text: str) -> None:
        self._edited(self._number, condition_of(text, self._condition), "event")

    def _criteria_edited(self, items: tuple[Item, ...], field: str) -> None:
        self._edited(self._number, where_edited(items, self._condition), field)


def _met(met: Any, condition: Condition, choices: Choices) -> str:
    """How often the event was met, as far as that is known."""
    if not choices.is_read:
        return "the catalogue is being read"
    if met is not None:
        return str(met.words) if met.count else ""
    return "" if not isinstance(condition.get("event"), str) else "not in this history"
