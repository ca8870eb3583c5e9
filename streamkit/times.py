"""Times: RFC 3339 text, aware UTC datetimes, and microseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

__all__ = ["EPOCH", "format_time", "from_microseconds", "parse_time", "to_microseconds"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TEXT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))?",
    re.ASCII,
)
LONGEST = 60


def parse_time(value: str | date | datetime) -> datetime:
    """Read a time; without an offset it is UTC.

    Args:
        value: RFC 3339 text (`T` or a space), a datetime, or a date for its midnight.

    Returns:
        An aware datetime in UTC; digits beyond microseconds are dropped.

    Raises:
        ValueError: Not of that form, not a real date, or outside the years 1 to 9999.

    Example:
        >>> parse_time("2026-01-31T01:00:00+01:00").isoformat()
        '2026-01-31T00:00:00+00:00'
    """
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        return _parse_text(value)
    except OverflowError:
        raise ValueError("a time lies in the years 1 to 9999") from None


def _parse_text(text: str) -> datetime:
    found = TEXT.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError("a time is written like 2026-01-31T00:00:00Z")
    fraction = int((found[7] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(*(int(found[part]) for part in range(1, 7)), fraction, tzinfo=UTC)  # type: ignore[misc,arg-type] # six integers, checked by the pattern
    except ValueError:
        raise ValueError("no such date or time of day") from None
    if found[9] is None:
        return local
    hours, minutes = int(found[10]), int(found[11])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return local - offset if found[9] == "+" else local + offset


def format_time(value: datetime) -> str:
    """The time as RFC 3339 text in UTC, without a fraction where there is none.

    Example:
        >>> format_time(parse_time("2026-01-31 00:00:00.50"))
        '2026-01-31T00:00:00.500000Z'
    """
    return value.replace(tzinfo=None).isoformat() + "Z"


def to_microseconds(time: datetime) -> int:
    """A time as microseconds since the epoch; without a zone it is UTC.

    Example:
        >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1))
        1000000
    """
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def from_microseconds(time: int) -> datetime:
    """Microseconds since the epoch as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=time)
