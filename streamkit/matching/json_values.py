"""Values of events as plain JSON data, the same whether they come from a file or arrive live."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from streamkit.events.types import Kind, ValueType
from streamkit.matching.row_casts import cast_to_column
from streamkit.matching.row_values import (
    INT64,
    UINT64,
    is_text,
    key_text,
    micros,
    micros_text,
    plain,
)

__all__ = ["DEEPEST", "ToJson", "to_json", "to_json_of_type"]

ToJson: TypeAlias = Callable[[Any], Any]
DEEPEST = 100
"""Levels of a value; a deeper one counts as missing, because no JSON writer here could write it."""

MOST_BITS = 4096
"""Of an integer; a longer one counts as missing: Python writes none of more than 4,300 digits."""


def to_json_of_type(type_: ValueType) -> ToJson:
    """How values of a type become plain JSON data, whole structs, maps and lists included.

    A live value is cast to the type first, so that it reads as it would from a file.

    Args:
        type_: The type of the files' values; `JSON` for what shows its type only row by row.

    Example:
        >>> to_json_of_type(ValueType(Kind.TIMESTAMP, "TIMESTAMP"))("2026-01-31 12:00:00+01:00")
        '2026-01-31T11:00:00.000000Z'
    """
    match type_.kind:
        case Kind.JSON | Kind.OTHER:
            return to_json
        case Kind.LIST:
            return _of_list(_element(type_))
        case Kind.MAP:
            return _of_map(_element(type_))
        case Kind.STRUCT:
            return _of_struct({name: to_json_of_type(each) for name, each in type_.fields})
    right, cast = cast_to_column(type_)

    def of_scalar(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not right:
            found = cast(value)
            value = cast(plain(value)) if found is None else found
        return _scalar(value)

    return of_scalar


def to_json(value: Any, depth: int = 0) -> Any:
    """A value as plain JSON data by what it is; None for what JSON has no word for.

    Integers are exact. A decimal is a number if a double shows it exactly, or else text. Times
    are RFC 3339 with microseconds and `Z`, dates `2026-01-31`.

    Example:
        >>> to_json({"price": Decimal("19.90"), "odd": float("nan"), "tags": ("a",)})
        {'price': 19.9, 'odd': None, 'tags': ['a']}
    """
    write = WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, Mapping):
        if depth >= DEEPEST:
            raise _TooDeepError
        try:
            return {
                key if type(key) is str else key_text(key): to_json(each, depth + 1)
                for key, each in value.items()
                if _is_key(key)
            }
        except _TooDeepError:
            if depth:
                raise
            return None
    value = plain(value)
    if isinstance(value, list):
        if depth >= DEEPEST:
            raise _TooDeepError
        try:
            return [to_json(each, depth + 1) for each in value]
        except _TooDeepError:
            if depth:
                raise
            return None
    return _scalar(value)


class _TooDeepError(Exception):
    """A value has more than `DEEPEST` levels."""


def _is_key(key: Any) -> bool:
    return is_text(key) if type(key) is str else key_text(key) is not None


def _scalar(value: Any) -> Any:
    write = WRITERS.get(type(value))
    return None if write is None else write(value)


def _text(text: str) -> str | None:
    return text if text.isascii() or is_text(text) else None


def _decimal(number: Decimal) -> int | float | str | None:
    if not number.is_finite():
        return None
    if number == number.to_integral_value() and INT64 <= number <= UINT64:
        return int(number)
    shown = float(number)
    if math.isfinite(shown) and Decimal(repr(shown)) == number:
        return shown
    return key_text(number)


def _time(value: datetime) -> str | None:
    time = micros(value)
    return None if time is None else micros_text(time)


WRITERS: dict[type, ToJson] = {
    str: _text,
    int: lambda number: number if number.bit_length() <= MOST_BITS else None,
    bool: lambda flag: flag,
    float: lambda number: number if math.isfinite(number) else None,
    Decimal: _decimal,
    datetime: _time,
    date: date.isoformat,
    type(None): lambda _: None,
}


def _element(type_: ValueType) -> ToJson:
    assert type_.element is not None
    return to_json_of_type(type_.element)


def _of_list(element: ToJson) -> ToJson:
    def of_list(value: Any) -> Any:
        value = value if type(value) is list else plain(value)
        return [element(each) for each in value] if isinstance(value, list) else None

    return of_list


def _of_map(element: ToJson) -> ToJson:
    def of_map(value: Any) -> Any:
        pairs = _pairs(value)
        if pairs is None:
            return None
        found = [(key_text(key), each) for key, each in pairs]
        return {key: element(each) for key, each in found if key is not None}

    return of_map


def _pairs(value: Any) -> list[tuple[Any, Any]] | None:
    """The entries of a map: a dict, a list of pairs, or of `{key, value}` structs."""
    if isinstance(value, Mapping):
        return list(value.items())
    if not isinstance(value, list | tuple):
        return None
    pairs = []
    for item in value:
        if isinstance(item, Mapping):
            pairs.append((item.get("key"), item.get("value")))
        elif isinstance(item, tuple | list) and len(item) == 2:
            pairs.append((item[0], item[1]))
    return pairs


def _of_struct(fields: Mapping[str, ToJson]) -> ToJson:
    def of_struct(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return None
        return {name: field(value.get(name)) for name, field in fields.items()}

    return of_struct
