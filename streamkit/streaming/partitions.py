"""How far the partitions of topics are read, and what that says about time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

__all__ = ["Partition", "Partitions"]

Partition: TypeAlias = tuple[str, int]
"""A topic and the number of a partition."""


@dataclass(slots=True)
class _Progress:
    next: int | None = None
    newest: int | None = None
    at_end_since: datetime | None = None


class Partitions:
    """Offsets, the newest time in each partition, and which of them have nothing more just now.

    Args:
        lateness: How much older than the newest event of its partition one may be, in
            microseconds.
        idle: How long a partition has nothing more before nobody waits for it.

    Example:
        >>> partitions = Partitions(lateness=5, idle=timedelta(seconds=30))
        >>> partitions.assign([("shop", 0), ("shop", 1)])
        >>> partitions.note(("shop", 0), 7, time=100)
        >>> partitions.watermark(now := datetime(2026, 3, 1)) is None
        True
        >>> partitions.note(("shop", 1), 3, time=50)
        >>> partitions.watermark(now), partitions.position
        (45, {'shop': {'0': 8, '1': 4}})
    """

    def __init__(self, lateness: int, idle: timedelta) -> None:
        self._lateness = lateness
        self._idle = idle
        self._known: dict[Partition, _Progress] = {}
        self.assigned: frozenset[Partition] = frozenset()

    @property
    def position(self) -> dict[str, dict[str, int]]:
        """For each partition that was ever read the offset to go on from, as JSON-able data."""
        position: dict[str, dict[str, int]] = {}
        for (topic, number), progress in sorted(self._known.items()):
            if progress.next is not None:
                position.setdefault(topic, {})[str(number)] = progress.next
        return position

    def restore(self, position: dict[str, dict[str, int]]) -> None:
        """Go on from what `position` said."""
        for topic, offsets in position.items():
            for number, offset in offsets.items():
                self._progress((topic, int(number))).next = int(offset)

    def offset(self, partition: Partition) -> int | None:
        """Where a partition is read on; None if it never was read."""
        return self._progress(partition).next

    def assign(self, partitions: Iterable[Partition]) -> None:
        """These are read from now on, and no others."""
        self.assigned = frozenset(partitions)
        for partition in self.assigned:
            self.await_more(partition)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """These are not read any more: nobody waits for them."""
        self.assigned -= frozenset(partitions)

    def note(self, partition: Partition, offset: int, time: int | None) -> None:
        """An event was read; its time is None if it has none that counts."""
        progress = self._progress(partition)
        progress.next = offset + 1
        progress.at_end_since = None
        if time is not None and (progress.newest is None or time > progress.newest):
            progress.newest = time

    def reach_end(self, partition: Partition, offset: int, now: datetime) -> None:
        """A partition has nothing from this offset on; unless that was read since."""
        progress = self._progress(partition)
        if progress.at_end_since is None and (progress.next is None or progress.next <= offset):
            progress.at_end_since = now

    def await_more(self, partition: Partition) -> None:
        """Nobody knows whether a partition has more."""
        self._progress(partition).at_end_since = None

    @property
    def are_at_end(self) -> bool:
        """Whether all partitions have nothing more; not while none is assigned."""
        return bool(self.assigned) and all(
            self._known[each].at_end_since is not None for each in self.assigned
        )

    def watermark(self, now: datetime) -> int | None:
        """How far time is known: the smallest over the partitions, in microseconds.

        A partition that has had nothing more for `idle` does not count; one that is to be read
        and has given no event yet holds all others. None where nothing can be said.
        """
        smallest = None
        for partition in self.assigned:
            progress = self._known[partition]
            if progress.at_end_since is not None and now - progress.at_end_since > self._idle:
                continue
            if progress.newest is None:
                return None
            if smallest is None or progress.newest < smallest:
                smallest = progress.newest
        return None if smallest is None else smallest - self._lateness

    def _progress(self, partition: Partition) -> _Progress:
        return self._known.setdefault(partition, _Progress())
