"""Values of live events as the types that the schema or the files say they have.

A column's type is fixed by the files; a declared type by the schema's `types:`. Both are reached
from whatever a live event holds: Python values, or what JSON could make of them. None is what
does not fit; None stays None.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, TypeAlias

from streamkit.events.types import INTEGERS, Kind, ValueType
from streamkit.matching.row_values import (
    INTEGER,
    NUMBER,
    as_double,
    key_text,
    micros,
    number_text,
    text_micros,
    time_value,
)

__all__ = ["Cast", "cast_to_column", "declared_cast"]

Cast: TypeAlias = Callable[[Any], Any]
DIGITS = Context(prec=100)
HUGE = INTEGERS["hugeint"]
BOOLEANS = {"true": True, "false": False}


def declared_cast(cast: str, type_: ValueType) -> Cast:
    """How values of a type are cast to one that the schema declares.

    Args:
        cast: `text`, `integer`, `number`, `boolean` or `time`.
        type_: The type that they have.
    """
    if type_.kind is Kind.LIST:
        return _nothing
    if type_.kind is Kind.JSON:
        of_text = TO_DECLARED[cast]
        only_text = cast == "time"

        def of_scalar(value: Any) -> Any:
            if type(value) is str:
                return of_text(value)
            if isinstance(value, datetime | date | Decimal):
                return TO_DECLARED[cast](value)
            text = None if only_text else _scalar_text(value)
            return None if text is None else of_text(text)

        return of_scalar
    return TO_DECLARED[cast]


def _nothing(_: Any) -> None:
    """What no value of a type can be cast to."""


def _scalar_text(value: Any) -> str | None:
    """A document's scalar as text; None for objects, arrays and null."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return number_text(value) if isinstance(value, int | float) else None


def _to_text(value: Any) -> str | None:
    if type(value) is str:
        return value
    text = key_text(value)
    return repr(value) if text is None and type(value) is float else text


def _to_boolean(value: Any) -> bool | None:
    if type(value) is bool:
        return value
    return BOOLEANS.get(value) if type(value) is str else None


def _to_number(value: Any) -> int | float | None:
    """A double; an integer stays one, so that large ones keep their digits."""
    kind = type(value)
    if kind is float or kind is int:
        return value  # type: ignore[no-any-return] # a number, as just seen
    if kind is str:
        return float(value) if NUMBER.fullmatch(value) else None
    return float(value) if kind is Decimal and not value.is_snan() else None


def _to_integer(value: Any) -> int | None:
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return] # an integer, as just seen
    if kind is Decimal:
        kind, value = str, format(value, "f")
    if kind is str:
        if INTEGER.fullmatch(value):
            return _inside(int(value), HUGE) if len(value) <= 40 else None
        if NUMBER.fullmatch(value) is None:
            return None
        kind, value = float, float(value)
    if kind is float and value.is_integer():
        return _inside(int(value), HUGE)
    return None


def _to_time(value: Any) -> Any:
    if type(value) is str:
        return time_value(text_micros(value))
    return value if isinstance(value, date) else None


TO_DECLARED: dict[str, Cast] = {
    "text": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "time": _to_time,
}


def _inside(number: int, bounds: tuple[int, int]) -> int | None:
    return number if bounds[0] <= number <= bounds[1] else None


def cast_to_column(type_: ValueType) -> tuple[type, Cast]:
    """How live values become those of a column.

    Args:
        type_: The column's type, or that of what a path leads to inside it.

    Returns:
        The Python type of values that are right as they stand, and the cast for all others.
    """
    match type_.kind:
        case Kind.TEXT:
            return str, _column_text
        case Kind.BOOLEAN:
            return bool, _to_boolean
        case Kind.INTEGER:
            bounds = type_.bounds or HUGE
            return type(None), lambda value: _column_integer(value, bounds)
        case Kind.DOUBLE if type_.name == "FLOAT":
            return type(None), _column_single
        case Kind.DOUBLE:
            return float, _column_double
        case Kind.DECIMAL:
            precision, scale = type_.digits or (38, 0)
            return type(None), lambda value: _column_decimal(value, precision, scale)
        case Kind.TIMESTAMP:
            return datetime, _column_time
        case Kind.DATE:
            return type(None), _column_date
        case Kind.LIST:
            assert type_.element is not None
            right, cast = cast_to_column(type_.element)
            return type(None), lambda value: _column_list(value, right, cast)
        case _:
            return type(None), lambda value: value


def _column_text(value: Any) -> str | None:
    if type(value) in (int, float):
        return number_text(value)
    return key_text(value)


def _column_integer(value: Any, bounds: tuple[int, int]) -> int | None:
    whole = _to_integer(value)
    return None if whole is None else _inside(whole, bounds)


def _column_double(value: Any) -> float | None:
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return] # a float, as just seen
    if kind is int:
        return as_double(value)
    number = _to_number(value)
    return None if number is None else float(number)


def _column_single(value: Any) -> float | None:
    number = _column_double(value)
    if number is None:
        return None
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return None


def _column_decimal(value: Any, precision: int, scale: int) -> Decimal | None:
    kind = type(value)
    if kind is Decimal:
        number = value
    elif kind is int or kind is float:
        number = Decimal(repr(value))
    elif kind is str and NUMBER.fullmatch(value):
        number = Decimal(value)
    else:
        return None
    try:
        rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, DIGITS)
    except InvalidOperation:
        return None
    return rounded if rounded.adjusted() < precision - scale else None


def _column_time(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return time_value(micros(value))


def _column_date(value: Any) -> date | None:
    if type(value) is str:
        try:
            return date.fromisoformat(value) if len(value) == 10 else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _column_list(value: Any, right: type, cast: Cast) -> list[Any] | None:
    if type(value) is not list:
        if isinstance(value, str | bytes | dict) or not hasattr(value, "__iter__"):
            return None
        value = list(value)
    return [item if item is None or type(item) is right else cast(item) for item in value]
