"""When a match is tried again, and how long a destination that fails is left alone."""

from __future__ import annotations

__all__ = ["LONGEST", "pause", "with_jitter"]

SECOND = 1_000_000
LONGEST = 760.0
JITTER = 0.1
"""A delay is up to a tenth longer or shorter, so that what failed together does not come together."""


def with_jitter(seconds: float, chance: float) -> int:
    """A delay with its jitter, in microseconds.

    Args:
        seconds: The delay.
        chance: A random number from 0 to 1.

    Example:
        >>> with_jitter(10, 0.0), with_jitter(10, 0.5), with_jitter(10, 1.0)
        (9000000, 10000000, 11000000)
    """
    return round(seconds * SECOND * (1 - JITTER + 2 * JITTER * chance))


def pause(failures: int) -> float:
    """Seconds until a destination whose breaker is open is probed: the delays of the schedule.

    Args:
        failures: How many probes failed in a row.

    Example:
        >>> [pause(failures) for failures in (0, 1, 9)]
        [5.0, 10.0, 760.0]
    """
    return min(LONGEST, 5.0 * (1 << min(failures, 10)))
