"""How many events of one time, name and key there were: what tells events without an id apart."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.running.runs import Key

__all__ = ["Twins", "key_of"]


def key_of(facts: Sequence[str | None], places: Sequence[int]) -> Key | None:
    """The key that an event's texts make; None if a part is missing."""
    if len(places) == 1:
        return facts[places[0]]
    parts = tuple(facts[place] for place in places)
    return None if None in parts else parts  # type: ignore[return-value] # no part is None


class Twins:
    """Counts the events of the time that is being decided.

    Events come in order of time, so only those of one time have to be known, and they are only
    counted when somebody asks.

    Args:
        keys: For each kind of key the places of its parts among an event's texts.
    """

    def __init__(self, keys: Sequence[tuple[int, ...]]) -> None:
        self._keys = keys
        self.time: int | None = None
        self.events: list[tuple[str | None, Sequence[str | None]]] = []
        """Name and texts of events not yet counted."""
        self.counts: dict[tuple[int, Key, str | None], int] = {}

    def add(self, time: int, name: str | None, facts: Sequence[str | None]) -> None:
        """Note an event; a later time makes those of the one before unknown."""
        if time != self.time:
            self.time = time
            self.events = []
            if self.counts:
                self.counts = {}
        self.events.append((name, facts))

    def earlier(self, time: int, kind: int, key: Key, name: str | None) -> int:
        """How many events of a time, key and name were noted."""
        if time != self.time:
            return 0
        self.count()
        return self.counts.get((kind, key, name), 0)

    def count(self) -> None:
        """Count what was only noted."""
        for name, facts in self.events:
            for kind, places in enumerate(self._keys):
                key = key_of(facts, places)
                if key is not None:
                    twin = (kind, key, name)
                    self.counts[twin] = self.counts.get(twin, 0) + 1
        self.events.clear()
