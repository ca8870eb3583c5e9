"""Events whose id was seen before, in one key and of one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from streamkit.running.generations import Generations
from streamkit.running.runs import Key

__all__ = ["SeenId", "SeenIds"]

Ids: TypeAlias = "tuple[str | int, ...] | dict[str, tuple[int, ...]]"
"""The ids of a key: a few in one tuple of id, time, streams, id, …, more in a dict that has for
each its times and streams in turn."""
LONGEST = 12
"""A tuple of more than so many, three for an id, takes longer to look through than a dict."""


class SeenId(NamedTuple):
    """An event that was kept.

    Args:
        key: Its key.
        id: Its id.
        time: Its time, in microseconds.
        streams: The streams that events of that id, key and time touched and to which they were
            new, as bits.
    """

    key: Key
    id: str
    time: int
    streams: int


class SeenIds:
    """The ids of one kind of key.

    An event is a duplicate for a stream if one with its id that touched the stream was kept in
    the key at most `length` before. What is compared are the ids themselves. Most keys see a few
    ids, each once, so that one tuple for a key is enough.

    Args:
        length: How long an id counts, in microseconds, inclusive.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.of_key: Generations[Key, Ids] = Generations(length)
        self.changed: list[SeenId] | None = None
        """Ids kept since somebody asked; None where nobody does."""
        self._count = self._older = 0

    def __len__(self) -> int:
        return self._count

    def new_for(self, key: Key, event_id: str, time: int, streams: int) -> int:
        """For which of the streams that an event touches it is no duplicate, as bits."""
        of_key = self.of_key
        known = of_key.recent.get(key)
        if known is None and key in of_key.older:
            known = self._from_older(key, time)
        if type(known) is dict:
            numbers = (time, streams)
            if known.setdefault(event_id, numbers) is not numbers:
                return self._new_beside(key, event_id, time, streams)
        elif known is None:
            of_key.recent[key] = (event_id, time, streams)
        elif event_id in known:
            return self._new_beside(key, event_id, time, streams)
        elif len(known) < LONGEST:
            of_key.recent[key] = (*known, event_id, time, streams)
        else:
            of_key.recent[key] = {**_by_id(known), event_id: (time, streams)}
        self._count += 1
        if self.changed is not None:
            self.changed.append(SeenId(key, event_id, time, streams))
        return streams

    def _from_older(self, key: Key, now: int) -> Ids | None:
        """The ids of a key that was not met of late; those that count go on being known."""
        ids = self.of_key.older.pop(key)
        found = list(_entries(key, ids))
        kept = [each for each in found if now - each.time <= self.length]
        self._older -= len(found)
        self._count -= len(found) - len(kept)
        if not kept:
            return None
        known: Ids = tuple(part for each in kept for part in each[1:])
        if len(known) > LONGEST or len({each.id for each in kept}) < len(kept):
            known = {}
            for _, event_id, *numbers in kept:
                known[event_id] = (*known.get(event_id, ()), *numbers)
        self.of_key.recent[key] = known
        return known

    def _new_beside(self, key: Key, event_id: str, time: int, streams: int) -> int:
        """The same of an id that was seen in the key."""
        by_id = self.of_key.recent[key] = _by_id(self.of_key.recent[key])
        by_time = dict(_pairs(by_id[event_id]))
        for then, kept in by_time.items():
            if time - then <= self.length:
                streams &= ~kept
        if streams:
            self._count += time not in by_time  # else it is one with what was kept at that time
            by_time[time] = by_time.get(time, 0) | streams
            by_id[event_id] = tuple(number for pair in by_time.items() for number in pair)
            if self.changed is not None:
                self.changed.append(SeenId(key, event_id, time, by_time[time]))
        return streams

    def turn(self, time: int) -> None:
        """Let time go on; what counts no longer may be forgotten."""
        if self.of_key.turn(time):
            self._count, self._older = self._count - self._older, self._count - self._older

    def entries(self) -> Iterator[SeenId]:
        """All that is remembered."""
        for kept in (self.of_key.older, self.of_key.recent):
            for key, ids in kept.items():
                yield from _entries(key, ids)


def _entries(key: Key, ids: Ids) -> Iterator[SeenId]:
    """The ids of a key one by one."""
    for event_id, numbers in _by_id(ids).items():
        for time, streams in _pairs(numbers):
            yield SeenId(key, event_id, time, streams)


def _by_id(ids: Ids) -> dict[str, tuple[int, ...]]:
    """For each id of a key its times and streams in turn."""
    if isinstance(ids, dict):
        return ids
    return {ids[at]: ids[at + 1 : at + 3] for at in range(0, len(ids), 3)}  # type: ignore[misc] # every third is an id


def _pairs(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Times with their streams."""
    return zip(numbers[::2], numbers[1::2], strict=True)
