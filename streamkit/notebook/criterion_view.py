"""One criterion as a row of property, operator and value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from streamkit.document.nodes import Place
from streamkit.markup import tag
from streamkit.notebook.choices import OPERATOR_WORDS, PropertyChoice, operators_of
from streamkit.notebook.criteria_rows import (
    KINDS,
    MANY_OPERATORS,
    Item,
    Row,
    fits_text_only,
    kind_of,
    operand_text,
    read_operand,
)
from streamkit.notebook.fields import Field, Kit, Open, problem_html

if TYPE_CHECKING:
    from streamkit.errors import Problem

__all__ = ["CriterionView", "Replace", "Shown"]

KIND_WORDS = [
    ("text", "text"),
    ("number", "number"),
    ("true or false", "boolean"),
    ("time", "time"),
]
NOT_OF_KIND = {
    "text": "no text",
    "number": "not a number",
    "boolean": "neither true nor false",
    "time": "not a time",
}
IGNORES_CASE = ("eq", "ne", "in", "not_in")

Replace = Callable[[int, Sequence[Item], str], None]
"""Called with an item's number, the items that take its place, and the edited field."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What rows are shown with.

    Args:
        properties: What can be chosen, by path.
        problems: What no field has shown yet.
        warnings: The same for what can never match.
    """

    properties: Mapping[str, PropertyChoice]
    problems: Open
    warnings: Open

    def lines(self, place: Place) -> str:
        """What is to be said of a place, and is said there."""
        problems: list[Problem] = self.problems.take(place)
        return problem_html(problems) + problem_html(self.warnings.take(place), "Note")


class CriterionView:
    """A comparison.

    Args:
        kit: Makes the widgets.
        context: Where it is, for readers of screens.
        replace_item: Called with what becomes of it.
    """

    def __init__(self, kit: Kit, context: str, replace_item: Replace, _: int) -> None:
        self._kit = kit
        self._replace = replace_item
        self._number = 0
        self._row = Row()
        self._properties: Mapping[str, PropertyChoice] = {}
        self._path = kit.combo("Property", context, hint="choose or type", classes="sk-wide")
        self._operator = kit.choice("Test", _operator_options(None, "eq"), context)
        self._value = Field(kit, kit.combo("Value", context, classes="sk-wide"))
        self._kind = kit.choice("as", KIND_WORDS, context, classes="sk-narrow")
        self._ignore_case = kit.check("ignore case", context)
        self._remove = kit.button(
            "Remove", self._removed, title=f"{context}: remove this criterion", classes="sk-small"
        )
        self._fields = kit.row(classes="sk-criterion sk-aligned")
        self._lines = kit.html(classes="sk-problem")
        self.box = kit.column([self._fields])
        for widget, edit in (
            (self._path, self._path_edited),
            (self._operator, self._operator_edited),
            (self._value.widget, self._value_edited),
            (self._kind, self._kind_edited),
            (self._ignore_case, self._case_edited),
        ):
            kit.on_change(widget, edit)

    def focus(self) -> None:
        """Put the cursor into the property."""
        self._path.focus()

    def show(self, number: int, row: Row, place: Place, shown: Shown) -> None:
        """Show a row, which stands at a number and a place."""
        self._number, self._row, self._properties = number, row, shown.properties
        choice = shown.properties.get(row.path)
        if self._path.value != row.path:
            self._path.value = row.path
        self._kit.offer(self._path, tuple(shown.properties))
        operator = _word(row)
        self._kit.offer(
            self._operator, _operator_options(choice.kind if choice else None, operator)
        )
        self._operator.value = operator
        self._show_kind(choice)
        self._show_value(choice)
        self._ignore_case.value = row.ignore_case
        self._kit.fill(self._fields, [*self._visible(), self._remove])
        self._say(shown.lines(place))

    def _visible(self) -> list[Any]:
        """The fields that the operator has."""
        row = self._row
        fields = [self._path, self._operator]
        if row.operator != "exists":
            fields.append(self._value.box)
        if row.operator != "exists" and not fits_text_only(row.operator):
            fields.append(self._kind)
        is_text = fits_text_only(row.operator) or self._kind.value == "text"
        may_ignore = is_text and (fits_text_only(row.operator) or row.operator in IGNORES_CASE)
        return [*fields, self._ignore_case] if may_ignore or row.ignore_case else fields

    def _show_kind(self, choice: PropertyChoice | None) -> None:
        kind = kind_of(self._row.operand)
        if fits_text_only(self._row.operator):
            kind = "text"
        elif kind is None and choice is not None and not self._value.widget.value:
            kind = choice.kind
        if kind in KINDS:
            self._kind.value = kind

    def _show_value(self, choice: PropertyChoice | None) -> None:
        row = self._row
        if row.operator == "exists":
            return
        many = row.operator in MANY_OPERATORS
        is_kept = kind_of(row.operand) == "mixed" or isinstance(row.operand, list) != many
        self._value.widget.disabled = is_kept and row.operand is not None
        typed = self._value.widget.value
        if self._value.widget.disabled:
            text = json.dumps(row.operand, ensure_ascii=False, default=str)
        elif _equal(read_operand(typed, self._kind.value, many=many), row.operand):
            text = typed
        else:
            text = operand_text(row.operand)
        unread = text.strip() and row.operand is None
        words = NOT_OF_KIND[self._kind.value] if unread else ""
        self._value.show(text, tag("div", words, **{"class": "sk-line"}) if words else "")
        hints = {
            "between": "from, to",
            "in": "several, with commas",
            "not_in": "several, with commas",
        }
        self._value.widget.placeholder = hints.get(row.operator, "")
        values = (
            ("true", "false") if self._kind.value == "boolean" else choice.values if choice else ()
        )
        self._kit.offer(self._value.widget, () if many else values)

    def _say(self, html: str) -> None:
        self._lines.value = html
        self._kit.fill(self.box, [self._fields, self._lines] if html else [self._fields])

    def _edit(self, field: str, **changes: Any) -> None:
        self._replace(self._number, [replace(self._row, **changes)], field)

    def _removed(self) -> None:
        self._replace(self._number, [], "")

    def _path_edited(self, path: str) -> None:
        row, choice = self._row, self._properties.get(path)
        operand = row.operand
        if choice is not None and operand is not None and row.operator != "exists":
            many = row.operator in MANY_OPERATORS
            kind = "text" if fits_text_only(row.operator) else choice.kind
            read = read_operand(operand_text(operand), kind, many=many)
            operand = read if read is not None else operand
        self._edit("path", path=path, operand=operand)

    def _operator_edited(self, word: str) -> None:
        operator = "exists" if word == "missing" else word
        before, operand = self._row.operator, self._row.operand
        if operator == "exists":
            operand = word == "exists"
        elif before == "exists":
            operand = None
        elif operator in MANY_OPERATORS and before not in MANY_OPERATORS:
            operand = None if operand is None else [operand]
        elif before in MANY_OPERATORS and operator not in MANY_OPERATORS:
            operand = operand[0] if isinstance(operand, list) and operand else None
        if fits_text_only(operator) and operand is not None and not isinstance(operand, str):
            operand = operand_text(operand)
        ignoring = self._row.ignore_case and (fits_text_only(operator) or operator in IGNORES_CASE)
        self._edit(
            "operator", operator=operator, operand=operand, is_bare=True, ignore_case=ignoring
        )

    def _value_edited(self, text: str) -> None:
        many = self._row.operator in MANY_OPERATORS
        self._edit("value", operand=read_operand(text, self._kind.value, many=many))

    def _kind_edited(self, kind: str) -> None:
        many = self._row.operator in MANY_OPERATORS
        self._edit("kind", operand=read_operand(self._value.widget.value, kind, many=many))

    def _case_edited(self, ignore_case: bool) -> None:
        self._edit("case", ignore_case=ignore_case)


def _word(row: Row) -> str:
    """The operator as the form has it."""
    if row.operator == "exists" and row.operand is False:
        return "missing"
    return row.operator


def _operator_options(kind: str | None, present: str) -> list[tuple[str, str]]:
    names = operators_of(kind)
    if present not in names:
        names = (*names, present)
    return [(OPERATOR_WORDS.get(name, name or "(choose)"), name) for name in names]


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other) and kind_of(one) == kind_of(other)
