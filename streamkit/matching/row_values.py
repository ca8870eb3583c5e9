"""Values in Python, with the meaning that `events.values` gives them in SQL.

Each function is total: what does not fit gives None, never an error, because one bad event must
not stop a matcher. Times are whole microseconds since the epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from streamkit.events.values import FIRST_TIME, INTEGER_TEXT, LAST_TIME, NUMBER_TEXT, TICKS
from streamkit.times import EPOCH, from_microseconds

__all__ = [
    "epoch_micros",
    "is_text",
    "key_text",
    "micros",
    "micros_text",
    "number_text",
    "plain",
    "read_number",
    "text_micros",
    "time_value",
]

SECOND, MINUTE, DAY = 1_000_000, 60_000_000, 86_400_000_000
INT64 = -(2**63)
UINT64 = 2**64 - 1
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?"
    r"(?:([Zz])|([+-])([01]\d|2[0-3]):([0-5]\d))?",
    re.ASCII,
)
NUMBER = re.compile(NUMBER_TEXT)
INTEGER = re.compile(INTEGER_TEXT)
LONGEST_INTEGER = 40
OWN_TYPES = frozenset({str, int, float, bool, Decimal, datetime, date, list, dict, type(None)})
MINUTES_KEPT = 4096
_minutes: dict[str, int] = {}
"""Times by their text up to the minute's colon, as events of one minute come together."""


def is_text(text: str) -> bool:
    """Whether a Python string is text at all: a lone surrogate is half a character.

    Example:
        >>> is_text("é"), is_text(chr(0xD800))
        (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_micros(text: str) -> int | None:
    """The time that RFC 3339 text stands for; None if it is none of years 1 to 9999.

    Example:
        >>> text_micros("1970-01-01T00:00:01.5Z"), text_micros("1970-01-01")
        (1500000, None)
    """
    minute = _minutes.get(text[:17])
    if minute is not None and text[-1] == "Z" and text.isascii():
        length = len(text)
        if length == 20 and text[17:19].isdigit() and text[17] < "6":
            return minute + int(text[17:19]) * SECOND
        if (
            length == 27
            and text[19] == "."
            and text[17:19].isdigit()
            and text[17] < "6"
            and text[20:26].isdigit()
        ):
            return minute + int(text[17:19] + text[20:26])
    return _parse_time(text)


def _parse_time(text: str) -> int | None:
    found = TIME.fullmatch(text)
    if found is None or text.startswith("0000"):
        return None
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH.toordinal()
    except ValueError:
        return None
    until_minute = days * DAY + (int(hour) * 60 + int(minute)) * MINUTE
    if len(_minutes) >= MINUTES_KEPT:
        _minutes.clear()
    _minutes[text[:17]] = until_minute
    time = until_minute + int(second) * SECOND
    if fraction:
        time += int(fraction[:6].ljust(6, "0"))
    if sign:
        offset = (int(hours) * 60 + int(minutes)) * MINUTE
        time += offset if sign == "-" else -offset
    return time if FIRST_TIME <= time <= LAST_TIME else None


def micros(value: Any) -> int | None:
    """The time that a datetime (naive is UTC), a date (its midnight) or a text stands for."""
    kind = type(value)
    if kind is str:
        return text_micros(value)
    if kind is datetime or isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - EPOCH
        seconds: int = since.days * 86_400 + since.seconds
        return seconds * SECOND + int(since.microseconds)
    if isinstance(value, date):
        return (value.toordinal() - EPOCH.toordinal()) * DAY
    return None


def epoch_micros(count: int, unit: str) -> int | None:
    """An integer epoch in `s`, `ms`, `us` or `ns`, floored; None outside years 1 to 9999.

    Example:
        >>> epoch_micros(-1, "ns"), epoch_micros(2, "s")
        (-1, 2000000)
    """
    time = count // 1000 if unit == "ns" else count * TICKS[unit]
    return time if FIRST_TIME <= time <= LAST_TIME else None


def micros_text(time: int) -> str:
    """A time as RFC 3339 text with microseconds and `Z`.

    Example:
        >>> micros_text(1)
        '1970-01-01T00:00:00.000001Z'
    """
    days, rest = divmod(time, DAY)
    seconds, fraction = divmod(rest, SECOND)
    hours, seconds = divmod(seconds, 3600)
    day = date.fromordinal(days + EPOCH.toordinal()).isoformat()
    return f"{day}T{hours:02}:{seconds // 60:02}:{seconds % 60:02}.{fraction:06}Z"


def time_value(time: int | None) -> datetime | None:
    """Microseconds as a value that criteria know for a time."""
    return None if time is None else from_microseconds(time)


def read_number(text: str) -> int | float | None:
    """Text that is a JSON number: an integer of 64 bits exactly, anything else as a double.

    Example:
        >>> read_number("9007199254740993"), read_number("1e0"), read_number("01")
        (9007199254740993, 1.0, None)
    """
    if NUMBER.fullmatch(text) is None:
        return None
    if len(text) <= LONGEST_INTEGER and INTEGER.fullmatch(text):
        whole = int(text)
        if INT64 <= whole <= UINT64:
            return whole
    return float(text)


def key_text(value: Any) -> str | None:
    """A value as the text that keys, ids and users are compared by; None where it has none."""
    write = KEY_TEXTS.get(type(value))
    if write is not None:
        return write(value)
    value = plain(value)
    write = KEY_TEXTS.get(type(value))
    return write(value) if write is not None else None


def _text_key(text: str) -> str | None:
    return text if text.isascii() or is_text(text) else None


def _float_key(number: float) -> str | None:
    return str(int(number)) if number.is_integer() else None


def _decimal_key(number: Decimal) -> str | None:
    if not number.is_finite():
        return None
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _time_key(value: date) -> str | None:
    time = micros(value)
    return None if time is None else micros_text(time)


KEY_TEXTS: dict[type, Callable[[Any], str | None]] = {
    str: _text_key,
    int: str,
    bool: {True: "true", False: "false"}.get,
    float: _float_key,
    Decimal: _decimal_key,
    datetime: _time_key,
    date: _time_key,
    type(None): lambda _: None,
}


def number_text(number: int | float) -> str:
    """A number of a JSON document as text: the shortest digits, `.0` behind a whole double.

    What is larger than any double has lost its digits and is written as one that is too.

    Example:
        >>> number_text(100.0), number_text(1e21), number_text(1e-7)
        ('100.0', '1e21', '1e-7')
    """
    if not isinstance(number, float):
        return str(number)
    if math.isinf(number):
        return "1e999" if number > 0 else "-1e999"
    digits, _, exponent = repr(number).partition("e")
    if exponent and -7 < int(exponent) < 21:
        shown = format(Decimal(repr(number)), "f")
        return shown if "." in shown else shown + ".0"
    return f"{digits.removesuffix('.0')}e{int(exponent)}" if exponent else digits


def plain(value: Any) -> Any:
    """A value of a type that is not Python's own as the one of Python's it stands for.

    Numbers of NumPy and subclasses of text become what they hold; tuples and arrays become
    lists. What stands for nothing here, such as bytes, becomes None.
    """
    if type(value) in OWN_TYPES:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.timetz())
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return None
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    return value if isinstance(value, date | Decimal | dict) else None


def as_double(number: int) -> float:
    """An integer as the nearest double, infinite where it is too large."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)
