"""Criteria as values: what one event's properties must meet.

A criterion is two-valued: a comparison with a missing or null property is false, and a negative
operator is exactly NOT of its positive. What each operator means on each kind of value is said
once, in the docs' table of operators; `matching` compiles it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from streamkit.path import Path

__all__ = [
    "NEGATIVES",
    "OPERATORS",
    "ORDERED_OPERATORS",
    "TEXT_OPERATORS",
    "All",
    "Any",
    "Comparison",
    "Criterion",
    "Not",
    "Scalar",
]

Scalar: TypeAlias = str | bool | int | float | datetime
"""An operand: text, boolean, number, or a time (aware, UTC)."""

Criterion: TypeAlias = "Comparison | All | Any | Not"

EQUALITY_OPERATORS = ("eq", "in")
ORDERED_OPERATORS = ("gt", "gte", "lt", "lte", "between")
TEXT_OPERATORS = ("contains", "starts_with", "ends_with", "matches")
NEGATIVES = {
    "ne": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_starts_with": "starts_with",
    "not_ends_with": "ends_with",
    "not_matches": "matches",
}
OPERATORS = (*EQUALITY_OPERATORS, *ORDERED_OPERATORS, *TEXT_OPERATORS, "exists", *NEGATIVES)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator on one property.

    Args:
        path: The property.
        operator: One of `OPERATORS`, negative forms included, as the user wrote it.
        operand: A scalar; for `in` and `not_in` a tuple of 1 to 10,000 of them; for `between`
            a tuple of the two bounds, both included; for `exists` a boolean.
        ignore_case: Fold case as RE2 does; only beside operators on text.
    """

    path: Path
    operator: str
    operand: Scalar | tuple[Scalar, ...]
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the criteria; true when there is none."""

    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of the criteria."""

    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The criterion does not hold."""

    criterion: Criterion
