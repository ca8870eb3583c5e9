"""Frequency and cooldown, decided against everything that a ledger already holds.

Ranges may be sent in any order and overlap, so the rules look to both sides of time. What the
frequency rule lets through counts as taken from then on, whatever becomes of it; the cooldown
counts what was not skipped.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from streamkit.definition import Frequency
from streamkit.delivery.ledger.tables import digest

__all__ = ["Cooled", "Place", "Run", "Taken"]


class Place(NamedTuple):
    """A row of a key.

    Args:
        name: Its id, or time, name and number; or the digest of that.
        time: In microseconds.
        rank: How many touching rows of that key and time stand before it.
    """

    name: str
    time: int
    rank: int

    def is_same(self, other: Place, dedupe: int) -> bool:
        """Whether two rows are one event, which may have come twice inside the time of `dedupe`."""
        if abs(self.time - other.time) > dedupe:
            return False
        return self.name == other.name or digest(self.name) == other.name

    def is_after(self, other: Place) -> bool:
        """Whether it stands behind another row in the order of their key."""
        return (self.time, self.rank) > (other.time, other.rank)


class Run(NamedTuple):
    """The first and the last row of a run."""

    first: Place
    last: Place

    def meets(self, taken: Run, dedupe: int) -> bool:
        """Whether two runs share a row, or one begins before the other ends."""
        if not (self.first.is_after(taken.last) or taken.first.is_after(self.last)):
            return True
        ends = (taken.first, taken.last)
        return any(own.is_same(other, dedupe) for own in self for other in ends)


@dataclass(slots=True)
class Taken:
    """The runs that the frequency rule of one stream let through, by key.

    Args:
        frequency: The rule.
        dedupe: How far apart in time one event may come twice, in microseconds.
        runs: What a ledger holds of the keys that are asked about.
    """

    frequency: Frequency
    dedupe: int
    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    def lets_through(self, key: str, run: Run) -> bool:
        """Whether the rule lets a run through; if so it is taken from now on."""
        taken = self.runs[key]
        match self.frequency:
            case "once":
                free = not taken
            case "every":
                free = True
            case "per_start":
                free = not any(run.first.is_same(other.first, self.dedupe) for other in taken)
            case "non_overlapping":
                free = not any(run.meets(other, self.dedupe) for other in taken)
        if free and self.frequency != "every":
            taken.append(run)
        return free


class Cooled:
    """When matches of one stream fired that were not skipped, by cooldown value.

    Args:
        length: The cooldown, in microseconds.
        fired: What a ledger holds near the matches that are asked about.
    """

    def __init__(self, length: int, fired: Mapping[str, Sequence[int]]) -> None:
        self.length = length
        self._fired: dict[str, list[int]] = defaultdict(list)
        for value, times in fired.items():
            self._fired[value] = sorted(times)

    def is_near(self, value: str, fired_at: int) -> bool:
        """Whether a match that fires then is held back."""
        times = self._fired[value]
        place = bisect_left(times, fired_at)
        return any(
            abs(time - fired_at) < self.length for time in times[max(place - 1, 0) : place + 1]
        )

    def add(self, value: str, fired_at: int) -> None:
        """Count a match that was not held back."""
        insort(self._fired[value], fired_at)
