"""Times of a mapping: from RFC 3339 text to seconds, or to text in a form and zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from streamkit.matching.row_values import micros, text_micros
from streamkit.times import from_microseconds

__all__ = ["compile_format", "unix_seconds"]

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda time: f"{time.year:04}",
    "y": lambda time: f"{time.year % 100:02}",
    "m": lambda time: f"{time.month:02}",
    "B": lambda time: MONTHS[time.month - 1],
    "b": lambda time: MONTHS[time.month - 1][:3],
    "d": lambda time: f"{time.day:02}",
    "j": lambda time: f"{time.timetuple().tm_yday:03}",
    "A": lambda time: DAYS[time.weekday()],
    "a": lambda time: DAYS[time.weekday()][:3],
    "H": lambda time: f"{time.hour:02}",
    "I": lambda time: f"{(time.hour + 11) % 12 + 1:02}",
    "p": lambda time: "AM" if time.hour < 12 else "PM",
    "M": lambda time: f"{time.minute:02}",
    "S": lambda time: f"{time.second:02}",
    "f": lambda time: f"{time.microsecond:06}",
    "z": lambda time: time.strftime("%z"),
    "%": lambda _: "%",
}


def unix_seconds(value: Any) -> int | None:
    """Whole seconds since the epoch of a time or date as text, rounded down.

    Example:
        >>> unix_seconds("1970-01-01T00:00:01.9Z"), unix_seconds("1970-01-02"), unix_seconds(5)
        (1, 86400, None)
    """
    found = _microseconds(value)
    return None if found is None else found // 1_000_000


def compile_format(text: str, zone: str = "UTC") -> Callable[[Any], str | None]:
    """A function that writes a time, given as text, in a form and zone.

    Args:
        text: The form, with the parts that `definition.time_formats` lists.
        zone: The name of a time zone.

    Example:
        >>> compile_format("%d.%m. %I %p %z", "Europe/Berlin")("2026-07-01T11:30:00Z")
        '01.07. 01 PM +0200'
    """
    place: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
    parts = re.split("%(.)", text)  # plain text and directives in turn

    def write(value: Any) -> str | None:
        found = _microseconds(value)
        if found is None:
            return None
        try:
            time = from_microseconds(found).astimezone(place)
        except OverflowError:
            return None
        return "".join(PARTS[part](time) if index % 2 else part for index, part in enumerate(parts))

    return write


def _microseconds(value: Any) -> int | None:
    if type(value) is not str:
        return None
    if DAY.fullmatch(value):
        try:
            return micros(date.fromisoformat(value))
        except ValueError:
            return None
    return text_micros(value)
