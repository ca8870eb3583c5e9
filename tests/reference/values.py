"""Values as the contract sees them: durations, times, JSON, canonical text, and paths.

Missing and null are one thing, `None`: no rule tells them apart. Times are whole microseconds
since the epoch.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

__all__ = [
    "canonical_text",
    "epoch_microseconds",
    "microseconds",
    "moment",
    "read_json",
    "read_number",
    "resolve",
    "segments",
    "time_text",
]

UNITS = {"us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))?",
    re.ASCII,
)
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SEGMENT = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def microseconds(duration: str) -> int:
    """The length of a duration such as `500ms`, `90s`, `15m`, `24h` or `7d`."""
    count, unit = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)", duration).groups()
    return int(Decimal(count) * UNITS[unit])


# Times


def since_epoch(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1)


FIRST_TIME = since_epoch(datetime.min.replace(tzinfo=UTC))
LAST_TIME = since_epoch(datetime.max.replace(tzinfo=UTC))


def moment(value: Any) -> int | None:
    """The time that a timestamp, a date or a time text stands for; None if it stands for none."""
    if isinstance(value, datetime):
        return since_epoch(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return since_epoch(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return time_of_text(value) if isinstance(value, str) else None


def time_of_text(text: str) -> int | None:
    found = TIME.fullmatch(text)
    if not found:
        return None
    *parts, fraction, _, sign, hours, minutes = found.groups()
    try:
        local = since_epoch(datetime(*map(int, parts), tzinfo=UTC))
    except ValueError:
        return None
    if sign and (int(hours) > 23 or int(minutes) > 59):
        return None
    offset = (int(hours) * 60 + int(minutes)) * UNITS["m"] if sign else 0
    when = local + int((fraction or "").ljust(6, "0")[:6]) - (-offset if sign == "-" else offset)
    return when if FIRST_TIME <= when <= LAST_TIME else None


def epoch_microseconds(count: int, unit: str) -> int | None:
    """An integer epoch in a unit, floored; None outside the years 1 to 9999."""
    when = count // 1000 if unit == "ns" else count * UNITS[unit]
    return when if FIRST_TIME <= when <= LAST_TIME else None


def time_text(when: int) -> str:
    """RFC 3339 with microseconds and `Z`."""
    naive = (EPOCH + timedelta(microseconds=when)).replace(tzinfo=None)
    return naive.isoformat(timespec="microseconds") + "Z"


# JSON


def read_number(text: str) -> int | float | None:
    """JSON-number text: whole numbers of 64 bits are exact, all others are doubles."""
    found = NUMBER.fullmatch(text)
    if not found:
        return None
    if found[2] is None and found[3] is None and len(text) <= 20:
        whole = int(text)
        if -(2**63) <= whole < 2**64:
            return whole
    return float(text)


def read_json(document: str | None) -> Any:
    """A JSON document; None if it is invalid or holds a lone surrogate.

    Of equal keys of an object the first counts.
    """
    if document is None or lone_surrogate(document):
        return None
    try:
        return json.loads(
            document,
            parse_int=read_number,
            parse_float=read_number,
            parse_constant=refuse,
            object_pairs_hook=first_of_equal_keys,
        )
    except ValueError:
        return None


def refuse(word: str) -> None:
    raise ValueError(word)


def first_of_equal_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def lone_surrogate(document: str) -> bool:
    """Whether an escape anywhere in the document, dropped keys included, has no partner."""
    units = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|.)",
        lambda found: chr(int(found[1], 16)) if found[1] else "?",
        document,
        flags=re.DOTALL,
    )
    try:
        units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return True
    return False


# Text of keys


def canonical_text(value: Any) -> str | None:
    """A session, user, id, key part or cooldown value as text; None if it cannot be one."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else None
        case Decimal():
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case date():
            return time_text(moment(value))
        case _:
            return None


# Paths


def segments(path: str) -> list[str]:
    """The parts of a dotted path; a quoted part may hold dots, and a doubled quote is one."""
    return [
        quoted.replace('""', '"') if plain == "" else plain
        for quoted, plain in SEGMENT.findall(path)
    ]


def resolve(path: str, row: dict[str, Any]) -> Any:
    """The value at a path of a row: the longest column name first, then what is inside it.

    Structs, maps, lists of key and value, and JSON objects are all dictionaries here.
    """
    parts = segments(path)
    for length in range(len(parts), 0, -1):
        column = ".".join(parts[:length])
        if column in row:
            return inside(row[column], parts[length:])
    return None


def inside(value: Any, parts: list[str]) -> Any:
    if not parts:
        return value
    head, *rest = parts
    if isinstance(value, dict):
        return inside(value.get(head), rest)
    if not isinstance(value, list):
        return None
    if re.fullmatch("[0-9]+", head):
        index = int(head)
        return inside(value[index], rest) if index < len(value) else None
    return [inside(item, parts) for item in value]
