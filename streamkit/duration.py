"""Durations as people write them: `500ms`, `90s`, `15m`, `24h`, `7d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

__all__ = ["Duration"]

MICROSECONDS = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
TEXT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|m|s|ms|us)", re.ASCII)
LONGEST = 100 * 366 * MICROSECONDS["d"]
"""A hundred years: longer windows are `unbounded`, and sums of times stay inside 64 bits."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """An elapsed time in whole microseconds. A day is 24 hours: never calendar days.

    Args:
        microseconds: The length, 0 or more.

    Example:
        >>> Duration.parse("90s")
        Duration('90s')
        >>> Duration.parse("90s").microseconds
        90000000
    """

    microseconds: int

    @classmethod
    def parse(cls, value: str | timedelta | Duration) -> Self:
        """Read a duration.

        Args:
            value: A number and a unit (`d`, `h`, `m`, `s`, `ms`, `us`), or a `timedelta`.

        Raises:
            ValueError: Not of that form, not a whole number of microseconds, negative, or
                longer than a hundred years.

        Example:
            >>> Duration.parse("1.5h").microseconds
            5400000000
        """
        if isinstance(value, Duration):
            return cls(value.microseconds)
        if isinstance(value, timedelta):
            microseconds = value // timedelta(microseconds=1)
        else:
            found = TEXT.fullmatch(value) if isinstance(value, str) and len(value) < 40 else None
            if found is None:
                raise ValueError(
                    "a duration is a number and a unit, such as 500ms, 90s, 15m, 24h or 7d"
                )
            whole, _, fraction = found[1].partition(".")
            scaled = int(whole + fraction) * MICROSECONDS[found[2]]
            microseconds, rest = divmod(scaled, 10 ** len(fraction))
            if rest:
                raise ValueError("a duration is a whole number of microseconds")
        if microseconds < 0:
            raise ValueError("a duration is not negative")
        if microseconds > LONGEST:
            raise ValueError(
                "a duration is at most a hundred years; a longer window is 'unbounded'"
            )
        return cls(microseconds)

    def __str__(self) -> str:
        """The shortest exact way to write it in one unit; `24h` stays `24h`, not `1d`."""
        for unit in ("h", "m", "s", "ms"):
            size = MICROSECONDS[unit]
            if self.microseconds % size == 0:
                count = self.microseconds // size
                if unit == "h" and count % 24 == 0 and count > 24:
                    return f"{count // 24}d"
                return f"{count}{unit}"
        return f"{self.microseconds}us"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"
