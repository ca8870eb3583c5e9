"""Events whose id was seen before, in one key and of one stream."""

from __future__ import annotations

from typing import TypeAlias

from streamkit.running.generations import Generations
from streamkit.running.runs import Key

__all__ = ["Seen", "SeenIds"]

Seen: TypeAlias = "tuple[Key, int, int]"
"""Key, time of the kept event, and the streams it touched as bits."""


class SeenIds:
    """The ids of one kind of key.

    An event is a duplicate for a stream if one with its id that touched the stream was kept in
    the key at most `length` before. An id mostly comes once and in one key, so it is kept as one
    tuple; only ids that come again in another key, or touch other streams, need more.

    Args:
        length: How long an id counts, in microseconds, inclusive.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.ids: Generations[str, Seen | list[Seen]] = Generations(length)
        self.changed: set[str] | None = None
        """Ids kept since somebody asked; None where nobody does."""

    def new_for(self, event_id: str, key: Key, time: int, streams: int) -> int:
        """For which of the streams that an event touches it is no duplicate, as bits."""
        ids = self.ids
        if self.changed is not None:
            self.changed.add(event_id)
        if event_id not in ids.recent and event_id not in ids.older:
            ids.recent[event_id] = (key, time, streams)
            return streams
        found = ids.get(event_id)
        assert found is not None
        entries = found if isinstance(found, list) else [found]
        return self._new_beside(entries, event_id, key, time, streams)

    def _new_beside(
        self, entries: list[Seen], event_id: str, key: Key, time: int, streams: int
    ) -> int:
        valid = [entry for entry in entries if time - entry[1] <= self.length]
        known = 0
        for other, _, kept in valid:
            if other == key:
                known |= kept
        new = streams & ~known
        if new:
            valid.append((key, time, new))
        self.ids.set(event_id, valid)
        return new
