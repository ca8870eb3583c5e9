"""Criteria as SQL.

**A comparison is decided by the kind of its operand and the kind of the value, never by a cast
of one to the other's type.** Numbers meet numbers (and text that is a JSON number), text meets
text, booleans meet booleans, times meet times. Whatever does not meet gives false, and so does a
missing value; a negative operator is NOT of that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from streamkit.definition.criteria import NEGATIVES, All, Any, Comparison, Criterion, Not, Scalar
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters
from streamkit.events.types import Kind, ValueType
from streamkit.events.values import INTEGER_TEXT, cast_scalar, time_us
from streamkit.matching.numbers import Interval, double_interval, exact, scaled_interval
from streamkit.path import Path
from streamkit.times import to_microseconds

__all__ = ["criterion_sql", "folded_pattern"]

TEXT = ValueType(Kind.TEXT, "VARCHAR")
INT64_RANGE = (-(2**63), 2**64 - 1)
EXACT_DOUBLES = 2**53
"""Below this every integer is a double."""
FALSE = "false"


def criterion_sql(
    criterion: Criterion,
    bind: Callable[[Path], Property],
    values: RowValues,
    parameters: Parameters,
) -> str:
    """A criterion as an SQL condition that is true or false, never NULL.

    Args:
        criterion: The criterion.
        bind: What a path means in the events.
        values: Collects the properties that the condition reads.
        parameters: Collects the operands.
    """

    def compile_(criterion: Criterion) -> str:
        match criterion:
            case All(()):
                return "true"
            case All(criteria):
                return "(" + " AND ".join(map(compile_, criteria)) + ")"
            case Any(criteria):
                return "(" + " OR ".join(map(compile_, criteria)) + ")"
            case Not(inner):
                return f"NOT {compile_(inner)}"
            case Comparison():
                return _comparison(criterion, bind(criterion.path), values, parameters)

    return compile_(criterion)


def _comparison(
    comparison: Comparison, bound: Property, values: RowValues, parameters: Parameters
) -> str:
    sql = values.column(bound)
    if comparison.operator == "exists":
        present = _present(sql, bound)
        return f"({present})" if comparison.operand else f"NOT ({present})"
    operator = NEGATIVES.get(comparison.operator, comparison.operator)
    operands = (
        comparison.operand if isinstance(comparison.operand, tuple) else (comparison.operand,)
    )
    scalar = _Scalars(operator, operands, comparison.ignore_case, bound.cast, parameters)
    condition = f"coalesce({scalar.any_of(sql, bound.type)}, false)"
    return f"NOT {condition}" if comparison.operator in NEGATIVES else condition


def _present(sql: str, bound: Property) -> str:
    """The property is there and not null; a list is, whatever its elements."""
    if bound.cast is None or bound.type.kind is Kind.LIST:
        if bound.is_document:
            return f"coalesce(CAST({sql} AS VARCHAR) <> 'null', false)"
        return f"{sql} IS NOT NULL"
    cast, _ = cast_scalar(sql, bound.type, bound.cast)
    if bound.is_document:
        return f"coalesce(starts_with({sql}, '['), false) OR {cast} IS NOT NULL"
    return f"{cast} IS NOT NULL"


class _Scalars:
    """One comparison, compiled for values of whatever type it meets."""

    def __init__(
        self,
        operator: str,
        operands: Sequence[Scalar],
        ignore_case: bool,
        cast: str | None,
        parameters: Parameters,
    ) -> None:
        self.operator = "eq" if operator == "in" else operator
        self.ignore_case = ignore_case
        self.cast = cast
        self.bind = parameters.bind
        self.booleans = [o for o in operands if isinstance(o, bool)]
        self.numbers = [
            o for o in operands if isinstance(o, (int, float)) and not isinstance(o, bool)
        ]
        self.texts = [o for o in operands if isinstance(o, str)]
        self.times = [to_microseconds(o) for o in operands if isinstance(o, datetime)]

    def any_of(self, sql: str, type_: ValueType) -> str:
        """The value meets the comparison, or any element of it does where it is a list."""
        if type_.kind is Kind.LIST:
            assert type_.element is not None
            if type_.element.kind is Kind.LIST:
                return FALSE
            return self._any_element(sql, type_.element)
        if type_.kind is Kind.JSON:
            elements = self._any_element(f"CAST({sql} AS JSON[])", type_)
            one = self.one(sql, type_)
            return f"CASE WHEN starts_with({sql}, '[') THEN {elements} ELSE {one} END"
        return self.one(sql, type_)

    def _any_element(self, sql: str, element: ValueType) -> str:
        condition = self.one("element", element)
        if condition == FALSE:
            return FALSE
        return f"len(list_filter({sql}, lambda element: coalesce({condition}, false))) > 0"

    def one(self, sql: str, type_: ValueType) -> str:
        """A scalar meets the comparison; may be NULL where the scalar is."""
        if self.cast is not None:
            sql, type_ = cast_scalar(sql, type_, self.cast)
        conditions = [
            condition
            for condition in (
                self._boolean(sql, type_) if self.booleans else FALSE,
                self._number(sql, type_) if self.numbers else FALSE,
                self._text(sql, type_) if self.texts else FALSE,
                self._time(sql, type_) if self.times else FALSE,
            )
            if condition != FALSE
        ]
        if len(conditions) > 1:  # a mixed `in`: what is NULL for one kind may be true for another
            return "(" + " OR ".join(f"coalesce({c}, false)" for c in conditions) + ")"
        return conditions[0] if conditions else FALSE

    def _boolean(self, sql: str, type_: ValueType) -> str:
        if type_.kind is Kind.JSON:
            wanted = ", ".join("'true'" if b else "'false'" for b in sorted(set(self.booleans)))
            return f"CAST({sql} AS VARCHAR) IN ({wanted})"
        if type_.kind is not Kind.BOOLEAN:
            return FALSE
        return (
            f"{sql} IN ({', '.join('true' if b else 'false' for b in sorted(set(self.booleans)))})"
        )

    def _text(self, sql: str, type_: ValueType) -> str:
        if type_.kind is Kind.JSON:
            if self.operator == "eq" and len(self.texts) == 1 and not self.ignore_case:
                return f"{sql} = to_json({self.bind(self.texts[0])})"
            return self._text(f"json_string({sql})", TEXT)
        if type_.kind is not Kind.TEXT:
            return FALSE
        if type_.name != "VARCHAR":
            sql = f"CAST({sql} AS VARCHAR)"
        if self.operator == "matches":
            fold = "(?i)" if self.ignore_case else ""
            # in a group, because DuckDB takes an empty group beside an anchor for no match
            return f"regexp_matches({sql}, {self.bind(f'{fold}({self.texts[0]})')})"
        if self.ignore_case:
            return f"regexp_matches({sql}, {self.bind(folded_pattern(self.operator, self.texts))})"
        match self.operator:
            case "eq" if len(self.texts) == 1:
                return f"{sql} = {self.bind(self.texts[0])}"
            case "eq":
                return f"list_contains({self.bind(list(self.texts))}, {sql})"
            case "between":
                return f"{sql} BETWEEN {self.bind(self.texts[0])} AND {self.bind(self.texts[1])}"
            case "contains" | "starts_with" | "ends_with":
                return f"{self.operator}({sql}, {self.bind(self.texts[0])})"
            case _:
                return f"{sql} {COMPARE[self.operator]} {self.bind(self.texts[0])}"

    def _time(self, sql: str, type_: ValueType) -> str:
        if type_.kind is Kind.JSON:
            return self._time(f"json_string({sql})", TEXT)
        if type_.kind not in (Kind.TEXT, Kind.TIMESTAMP, Kind.DATE):
            return FALSE
        if type_.kind is Kind.TEXT and type_.name != "VARCHAR":
            sql = f"CAST({sql} AS VARCHAR)"
        micros = time_us(sql, type_)
        match self.operator:
            case "eq" if len(self.times) == 1:
                return f"{micros} = {self.bind(self.times[0])}"
            case "eq":
                return f"list_contains({self.bind(list(self.times))}, {micros})"
            case "between":
                return f"{micros} BETWEEN {self.bind(self.times[0])} AND {self.bind(self.times[1])}"
            case _:
                return f"{micros} {COMPARE[self.operator]} {self.bind(self.times[0])}"

    def _number(self, sql: str, type_: ValueType) -> str:
        match type_.kind:
            case Kind.INTEGER:
                assert type_.bounds is not None
                return self._scaled(sql, type_.name, 0, type_.bounds)
            case Kind.DECIMAL:
                assert type_.digits is not None
                precision, scale = type_.digits
                largest = 10**precision - 1
                return self._scaled(sql, type_.name, scale, (-largest, largest))
            case Kind.DOUBLE:
                if type_.name == "FLOAT":
                    sql = f"CAST({sql} AS DOUBLE)"
                return f"(isfinite({sql}) AND {self._double(sql)})"
            case Kind.TEXT:
                return self._number_text(
                    sql if type_.name == "VARCHAR" else f"CAST({sql} AS VARCHAR)"
                )
            case Kind.JSON:
                return self._number_text(f"json_digits({sql})")
            case _:
                return FALSE

    def _number_text(self, sql: str) -> str:
        """Text that is a JSON number: an integer of 64 bits exactly, anything else as a double."""
        double, huge = f"text_double({sql})", f"TRY_CAST({sql} AS HUGEINT)"
        as_double = f"isfinite({double}) AND {self._double(double)}"
        if all(abs(number) < EXACT_DOUBLES for number in self.numbers):
            return f"({as_double})"  # no integer that a double rounds comes near the operands
        is_rounded = (
            f"abs({double}) >= {EXACT_DOUBLES} AND regexp_full_match({sql}, '{INTEGER_TEXT}')"
            f" AND {huge} BETWEEN {INT64_RANGE[0]} AND {INT64_RANGE[1]}"
        )
        as_integer = self._scaled(huge, "HUGEINT", 0, (-(2**127), 2**127 - 1))
        return f"CASE WHEN {is_rounded} THEN {as_integer} ELSE {as_double} END"

    def _scaled(self, sql: str, type_name: str, scale: int, bounds: tuple[int, int]) -> str:
        """Integers, or decimals as integers of their last digit."""

        def value(scaled: int | float) -> str:
            scaled = int(scaled)
            if not scale and type_name == "BIGINT":
                return self.bind(scaled)
            text = str(Decimal(scaled).scaleb(-scale)) if scale else str(scaled)
            return f"CAST({self.bind(text)} AS {type_name})"

        operands = [
            exact(number, as_written=scale > 0 or type_name.startswith("DEC"))
            for number in self.numbers
        ]
        if self.operator == "eq":
            wanted = sorted(
                int(operand * 10**scale)
                for operand in set(operands)
                if (operand * 10**scale).denominator == 1
                and bounds[0] <= operand * 10**scale <= bounds[1]
            )
            return f"{sql} IN ({', '.join(map(value, wanted))})" if wanted else FALSE
        interval = scaled_interval(self.operator, operands, scale)
        return _within(sql, _clamp(interval, bounds), value)

    def _double(self, sql: str) -> str:
        """Doubles that are known to be finite."""
        operands = [exact(number) for number in self.numbers]
        if self.operator == "eq":
            wanted = sorted(float(o) for o in set(operands) if exact(float(o)) == o)
            return f"list_contains({self.bind(wanted)}, {sql})" if wanted else FALSE
        return _within(sql, double_interval(self.operator, operands), self.bind)


COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _clamp(interval: Interval, bounds: tuple[int, int]) -> Interval:
    """An interval inside a type's bounds: bounds that every value meets are dropped."""
    if interval is None:
        return None
    low, high = interval
    if (low is not None and low > bounds[1]) or (high is not None and high < bounds[0]):
        return None
    return (
        None if low is None or low <= bounds[0] else low,
        None if high is None or high >= bounds[1] else high,
    )


def _within(sql: str, interval: Interval, value: Callable[[int | float], str]) -> str:
    if interval is None:
        return FALSE
    low, high = interval
    conditions = [f"{sql} >= {value(low)}"] if low is not None else []
    conditions += [f"{sql} <= {value(high)}"] if high is not None else []
    return "(" + " AND ".join(conditions) + ")" if conditions else f"{sql} IS NOT NULL"


def folded_pattern(operator: str, texts: Sequence[str]) -> str:
    """A pattern that finds the texts whatever their case, as RE2 folds it."""
    import re2

    literals = "|".join(re2.escape(text) for text in texts)
    start = "" if operator in ("contains", "ends_with") else r"\A"
    end = "" if operator in ("contains", "starts_with") else r"\z"
    return f"(?i)({start}(?:{literals}){end})"
