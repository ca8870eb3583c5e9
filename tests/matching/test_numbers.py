"""Intervals hold exactly the values that meet a comparison."""

from __future__ import annotations

import math
import operator
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streamkit.matching.numbers import double_interval, exact, scaled_interval

COMPARE = {
    "eq": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip
NEAR = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(2**53 - 3, 2**53 + 3),
    st.integers(2**63 - 2, 2**63 + 2),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.1, -0.0, 0.5, 1e300, 5e-324, 2.0**53]),
)


def inside(value: float, interval: tuple[float | None, float | None] | None) -> bool:
    if interval is None:
        return False
    low, high = interval
    return (low is None or value >= low) and (high is None or value <= high)


@given(st.sampled_from(sorted(COMPARE)), NEAR, st.integers(-(2**63), 2**64 - 1), st.integers(0, 3))
def test_scaled_integers(name: str, operand: float, value: int, scale: int) -> None:
    """For integers, and for decimals as integers of their last digit."""
    wanted = COMPARE[name](Fraction(value, 10**scale), exact(operand))
    assert inside(value, scaled_interval(name, [exact(operand)], scale)) is wanted


@given(st.sampled_from(sorted(COMPARE)), NEAR, NEAR)
def test_doubles(name: str, operand: float, near: float) -> None:
    """By exact value, not by the double nearest to the operand."""
    value = float(near)
    for each in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf)):
        if math.isfinite(each):
            wanted = COMPARE[name](Fraction(each), exact(operand))
            assert inside(each, double_interval(name, [exact(operand)])) is wanted


def test_a_decimal_operand_is_what_was_written() -> None:
    """20.1 beside a DECIMAL column is 201/10, not the double nearest to it."""
    assert exact(20.1, as_written=True) == Fraction(201, 10)
    assert exact(20.1) != Fraction(201, 10)
