"""The table of operators read in plain Python, one value at a time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

import re2

from tests.reference.values import moment, read_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["holds", "meets_where"]

NEGATIVE = {"ne": "eq", "not_in": "in"} | {
    f"not_{name}": name for name in ("contains", "starts_with", "ends_with", "matches")
}


def meets_where(where: dict[str, Any], read: Callable[[str], Any]) -> bool:
    """Whether an event meets a `where` mapping; `read` gives the value at a path."""
    return all(meets_entry(key, wanted, read) for key, wanted in where.items())


def meets_entry(key: str, wanted: Any, read: Callable[[str], Any]) -> bool:
    if key == "any":
        return any(meets_where(one, read) for one in wanted)
    if key == "all":
        return all(meets_where(one, read) for one in wanted)
    if key == "not":
        return not meets_where(wanted, read)
    if not isinstance(wanted, dict) or set(wanted) == {"time"}:
        wanted = {"eq": wanted}
    ignore_case = wanted.get("ignore_case", False)
    return all(
        holds(operator, read(key), operand, ignore_case=ignore_case)
        for operator, operand in wanted.items()
        if operator != "ignore_case"
    )


def holds(operator: str, value: Any, operand: Any, *, ignore_case: bool = False) -> bool:
    """Whether a value, or any element of a list, meets an operator. Always yes or no."""
    if operator in NEGATIVE:
        return not holds(NEGATIVE[operator], value, operand, ignore_case=ignore_case)
    if operator == "exists":
        return (value is not None) == operand
    elements = value if isinstance(value, list) else [value]
    return any(one_holds(operator, element, operand, ignore_case) for element in elements)


def one_holds(operator: str, value: Any, operand: Any, ignore_case: bool) -> bool:
    match operator:
        case "eq":
            return equals(value, operand, ignore_case)
        case "in":
            return any(equals(value, one, ignore_case) for one in operand)
        case "between":
            low, high = operand
            return one_holds("gte", value, low, False) and one_holds("lte", value, high, False)
        case "gt" | "gte" | "lt" | "lte":
            pair = of_one_kind(value, operand)
            if pair is None or isinstance(pair[0], bool):
                return False
            left, right = pair
            return {
                "gt": left > right,
                "gte": left >= right,
                "lt": left < right,
                "lte": left <= right,
            }[operator]
        case _:
            return isinstance(value, str) and finds(operator, value, operand, ignore_case)


def equals(value: Any, operand: Any, ignore_case: bool) -> bool:
    pair = of_one_kind(value, operand)
    if pair is None:
        return False
    if isinstance(operand, str) and ignore_case:
        return compiled(re2.escape(operand), ignore_case).fullmatch(value) is not None
    return pair[0] == pair[1]


def of_one_kind(value: Any, operand: Any) -> tuple[Any, Any] | None:
    """The value and the operand as things that compare; None if they never meet.

    Python compares integers, doubles and decimals with each other by exact value, and texts by
    code point: what the contract asks for.
    """
    if isinstance(operand, bool):
        return (value, operand) if isinstance(value, bool) else None
    if isinstance(operand, str):
        return (value, operand) if isinstance(value, str) else None
    if isinstance(operand, dict | date):
        when = moment(value)
        wanted = moment(operand["time"] if isinstance(operand, dict) else operand)
        return None if when is None else (when, wanted)
    number = read_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return None
    if isinstance(number, float) and not isfinite(number):
        return None
    if isinstance(number, Decimal) and isinstance(operand, float):
        operand = Decimal(repr(operand))
    return number, operand


def finds(operator: str, value: str, operand: str, ignore_case: bool) -> bool:
    pattern = {
        "contains": lambda: re2.escape(operand),
        "starts_with": lambda: r"\A" + re2.escape(operand),
        "ends_with": lambda: re2.escape(operand) + r"\z",
        "matches": lambda: operand,
    }[operator]()
    if ignore_case or operator == "matches":
        return compiled(pattern, ignore_case).search(value) is not None
    return {
        "contains": operand in value,
        "starts_with": value.startswith(operand),
        "ends_with": value.endswith(operand),
    }[operator]


def compiled(pattern: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options)
