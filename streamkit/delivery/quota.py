"""The monthly budget of activations: reserved when a match is claimed, returned when it dies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streamkit.times import from_microseconds

__all__ = ["UNITS", "WARNING_SHARE", "Budget", "activations", "month_of"]

UNITS = 100
"""Units of an activation: a match of a single event costs one, a pattern or a wait a hundred."""
WARNING_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be sent in a calendar month (UTC).

    Args:
        activations: How many.
        at_limit: `stop` lets matches wait for the next month, `continue` sends them all the same.

    Example:
        >>> Budget().units
        100000
    """

    activations: float = 1000.0
    at_limit: Literal["stop", "continue"] = "stop"

    @property
    def units(self) -> int:
        """The same in units."""
        return round(self.activations * UNITS)

    def affordable(self, used: int) -> int | None:
        """Units that may still be reserved; None is without bound.

        Args:
            used: Units reserved in the month.
        """
        return max(0, self.units - used) if self.at_limit == "stop" else None

    def crossed(self, before: int, after: int) -> int | None:
        """The share in percent, 80 or 100, that a month's use has come to, if it just did.

        Example:
            >>> Budget(10).crossed(799, 800), Budget(10).crossed(800, 801), Budget(10).crossed(0, 1000)
            (80, None, 100)
        """
        for percent, share in ((100, 1.0), (80, WARNING_SHARE)):
            if before < self.units * share <= after:
                return percent
        return None


def month_of(time: int) -> str:
    """The calendar month of a time in microseconds, UTC.

    Example:
        >>> month_of(0)
        '1970-01'
    """
    return f"{from_microseconds(time):%Y-%m}"


def activations(units: int) -> str:
    """Units as a number of activations, written out.

    Example:
        >>> activations(1250), activations(300)
        ('12.5', '3')
    """
    return f"{units / UNITS:,.2f}".rstrip("0").rstrip(".")
