"""Records: what the streams with one kind of key know of each key.

A key's record is one flat list, because a matcher holds millions of them: a head, then for each
stream that knows something of the key a part of so many places. **Which streams these are and
where their parts begin is said by the record's shape, which all records alike share.** So one
look-up finds what every stream knows of a key, and a stream that knows nothing takes no place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from streamkit.running.generations import Deadlines
from streamkit.running.moves import Fresh
from streamkit.running.runs import Key, Run, State

__all__ = ["KEY", "OVER", "SHAPE", "Opening", "Record", "Records", "Shape"]

Record: TypeAlias = list[Any]
SHAPE, KEY, DUE = range(3)
"""The head of a record: its shape, its key, and the stretch in which it is looked at again (None
for none)."""
HEAD = 3
OVER = -(2**63)
"""In place of when to look at a part again: no event can make anything of it any more."""
SHAPES_KEPT = 10_000
STRETCHES = 8
MOST_STRETCHES = 512
SECOND = 1_000_000
Parts: TypeAlias = tuple[tuple[int, int, bool], ...]


class Shape:
    """Which streams have a part in a record, and where.

    Args:
        parts: For each, in order of their numbers: the stream's number, how many places it has,
            and whether the stream is done with the key; its one place then holds when that was.

    Attributes:
        places: Where the part of a stream begins, by its number; not of those that are done.
        done: The same of those that are.
        begins: Where the parts of all begin.
        ends: Where they end.
        begun: The shape in which a stream has a part too, by its number, where it was asked for.
        left: The same of a stream that has no part any more.
        finished: The same of a stream that is done.
    """

    __slots__ = ("begins", "begun", "done", "ends", "finished", "left", "parts", "places")

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.places: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.begins: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.begun: dict[int, Shape] = {}
        self.left: dict[int, Shape] = {}
        self.finished: dict[int, Shape] = {}
        at = HEAD
        for number, size, is_done in parts:
            (self.done if is_done else self.places)[number] = self.begins[number] = at
            at += size
            self.ends[number] = at


@dataclass(frozen=True, slots=True)
class Opening:
    """What an event makes of a key that has no record.

    Args:
        record: The record without what depends on key and event.
        events: The places that hold the event.
        candidates: Those that hold it as the only candidate.
        times: Those that hold its time.
        horizon: How long after it the record is looked at, in microseconds.
    """

    record: Record
    events: tuple[int, ...]
    candidates: tuple[int, ...]
    times: tuple[int, ...]
    horizon: int


class Keeper(Protocol):
    """A stream, as far as its parts of records go.

    Attributes:
        horizon: How long a part mostly is of use, in microseconds.
    """

    horizon: int

    def look_at(self, record: Record, at: int, now: int) -> int | None:
        """When to look at the stream's part again; `OVER` for one to drop, None for never."""
        ...


class Records:
    """The records of all keys of one kind.

    Args:
        streams: The streams whose keys are of this kind, by number.
    """

    def __init__(self, streams: Mapping[int, Keeper]) -> None:
        self._streams = streams
        self.of_key: dict[Key, Record] = {}
        self.bare = Shape(())
        """The shape of a record without a part, which is none."""
        self._shapes: dict[Parts, Shape] = {}
        horizons = [stream.horizon for stream in streams.values()]
        width = max(min(horizons) // STRETCHES, max(horizons) // MOST_STRETCHES, SECOND)
        self.deadlines: Deadlines[Key] = Deadlines(width)

    def part(self, key: Key, number: int) -> State | int | None:
        """A copy of what a stream knows of a key: its places, or when it was done."""
        record = self.of_key.get(key)
        if record is None:
            return None
        shape: Shape = record[SHAPE]
        at = shape.places.get(number)
        if at is not None:
            return record[at : shape.ends[number]]
        done = shape.done.get(number)
        return None if done is None else int(record[done])

    def parts(self, number: int) -> Iterator[tuple[Key, State | int]]:
        """All that a stream knows, by key."""
        for key in self.of_key:
            part = self.part(key, number)
            if part is not None:
                yield key, part

    def put(self, key: Key, number: int, part: State | int, time: int) -> None:
        """Give a stream a part in the record of a key, in which it has none.

        The record is another list then: one that only grew would hold places to spare.

        Args:
            key: The key.
            number: The stream's number.
            part: Its places, or when it was done.
            time: When to look at the record, if it is not looked at before.
        """
        record = self.of_key.get(key)
        before: Shape = self.bare if record is None else record[SHAPE]
        if isinstance(part, int):
            places, shape = [part], self._finished(before, number)
        else:
            places, shape = part, self._begun(before, number, len(part))
        if record is None:
            self.of_key[key] = [shape, key, self.deadlines.add(key, time)] + places  # noqa: RUF005 # it is exactly as long as it must be
            return
        key, due = record[KEY], record[DUE]
        at = shape.ends[number] - len(places)
        self.of_key[key] = record = record[:at] + places + record[at:]
        record[SHAPE] = shape
        if due is None or time < (due - 1) * self.deadlines.width:
            record[DUE] = self.deadlines.add(key, time)

    def open(self, key: Key, opening: Opening, event: Run) -> None:
        """Make the record of a key that has none, with the parts of all streams that begin."""
        time = event[0]
        self.of_key[key] = record = opening.record.copy()
        record[KEY] = key
        record[DUE] = self.deadlines.add(key, time + opening.horizon)
        for place in opening.events:
            record[place] = event
        for place in opening.candidates:
            record[place] = [event]
        for place in opening.times:
            record[place] = time

    def opening(self, parts: Mapping[int, tuple[int, Fresh]]) -> Opening:
        """What an event makes of a key without a record.

        Args:
            parts: The size of the part of each stream that begins, and what it holds then, by the
                stream's number.
        """
        shape = self.bare
        for number, (size, _) in parts.items():
            shape = self._begun(shape, number, size)
        fresh = [(shape.places[number], part) for number, (_, part) in parts.items()]
        return Opening(
            [shape, *[None] * (max(shape.ends.values()) - 1)],
            tuple(at + place for at, part in fresh for place in part.events),
            tuple(at + place for at, part in fresh for place in part.candidates),
            tuple(at + place for at, part in fresh for place in part.times),
            min(self._streams[number].horizon for number in parts),
        )

    def finish(self, record: Record, number: int, time: int) -> None:
        """A stream is done with a key: all that is kept of it is when that was."""
        shape: Shape = record[SHAPE]
        record[shape.places[number] : shape.ends[number]] = [time]
        record[SHAPE] = self._finished(shape, number)

    def drop(self, record: Record, number: int) -> None:
        """Take a stream's part out of a record, and the record away if nothing is left."""
        shape: Shape = record[SHAPE]
        if len(shape.ends) == 1:
            record[SHAPE] = self.bare
            del self.of_key[record[KEY]]
            return
        del record[shape.begins[number] : shape.ends[number]]
        left = shape.left.get(number)
        if left is None:
            left = shape.left[number] = self._shape(shape, number, None)
        record[SHAPE] = left

    def _begun(self, shape: Shape, number: int, size: int) -> Shape:
        """A shape in which a stream has a part too."""
        found = shape.begun.get(number)
        if found is None:
            found = shape.begun[number] = self._shape(shape, number, size)
        return found

    def _finished(self, shape: Shape, number: int) -> Shape:
        """A shape in which a stream is done."""
        found = shape.finished.get(number)
        if found is None:
            found = shape.finished[number] = self._shape(shape, number, 1, is_done=True)
        return found

    def _shape(
        self, shape: Shape, number: int, size: int | None, *, is_done: bool = False
    ) -> Shape:
        """A shape in which a stream has another part, or without a size none."""
        if len(self._shapes) >= SHAPES_KEPT:
            for each in (self.bare, *self._shapes.values()):
                each.begun, each.left, each.finished = {}, {}, {}
            self._shapes.clear()
        parts = [part for part in shape.parts if part[0] != number]
        if size is not None:
            parts.append((number, size, is_done))
        made = Shape(tuple(sorted(parts)))
        return self._shapes.setdefault(made.parts, made)

    def sweep(self, now: int, limit: int) -> None:
        """Drop what no later event can make anything of.

        Args:
            now: No event before it will come, in microseconds.
            limit: How many keys to look at.
        """
        again: list[tuple[Record, int]] = []
        of_key, streams = self.of_key, self._streams
        for keys, stretch in self.deadlines.take(now - 1, limit):
            for key in keys:
                record = of_key.get(key)
                if record is None or record[DUE] != stretch:
                    continue
                shape: Shape = record[SHAPE]
                earliest = None
                over = []
                for number, at in shape.begins.items():
                    time = streams[number].look_at(record, at, now)
                    if time == OVER:
                        over.append(number)
                    elif time is not None and (earliest is None or time < earliest):
                        earliest = time
                if len(over) == len(shape.ends):  # as nearly always: all of it goes at once
                    del of_key[key]
                    continue
                record[DUE] = None
                for number in over:
                    self.drop(record, number)
                if earliest is not None:
                    again.append((record, max(earliest, now)))
        for record, time in again:
            record[DUE] = self.deadlines.add(record[KEY], time)
