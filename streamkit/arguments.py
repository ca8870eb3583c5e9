"""Lengths and moments as users give them to a function, with the argument's name in what is wrong."""

from __future__ import annotations

import re
from datetime import date, datetime

from streamkit.duration import Duration
from streamkit.errors import EventsError, StreamkitError
from streamkit.times import parse_time

__all__ = ["read_length", "read_moment"]

DATE_TEXT = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def read_length(
    value: str | Duration, argument: str, error: type[StreamkitError] = EventsError
) -> int:
    """A length of time in microseconds.

    Args:
        value: A duration, or its text such as `90m`.
        argument: The argument's name.
        error: What is raised.

    Raises:
        StreamkitError: The text is no duration; of the kind asked for.

    Example:
        >>> read_length("5s", "allowed_lateness")
        5000000
    """
    try:
        return Duration.parse(value).microseconds
    except ValueError as problem:
        raise error(
            f"{argument} {str(value)[:80]!r}: {problem}",
            code="bad-duration",
            hint="write 90m, 24h or 2d",
        ) from None


def read_moment(
    value: datetime | date | str, argument: str, error: type[StreamkitError] = EventsError
) -> datetime:
    """A moment, UTC.

    Args:
        value: A datetime (without a zone it is UTC), a date (its midnight), or the text of either.
        argument: The argument's name.
        error: What is raised.

    Raises:
        StreamkitError: The text is no time; of the kind asked for.

    Example:
        >>> read_moment("2026-01-31", "since").isoformat()
        '2026-01-31T00:00:00+00:00'
    """
    try:
        if isinstance(value, str) and DATE_TEXT.fullmatch(value):
            value = date.fromisoformat(value)
        return parse_time(value)
    except (ValueError, TypeError) as problem:
        raise error(
            f"{argument} {str(value)[:80]!r} is not a time: {problem}",
            code="bad-time",
            hint="write 2026-01-31 or 2026-01-31T12:00:00Z",
        ) from None
