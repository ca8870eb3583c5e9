"""From the flags of an event to the streams it touches, worked out once for each set of flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamkit.running.moves import Move
from streamkit.running.stream_state import StreamState

__all__ = ["Dispatch", "Group"]

SETS_KEPT = 10_000


class Group(NamedTuple):
    """Streams of one kind of key that an event touches.

    Args:
        kind: The number of the kind of key.
        places: Where its parts are among an event's texts.
        streams: The streams as bits.
        members: Bit, stream and what the event does to it.
    """

    kind: int
    places: tuple[int, ...]
    streams: int
    members: tuple[tuple[int, StreamState, Move], ...]


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
            members = []
            for number, stream in enumerate(self._streams):
                move = stream.move(flags) if self._kinds[number] == kind else None
                if move is not None:
                    members.append((1 << number, stream, move))
            if members:
                bits = sum(bit for bit, _, _ in members)
                groups.append(Group(kind, places, bits, tuple(members)))
        return groups
