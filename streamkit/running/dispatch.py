"""From the flags of an event to the streams it touches, worked out once for each set of flags.

These are classes with slots and no named tuples: an attribute of a slot is found at once, while a
named tuple is taken apart one by one, and that for every event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from streamkit.running.moves import Move
from streamkit.running.records import Opening, Records, Shape
from streamkit.running.stream_state import StreamState

__all__ = ["Busy", "Dispatch", "Group", "Member", "Members"]

SETS_KEPT = 10_000
SHAPES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """A stream that an event touches.

    Args:
        number: The stream's number.
        bit: The same as a bit.
        begins: Whether the event matters to a key of which the stream knows nothing.
        stream: The stream.
        move: What the event does to it.
    """

    number: int
    bit: int
    begins: bool
    stream: StreamState
    move: Move


Members: TypeAlias = tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """What there is to do for an event in a record of one shape.

    Much of it is only to note the event's time, and much hangs on one place of the record that is
    mostly empty. So both are told by places, and no stream is asked.

    Args:
        times: The places that hold the event's time from now on.
        touched: The streams that these belong to or that have something to do only if.
        if_any: Streams that have something to do only if a place of the record holds something.
        members: Those that have something to do in any case.
    """

    times: tuple[int, ...]
    touched: tuple[StreamState, ...]
    if_any: tuple[tuple[int, Member], ...]
    members: Members


@dataclass(frozen=True, slots=True)
class Group:
    """Streams of one kind of key that an event touches.

    Args:
        kind: The number of the kind of key.
        records: The records of these keys.
        place: Where its (first) part is among an event's texts.
        joined: Gives all its parts; None if it has only one.
        streams: The streams as bits.
        members: The streams.
        by_shape: Those of them that have something to do, by the shape of the key's record.
        opening: What the event makes of a key without a record; None if it completes a run there
            or makes nothing of it.
        beginning: The streams that then have a part of it.
    """

    kind: int
    records: Records
    place: int
    joined: Callable[[Sequence[Any]], tuple[Any, ...]] | None
    streams: int
    members: Members
    by_shape: dict[Shape, Busy]
    opening: Opening | None
    beginning: tuple[StreamState, ...]

    def busy(self, shape: Shape) -> Busy:
        """What there is to do: nearly all streams have nothing to do with nearly all keys."""
        found = self.by_shape.get(shape)
        if found is None:
            if len(self.by_shape) >= SHAPES_KEPT:
                self.by_shape.clear()
            found = self.by_shape[shape] = _busy(self.members, shape)
        return found

    def busy_of(self, shape: Shape, streams: int) -> Busy:
        """The same if the event counts for some of the streams alone, as bits."""
        return _busy([member for member in self.members if member.bit & streams], shape)


class Dispatch:
    """Groups of streams by the flags of an event.

    Args:
        streams: The streams.
        records: For each kind of key its records.
        keys: For each kind of key the places of its parts among an event's texts.
    """

    def __init__(
        self,
        streams: Sequence[StreamState],
        records: Sequence[Records],
        keys: Sequence[tuple[int, ...]],
    ) -> None:
        self._streams = streams
        self._records = records
        self._keys = keys
        self.known: dict[int, tuple[Group, ...]] = {}

    def groups(self, flags: int) -> tuple[Group, ...]:
        """The streams that an event with these flags touches."""
        found = self.known.get(flags)
        if found is None:
            if len(self.known) >= SETS_KEPT:
                self.known.clear()
            found = self.known[flags] = tuple(self._groups(flags))
        return found

    def _groups(self, flags: int) -> list[Group]:
        groups = []
        for kind, (records, places) in enumerate(zip(self._records, self._keys, strict=True)):
            members = tuple(
                member
                for number, stream in enumerate(self._streams)
                if stream.records is records
                and (member := _member(number, stream, flags)) is not None
            )
            if members:
                joined = itemgetter(*places) if len(places) > 1 else None
                bits = sum(member.bit for member in members)
                beginning = [member for member in members if member.begins]
                groups.append(
                    Group(
                        kind,
                        records,
                        places[0],
                        joined,
                        bits,
                        members,
                        {},
                        _opening(records, beginning),
                        tuple(member.stream for member in beginning),
                    )
                )
        return groups


def _opening(records: Records, beginning: Sequence[Member]) -> Opening | None:
    """What an event makes of a key without a record, if it makes the same of all such keys."""
    fresh = {
        member.number: (member.stream.layout.size, member.move.fresh)
        for member in beginning
        if member.move.fresh is not None
    }
    return records.opening(fresh) if fresh and len(fresh) == len(beginning) else None


def _member(number: int, stream: StreamState, flags: int) -> Member | None:
    """What an event with these flags is to a stream; None if it does not touch it."""
    move = stream.move(flags)
    if move is None:
        return None
    return Member(number, 1 << number, move.begins, stream, move)


def _busy(members: Iterable[Member], shape: Shape) -> Busy:
    """What these streams have to do in a record of a shape."""
    times: list[int] = []
    touched, if_any, others = [], [], []
    for member in members:
        stream, move = member.stream, member.move
        at = shape.places.get(member.number)
        if at is None:
            if member.begins and member.number not in shape.done:
                others.append(member)
            continue
        place = stream.layout.needs(move)
        if place is None and not move.only_blocks:
            others.append(member)
            continue
        if place is not None:
            if_any.append((at + place, member))
        touched.append(stream)
        times += [at + slot for slot in move.blocks]
        if stream.layout.touched is not None:
            times.append(at + stream.layout.touched)
    return Busy(tuple(times), tuple(touched), tuple(if_any), tuple(others))
