"""Comparing a number with a number operand by exact value, whatever holds the number.

An operand is an integer or a finite double. Every comparison with it is turned, before any row
is read, into an interval of values of the column's own type: `x > 2.5` on integers is `x >= 3`,
`x >= 2**53 + 1` on doubles is `x >= 2.0**53 + 2`. Then no row is ever compared across types, where
rounding would decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

__all__ = ["Interval", "double_interval", "exact", "scaled_interval"]

Number: TypeAlias = int | float
Interval: TypeAlias = "tuple[Number | None, Number | None] | None"
"""Smallest and largest value, both included; None for no bound; no interval at all is empty."""


def exact(operand: Number, *, as_written: bool = False) -> Fraction:
    """An operand's exact value.

    Args:
        operand: The number.
        as_written: Take a double as the shortest decimal that gives it, not as its binary value:
            what `20.1` means beside a DECIMAL column.
    """
    if as_written and isinstance(operand, float):
        return Fraction(Decimal(repr(operand)))
    return Fraction(operand)


def scaled_interval(operator: str, operands: Sequence[Fraction], scale: int) -> Interval:
    """The numbers n for which n / 10**scale meets the comparison, as integers.

    Args:
        operator: `eq`, `gt`, `gte`, `lt`, `lte` or `between`.
        operands: One exact value; for `between` two.
        scale: Digits behind the decimal point; 0 for integers.

    Example:
        >>> scaled_interval("gt", [Fraction("2.5")], 0)
        (3, None)
        >>> scaled_interval("eq", [Fraction("2.5")], 1)
        (25, 25)
    """
    low, high = (operands[0] * 10**scale, operands[-1] * 10**scale)
    smallest = {"gt": math.floor(low) + 1, "lt": None, "lte": None}.get(operator, math.ceil(low))
    largest = {"lt": math.ceil(high) - 1, "gt": None, "gte": None}.get(operator, math.floor(high))
    if smallest is not None and largest is not None and smallest > largest:
        return None
    return smallest, largest


def double_interval(operator: str, operands: Sequence[Fraction]) -> Interval:
    """The finite doubles that meet the comparison.

    Example:
        >>> double_interval("gt", [Fraction(2**53 + 1)])
        (9007199254740994.0, None)
        >>> double_interval("eq", [Fraction(2**53 + 1)]) is None
        True
    """
    low, high = operands[0], operands[-1]
    smallest = largest = None
    if operator not in ("lt", "lte"):
        smallest = float(low)
        if Fraction(smallest) < low or (operator == "gt" and Fraction(smallest) == low):
            smallest = math.nextafter(smallest, math.inf)
    if operator not in ("gt", "gte"):
        largest = float(high)
        if Fraction(largest) > high or (operator == "lt" and Fraction(largest) == high):
            largest = math.nextafter(largest, -math.inf)
    if smallest is not None and largest is not None and smallest > largest:
        return None
    return smallest, largest
