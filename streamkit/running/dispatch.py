"""From the flags of an event to the streams it touches, worked out once for each set of flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from streamkit.running.moves import Move
from streamkit.running.runs import Key, State
from streamkit.running.stream_state import StreamState

__all__ = ["Dispatch", "Group"]

SETS_KEPT = 10_000


Member: TypeAlias = tuple[
    Callable[[Any], Any],
    bool,
    int,
    StreamState,
    Move,
    Callable[[Key, State, Move, int], None] | None,
]
"""The look-up of a key's state, whether the event matters to a key without one, the stream's bit,
the stream, what the event does to it, and what to do if its time is all that this needs."""


class Group(NamedTuple):
    """Streams of one kind of key that an event touches.

    Args:
        kind: The number of the kind of key.
        place: Where its (first) part is among an event's texts.
        joined: Gives all its parts; None if it has only one.
        streams: The streams as bits.
        members: The streams.
    """

    kind: int
    place: int
    joined: Callable[[Sequence[Any]], tuple[Any, ...]] | None
    streams: int
    members: Sequence[Member]


class Dispatch:
    """Groups of streams by the flags of an event.

    Args:
        streams: The streams.
        kinds: For each stream the number of its kind of key.
        keys: For each kind of key the places of its parts among an event's texts.
    """

    def __init__(
        self,
        streams: Sequence[StreamState],
        kinds: Sequence[int],
        keys: Sequence[tuple[int, ...]],
    ) -> None:
        self._streams = streams
        self._kinds = kinds
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
        for kind, places in enumerate(self._keys):
            members: list[Member] = []
            for number, stream in enumerate(self._streams):
                move = stream.move(flags) if self._kinds[number] == kind else None
                if move is not None:
                    quick = (
                        stream.block
                        if move.only_blocks
                        else stream.kill
                        if move.only_kills
                        else None
                    )
                    members.append(
                        (stream.states.get, move.begins, 1 << number, stream, move, quick)
                    )
            if members:
                bits = sum(bit for _, _, bit, *_ in members)
                joined = itemgetter(*places) if len(places) > 1 else None
                groups.append(Group(kind, places[0], joined, bits, tuple(members)))
        return groups
