"""Memory that forgets what is old, without looking for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Deadlines", "Generations"]

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """A mapping that keeps each entry at least so long, and at most about twice as long.

    Args:
        length: How long, in microseconds.

    Example:
        >>> kept = Generations[str, int](10)
        >>> kept.set("a", 1); kept.turn(0), kept.turn(11), kept.get("a")
        (False, True, 1)
        >>> kept.turn(22), kept.get("a") is None
        (True, True)
    """

    __slots__ = ("began", "length", "older", "recent")

    def __init__(self, length: int) -> None:
        self.length = length
        self.recent: dict[K, V] = {}
        self.older: dict[K, V] = {}
        self.began: int | None = None

    def get(self, key: K) -> V | None:
        """The value of a key, if it is still known."""
        found = self.recent.get(key)
        return self.older.get(key) if found is None and self.older else found

    def set(self, key: K, value: V) -> None:
        """Keep a value from now on."""
        self.recent[key] = value

    def turn(self, time: int) -> bool:
        """Let time go on; what was set more than `length` before may be forgotten.

        Returns:
            Whether what was older is forgotten, and what was recent is the older now.
        """
        if self.began is None:
            self.began = time
        elif time - self.began > self.length:
            self.older = self.recent
            self.recent = {}
            self.began = time
            return True
        return False

    def __len__(self) -> int:
        return len(self.recent) + len(self.older)

    def items(self) -> Iterator[tuple[K, V]]:
        """What is known, the older first."""
        yield from ((k, v) for k, v in self.older.items() if k not in self.recent)
        yield from self.recent.items()


class Deadlines(Generic[K]):
    """Keys to look at again at a time, put together in stretches of time.

    A key is looked at a little late, never early, and only a few at a time, so that no single
    event pays for many.

    Args:
        width: Length of a stretch, in microseconds.
    """

    __slots__ = ("first", "newest", "stretches", "width")

    def __init__(self, width: int) -> None:
        self.width = max(width, 1)
        self.stretches: dict[int, list[K]] = {}
        self.first: int | None = None
        self.newest = 0

    def add(self, key: K, time: int) -> int:
        """Look at a key after a time; returns the stretch it is in."""
        stretch = time // self.width + 1
        if stretch == self.newest:
            stretch = self.newest  # one number, not one for each key of the stretch
        else:
            self.newest = stretch
        found = self.stretches.get(stretch)
        if found is None:
            self.stretches[stretch] = [key]
            if self.first is None or stretch < self.first:
                self.first = stretch
        else:
            found.append(key)
        return stretch

    def is_due(self, time: int) -> bool:
        """Whether there is a key to look at."""
        return self.first is not None and self.first * self.width <= time

    def take(self, time: int, limit: int) -> Iterator[tuple[list[K], int]]:
        """Up to `limit` keys whose time has passed, those of each stretch with it."""
        while limit and self.first is not None and self.first * self.width <= time:
            stretch = self.first
            keys = self.stretches[stretch]
            taken = keys[-limit:]
            del keys[-limit:]
            limit -= len(taken)
            yield taken, stretch
            if not keys:
                del self.stretches[stretch]
                self.first = min(self.stretches, default=None)

    def taken(self, time: int, limit: int) -> Iterator[K]:
        """The same keys one by one."""
        for keys, _ in self.take(time, limit):
            yield from keys
