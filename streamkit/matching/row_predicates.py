"""Criteria as functions of one event, with exactly the meaning that `predicates` gives them in SQL.

**A comparison is a table from a value's type to a test.** What the operand does not meet is not in
the table, so nothing is ever converted in order to be compared, and a value of a type that nobody
thought of meets nothing. A negative operator is NOT of its positive.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from streamkit.definition.criteria import NEGATIVES, All, Comparison, Criterion, Not, Scalar
from streamkit.definition.criteria import Any as AnyOf
from streamkit.events.property import Property
from streamkit.events.types import Kind
from streamkit.matching.predicates import folded_pattern
from streamkit.matching.row_casts import cast_to_column
from streamkit.matching.row_paths import Event, Read, RowReaders
from streamkit.matching.row_values import INT64, UINT64, as_double, micros, plain, read_number
from streamkit.path import Path
from streamkit.times import to_microseconds

__all__ = ["Test", "all_of", "criterion_test", "criterion_tests"]

Test: TypeAlias = Callable[[Any], bool]
"""A yes or no about one value, or about one event."""
Tests: TypeAlias = dict[type, Test]
ANSWERS_KEPT = 2048
SHORT = 256
LARGEST = sys.float_info.max
FINDERS = ("contains", "starts_with", "ends_with")
"""Operators that find a text in a text."""
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def criterion_test(
    criterion: Criterion, bind: Callable[[Path], Property], readers: RowReaders
) -> Test:
    """A criterion as a function of an event.

    Args:
        criterion: The criterion.
        bind: What a path means in the events.
        readers: Brings properties out of an event.

    Example:
        >>> from streamkit.events.types import ValueType
        >>> from streamkit.matching.row_paths import Faults
        >>> price = Property(Path(("price",)), "price", number := ValueType(Kind.DOUBLE, "DOUBLE"), (), number)
        >>> test = criterion_test(Comparison(price.path, "gt", 20), lambda _: price, RowReaders(faults=Faults()))
        >>> test({"price": 20.5}), test({"price": 20}), test({})
        (True, False, False)
    """
    match criterion:
        case All():
            return all_of(criterion_tests(criterion, bind, readers))
        case AnyOf((only,)):
            return criterion_test(only, bind, readers)
        case AnyOf(criteria):
            return _any([criterion_test(each, bind, readers) for each in criteria])
        case Not(inner):
            test = criterion_test(inner, bind, readers)
            return lambda event: not test(event)
        case Comparison():
            return _comparison(criterion, bind(criterion.path), readers)


def criterion_tests(
    criterion: Criterion, bind: Callable[[Path], Property], readers: RowReaders
) -> list[Test]:
    """The same as tests that must all hold, the cheap ones first."""
    parts = sorted(_parts(criterion), key=lambda part: _cost(part, bind))
    return [criterion_test(each, bind, readers) for each in parts]


def _parts(criterion: Criterion) -> list[Criterion]:
    """The criteria that must all hold, those of groups inside the group included."""
    if not isinstance(criterion, All):
        return [criterion]
    return [part for each in criterion.criteria for part in _parts(each)]


def _cost(criterion: Criterion, bind: Callable[[Path], Property]) -> int:
    """How long a criterion takes, roughly: of several that must hold the cheap ones come first."""
    match criterion:
        case Not(inner):
            return _cost(inner, bind)
        case All(criteria) | AnyOf(criteria):
            return sum(_cost(each, bind) for each in criteria)
    assert isinstance(criterion, Comparison)
    bound = bind(criterion.path)
    operand = criterion.operand
    first = operand[0] if isinstance(operand, tuple) else operand
    cost = 1 + len(bound.accesses)
    cost += 3 * isinstance(first, datetime) + 3 * criterion.operator.endswith("matches")
    return cost + 5 * (bound.is_document and bound.column_type.kind is Kind.TEXT)


def all_of(tests: Sequence[Test]) -> Test:
    """Tests that must all hold, as one."""
    if not tests:
        return lambda _: True
    if len(tests) == 1:
        return tests[0]
    middle = len(tests) // 2  # halved, so that many criteria are not nested deeply
    first, second = all_of(tests[:middle]), all_of(tests[middle:])
    return lambda event: first(event) and second(event)


def _any(tests: Sequence[Test]) -> Test:
    if not tests:
        return lambda _: False
    if len(tests) == 1:
        return tests[0]
    middle = len(tests) // 2
    first, second = _any(tests[:middle]), _any(tests[middle:])
    return lambda event: first(event) or second(event)


def _comparison(comparison: Comparison, bound: Property, readers: RowReaders) -> Test:
    read = readers.value(bound)
    if comparison.operator == "exists":
        return _presence(read, bound, readers, wanted=bool(comparison.operand))
    name = NEGATIVES.get(comparison.operator, comparison.operator)
    operands = (
        comparison.operand if isinstance(comparison.operand, tuple) else (comparison.operand,)
    )
    is_exact = bound.cast is not None or bound.type.kind is not Kind.JSON
    tests = value_tests(name, operands, ignore_case=comparison.ignore_case, is_exact=is_exact)
    other = _other_values(tests, readers.cast(bound))
    get = tests.get if bound.cast is None else lambda _: None

    def of_value(event: Event) -> bool:
        value = read(event)
        test = get(type(value))
        return other(value) if test is None else test(value)

    holds: Test = of_value
    is_negative = comparison.operator in NEGATIVES
    if not bound.accesses and bound.cast is None:
        right, _ = cast_to_column(bound.type)
        if right in tests:
            sought = operands[0] if name in FINDERS and not comparison.ignore_case else None
            if right is str and isinstance(sought, str):
                holds = _column_finder(bound.column, name, sought, of_value)
            else:
                holds = _column_test(bound.column, right, tests[right], of_value)
    return (lambda event: not holds(event)) if is_negative else holds


def _presence(read: Read, bound: Property, readers: RowReaders, *, wanted: bool) -> Test:
    """The property is there and not null; a list is, whatever its elements.

    A value that does not fit its declared type is as good as not there.
    """
    cast = readers.cast(bound)
    if cast is None or bound.type.kind is Kind.LIST:
        if not bound.accesses and bound.type.kind is Kind.TEXT:
            return _column_presence(bound.column, read, wanted=wanted)
        return lambda event: (read(event) is not None) is wanted

    def present(event: Event) -> bool:
        value = read(event)
        if value is not None and type(value) is not list:
            value = cast(value)
        return (value is not None) is wanted

    return present


def _column_presence(column: str, read: Read, *, wanted: bool) -> Test:
    """The same for a whole column of text, where nearly all values are text."""

    def present(event: Event) -> bool:
        if type(event.get(column)) is str:
            return wanted
        return (read(event) is not None) is wanted

    return present


def _column_test(column: str, right: type, test: Test, otherwise: Test) -> Test:
    """The same for a whole column, where nearly all values have the column's own type."""

    def holds(event: Event) -> bool:
        value = event.get(column)
        return test(value) if type(value) is right else otherwise(event)

    return holds


def _column_finder(column: str, name: str, sought: str, otherwise: Test) -> Test:
    """The same for a text to be found in a column of text: what is asked of most page addresses.

    Each is written out, because to call a test of the value takes longer than the answer.
    """

    def contains(event: Event) -> bool:
        value = event.get(column)
        return sought in value if type(value) is str else otherwise(event)

    def starts_with(event: Event) -> bool:
        value = event.get(column)
        return value.startswith(sought) if type(value) is str else otherwise(event)

    def ends_with(event: Event) -> bool:
        value = event.get(column)
        return value.endswith(sought) if type(value) is str else otherwise(event)

    return {"contains": contains, "starts_with": starts_with, "ends_with": ends_with}[name]


def _other_values(tests: Tests, cast: Read | None) -> Test:
    """Missing values, lists, values to be cast, and types that are not Python's own."""
    get = tests.get if cast is None else lambda _: None

    def one(value: Any) -> bool:
        if cast is not None:
            value = cast(value)
        test = tests.get(type(value))
        if test is None and value is not None:
            test = tests.get(type(value := plain(value)))
        return test is not None and test(value)

    def other(value: Any) -> bool:
        if value is None:
            return False
        if type(value) is list:
            for item in value:
                test = get(type(item))
                if test(item) if test is not None else item is not None and one(item):
                    return True
            return False
        if isinstance(value, tuple) or hasattr(value, "tolist"):
            value = plain(value)
            return other(value) if type(value) is list else one(value)
        return one(value)

    return other


def value_tests(
    name: str, operands: Sequence[Scalar], *, ignore_case: bool = False, is_exact: bool = True
) -> Tests:
    """The tests of one positive operator, by the type of the value.

    Args:
        name: The operator.
        operands: One, or those of `in` and `between`.
        ignore_case: Fold the case of text as RE2 does.
        is_exact: Whether integers of any size are exact; in a document those beyond 64 bits are
            doubles.
    """
    name = "eq" if name == "in" else name
    booleans = frozenset(o for o in operands if isinstance(o, bool))
    numbers = [o for o in operands if isinstance(o, int | float) and not isinstance(o, bool)]
    texts = [o for o in operands if isinstance(o, str)]
    times = [to_microseconds(o) for o in operands if isinstance(o, datetime)]
    tests: Tests = {}
    of_text: list[Test] = []
    if booleans:
        tests[bool] = booleans.__contains__
    if numbers:
        tests |= _number_tests(name, numbers, is_exact=is_exact)
        of_text.append(_number_text_test(tests))
    if texts:
        of_text.insert(0, _text_test(name, texts, ignore_case=ignore_case))
    if times:
        of_time = _time_test(name, times)
        tests |= {datetime: of_time, date: of_time}
        of_text.append(of_time)
    if of_text:
        tests[str] = _any(of_text)
    return tests


def _ordered(name: str, operands: Sequence[Any]) -> Test:
    """`eq`, an order or `between`, of values that Python compares as they should be."""
    first = operands[0]
    if name == "eq":
        if len(operands) == 1:
            return lambda value: value == first
        return frozenset(operands).__contains__
    if name == "between":
        low, high = operands
        return lambda value: low <= value <= high
    compare = ORDERS[name]
    return lambda value: compare(value, first)


def _number_tests(name: str, numbers: Sequence[int | float], *, is_exact: bool) -> Tests:
    """Python compares integers with doubles by exact value, as the contract asks."""
    compare = _ordered(name, numbers)
    of_decimal = _ordered(
        name, [Decimal(repr(o)) if isinstance(o, float) else Decimal(o) for o in numbers]
    )

    def of_float(value: float) -> bool:
        return -LARGEST <= value <= LARGEST and compare(value)

    def of_document(value: int) -> bool:
        return compare(value) if INT64 <= value <= UINT64 else of_float(as_double(value))

    return {
        int: compare if is_exact else of_document,
        float: of_float,
        Decimal: lambda value: value.is_finite() and of_decimal(value),
    }


def _number_text_test(tests: Tests) -> Test:
    of_integer, of_float = tests[int], tests[float]

    def of_text(text: str) -> bool:
        number = read_number(text)
        if number is None:
            return False
        return of_integer(number) if type(number) is int else of_float(number)

    return of_text


def _text_test(name: str, texts: Sequence[str], *, ignore_case: bool) -> Test:
    text = texts[0]
    if name == "matches":
        return _finds("(?i)" + text if ignore_case else text)
    if ignore_case:
        return _folded_test(name, texts)
    match name:
        case "contains":
            return operator.methodcaller("__contains__", text)
        case "starts_with":
            return operator.methodcaller("startswith", text)
        case "ends_with":
            return operator.methodcaller("endswith", text)
        case _:
            return _ordered(name, texts)


def _finds(pattern: str) -> Test:
    """RE2 as DuckDB has it; texts of events repeat, so the last answers are kept."""
    import re2

    search = re2.compile(pattern).search

    @lru_cache(maxsize=ANSWERS_KEPT)
    def short(value: str) -> bool:
        return search(value.encode(errors="replace")) is not None

    def test(value: str) -> bool:
        if len(value) <= SHORT:
            return short(value)
        return search(value.encode(errors="replace")) is not None

    return test


def _folded_test(name: str, texts: Sequence[str]) -> Test:
    """ASCII folds as everybody expects; beyond it RE2 decides (a long s is an s)."""
    finds = _finds(folded_pattern(name, texts))
    if not all(text.isascii() for text in texts):
        return finds
    lowered = [text.lower() for text in texts]
    plainly = _text_test(name, lowered, ignore_case=False)
    return lambda value: plainly(value.lower()) if value.isascii() else finds(value)


def _time_test(name: str, times: Sequence[int]) -> Test:
    compare = _ordered(name, times)

    def of_time(value: Any) -> bool:
        time = micros(value)
        return time is not None and compare(time)

    return of_time
