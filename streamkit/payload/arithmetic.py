"""Numbers of a mapping: integers exact to 64 bits, anything else as doubles, nothing infinite."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeAlias

from streamkit.matching.row_values import INT64, UINT64, as_double
from streamkit.payload.casting import number

__all__ = ["add", "div", "mul", "round_half_up", "sub"]

Number: TypeAlias = int | float
WHOLE = 2.0**53
"""From here on every double is a whole number."""
MOST_DIGITS = 15
DIGITS = Context(prec=60)


def add(*values: object) -> Number | None:
    """The sum; None if a value is no number.

    Example:
        >>> add(9007199254740993, 1), add("1.5", 2), add(True, 1)
        (9007199254740994, 3.5, None)
    """
    return _fold(values, lambda a, b: a + b)


def mul(*values: object) -> Number | None:
    """The product; None if a value is no number."""
    return _fold(values, lambda a, b: a * b)


def sub(left: object, right: object) -> Number | None:
    """The difference; None if a value is no number."""
    return _fold((left, right), lambda a, b: a - b)


def div(left: object, right: object) -> Number | None:
    """The quotient, whole where two integers divide; None by zero or if a value is no number.

    Example:
        >>> div(6, 3), div(1, 2), div(1, 0)
        (2, 0.5, None)
    """
    a, b = _bounded(left), _bounded(right)
    if a is None or b is None or b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    try:
        return _finite(a / b)
    except OverflowError:
        return None


def round_half_up(value: object, digits: object = 0) -> Number | None:
    """A number rounded to digits behind the point, halves away from zero.

    Args:
        value: The number.
        digits: 0 to 15; with 0 the result is an integer.

    Example:
        >>> round_half_up(2.5), round_half_up(-0.125, 2), round_half_up(1e300)
        (3, -0.13, 1e+300)
    """
    found = _bounded(value)
    if found is None or type(digits) is not int or not 0 <= digits <= MOST_DIGITS:
        return None
    if isinstance(found, int) or abs(found) >= WHOLE:
        return found
    rounded = Decimal(repr(found)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, DIGITS)
    return int(rounded) if digits == 0 else float(rounded)


def _fold(values: tuple[object, ...], combine: Callable[[Number, Number], Number]) -> Number | None:
    total = _bounded(values[0])
    for value in values[1:]:
        found = _bounded(value)
        if total is None or found is None:
            return None
        total = _bounded(combine(total, found))
    return total


def _bounded(value: object) -> Number | None:
    """A number; an integer of more than 64 bits as a double."""
    found = number(value)
    if isinstance(found, int) and not INT64 <= found <= UINT64:
        found = as_double(found)
    return None if found is None else _finite(found)


def _finite(value: Number) -> Number | None:
    return value if math.isfinite(value) else None
