"""Criteria in Python: `prop("price") > 20`, and `&`, `|`, `~` between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from streamkit.definition.writing import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Property", "Where", "prop"]


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """Criteria in the making; `&` is and, `|` is or, `~` is not.

    Example:
        >>> (prop("price") > 20) & ~prop("country").is_in(["NO", "SE"])
        Where({'all': [{'price': {'gt': 20}}, {'not': {'country': {'in': ['NO', 'SE']}}}]})
    """

    data: Mapping[str, object]

    def __and__(self, other: Where) -> Where:
        return Where({"all": [*_grouped(self, "all"), *_grouped(other, "all")]})

    def __or__(self, other: Where) -> Where:
        return Where({"any": [*_grouped(self, "any"), *_grouped(other, "any")]})

    def __invert__(self) -> Where:
        return Where({"not": self.data})

    def __bool__(self) -> NoReturn:
        raise TypeError("criteria are combined with & | ~ in brackets, not with and, or, not")

    def __repr__(self) -> str:
        return f"Where({self.data!r})"


def _grouped(where: Where, group: str) -> list[object]:
    """The members of a group of that kind, so that long chains stay flat."""
    members = where.data.get(group) if set(where.data) == {group} else None
    return members if isinstance(members, list) else [where.data]


class Property:
    """A property of the event, waiting for an operator; see `prop`."""

    __hash__ = None  # type: ignore[assignment] # == builds a criterion, so it cannot be a key
    __slots__ = ("_key",)

    def __init__(self, path: str) -> None:
        self._key = f'"{path}"' if path in RESERVED else path

    def _is(self, operator: str, operand: object, ignore_case: bool = False) -> Where:
        operators = {operator: operand}
        if ignore_case:
            operators["ignore_case"] = True
        return Where({self._key: operators})

    def __eq__(self, value: object) -> Where:  # type: ignore[override] # builds a criterion
        return self._is("eq", value)

    def __ne__(self, value: object) -> Where:  # type: ignore[override] # builds a criterion
        return self._is("ne", value)

    def __gt__(self, value: object) -> Where:
        return self._is("gt", value)

    def __ge__(self, value: object) -> Where:
        return self._is("gte", value)

    def __lt__(self, value: object) -> Where:
        return self._is("lt", value)

    def __le__(self, value: object) -> Where:
        return self._is("lte", value)

    def equals(self, value: object, *, ignore_case: bool = False) -> Where:
        """Equal to the value, as `==`, with the choice to fold case."""
        return self._is("eq", value, ignore_case)

    def not_equals(self, value: object, *, ignore_case: bool = False) -> Where:
        """Missing or not equal to the value, as `!=`, with the choice to fold case."""
        return self._is("ne", value, ignore_case)

    def is_in(self, values: Iterable[object], *, ignore_case: bool = False) -> Where:
        """Equal to one of the values."""
        return self._is("in", _listed(values), ignore_case)

    def not_in(self, values: Iterable[object], *, ignore_case: bool = False) -> Where:
        """Missing or equal to none of the values."""
        return self._is("not_in", _listed(values), ignore_case)

    def between(self, low: object, high: object) -> Where:
        """From `low` to `high`, both included."""
        return self._is("between", [low, high])

    def contains(self, text: str, *, ignore_case: bool = False) -> Where:
        """The text occurs in it."""
        return self._is("contains", text, ignore_case)

    def not_contains(self, text: str, *, ignore_case: bool = False) -> Where:
        """Missing, or the text does not occur in it."""
        return self._is("not_contains", text, ignore_case)

    def starts_with(self, text: str, *, ignore_case: bool = False) -> Where:
        """It starts with the text."""
        return self._is("starts_with", text, ignore_case)

    def not_starts_with(self, text: str, *, ignore_case: bool = False) -> Where:
        """Missing, or it does not start with the text."""
        return self._is("not_starts_with", text, ignore_case)

    def ends_with(self, text: str, *, ignore_case: bool = False) -> Where:
        """It ends with the text."""
        return self._is("ends_with", text, ignore_case)

    def not_ends_with(self, text: str, *, ignore_case: bool = False) -> Where:
        """Missing, or it does not end with the text."""
        return self._is("not_ends_with", text, ignore_case)

    def matches(self, pattern: str, *, ignore_case: bool = False) -> Where:
        """The RE2 pattern matches somewhere in it."""
        return self._is("matches", pattern, ignore_case)

    def not_matches(self, pattern: str, *, ignore_case: bool = False) -> Where:
        """Missing, or the RE2 pattern matches nowhere in it."""
        return self._is("not_matches", pattern, ignore_case)

    def exists(self) -> Where:
        """Present and not null."""
        return self._is("exists", True)

    def missing(self) -> Where:
        """Not there, or null."""
        return self._is("exists", False)

    def __repr__(self) -> str:
        return f"prop({self._key!r})"


def _listed(values: Iterable[object]) -> object:
    """The values as a list; a lone text is left for `Stream` to refuse, not cut into letters."""
    return values if isinstance(values, str | bytes) else list(values)


def prop(path: str) -> Property:
    """A property of the event, to compare with something.

    Args:
        path: Dotted path; a segment that holds a dot is quoted.

    Example:
        >>> prop("url").contains("/checkout", ignore_case=True)
        Where({'url': {'contains': '/checkout', 'ignore_case': True}})
    """
    return Property(path)
