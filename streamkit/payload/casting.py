"""Plain JSON values as text, numbers and booleans; None is what cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from streamkit.matching.row_values import INT64, UINT64, read_number

__all__ = ["as_bool", "as_bools", "as_number", "as_numbers", "as_string", "as_strings", "number"]

Cast: TypeAlias = Callable[[Any], Any]
TRUE = frozenset(["true", "t", "1"])
FALSE = frozenset(["false", "f", "0", ""])


def as_string(value: Any) -> str | None:
    """A value as text; None for objects and what is missing.

    Whole doubles are written as integers, the items of a list with commas between, without
    those that have no text.

    Example:
        >>> [as_string(value) for value in (1.0, 3.14, True, ["a", None, 2], {})]
        ['1', '3.14', 'true', 'a, 2', None]
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return] # text, as just seen
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        whole = value.is_integer() and INT64 <= value <= UINT64
        return str(int(value)) if whole else repr(value)
    if kind is list:
        texts = (as_string(item) if type(item) is not list else None for item in value)
        return ", ".join(text for text in texts if text is not None)
    return None


def as_number(value: Any) -> int | float | None:
    """A value as a number: text that is a JSON number, true as 1 and false as 0.

    Example:
        >>> [as_number(value) for value in ("42", "4.5", True, "9007199254740993", "abc", [])]
        [42, 4.5, 1, 9007199254740993, None, None]
    """
    if type(value) is bool:
        return int(value)
    return number(value)


def number(value: Any) -> int | float | None:
    """A number, or text that is a JSON number; never a boolean."""
    kind = type(value)
    if kind is int or kind is float:
        return value  # type: ignore[no-any-return] # a number, as just seen
    if kind is str:
        found = read_number(value)
        return found if found is not None and math.isfinite(found) else None
    return None


def as_bool(value: Any) -> bool | None:
    """A value as a boolean: true, t, 1 and false, f, 0 and empty text, in any case.

    Example:
        >>> [as_bool(value) for value in ("T", "false", "", 1, 0.0, "yes", 2)]
        [True, False, False, True, False, None, None]
    """
    kind = type(value)
    if kind is bool:
        return value  # type: ignore[no-any-return] # a boolean, as just seen
    if kind is str:
        folded = value.lower()
        return True if folded in TRUE else False if folded in FALSE else None
    if kind is int or kind is float:
        return True if value == 1 else False if value == 0 else None
    return None


def _each(cast: Cast) -> Callable[[Any], list[Any] | None]:
    def of_list(value: Any) -> list[Any] | None:
        if value is None:
            return None
        return [cast(item) for item in value] if type(value) is list else [cast(value)]

    return of_list


as_strings = _each(as_string)
"""A list with each item as text; a single value is a list of one."""
as_numbers = _each(as_number)
"""A list with each item as a number."""
as_bools = _each(as_bool)
"""A list with each item as a boolean."""
