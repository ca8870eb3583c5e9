"""The waits of one stream: complete runs that an exclude can still end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from streamkit.running.firing import Firing
from streamkit.running.runs import Key, State

__all__ = ["Waits"]

ENDED_KEPT = 1000
"""Of so many waits that an exclude has ended at least is it worth looking for them."""


class Waits:
    """Where waits lie, and which ends next.

    A wait stands in its key's part of a record, and in a queue of all. One that an exclude ends
    leaves the part at once and the queue when it is met there.

    Args:
        place: Where a part has them; None for a stream that does not wait.
        length: How long a wait is, in microseconds.
        of_key: The waits of a key as they are now.
    """

    def __init__(
        self, place: int | None, length: int, of_key: Callable[[Key], Sequence[Firing]]
    ) -> None:
        self._place = place
        self._length = length
        self._of_key = of_key
        self.queue: deque[Firing] = deque()
        """In order; also some that an exclude has ended."""
        self._ended = 0

    def of(self, state: State, at: int) -> Sequence[Firing]:
        """The waits of the part of a record that begins at a place, in order."""
        found: Firing | list[Firing] | None = None
        if self._place is not None:
            found = state[at + self._place]
        if found is None:
            return ()
        return (found,) if isinstance(found, Firing) else found

    def set(self, state: State, at: int, waiting: Sequence[Firing]) -> None:
        """Keep what `of` shall give; there is mostly one, which needs no list."""
        if self._place is not None:
            state[at + self._place] = (
                list(waiting) if len(waiting) > 1 else waiting[0] if waiting else None
            )

    def add(self, state: State, at: int, firing: Firing) -> None:
        """Let a run wait behind those of its key."""
        waiting = self.of(state, at)
        if isinstance(waiting, list):
            waiting.append(firing)
        else:
            self.set(state, at, (*waiting, firing))
        self.queue.append(firing)

    def kill(self, state: State, at: int, since: int) -> bool:
        """End the waits of events at or after a time; whether there were any."""
        waiting = self.of(state, at)
        if not waiting or waiting[-1].run.time < since:
            return False
        kept = waiting if isinstance(waiting, list) else list(waiting)
        while kept and kept[-1].run.time >= since:
            kept.pop()
            self._ended += 1
        if len(kept) < 2:
            self.set(state, at, kept)
        if self._ended > max(ENDED_KEPT, len(self.queue) // 2):
            self.queue = deque(self.open())
            self._ended = 0
        return True

    def take(self, time: int) -> Firing | None:
        """The next wait of an event before a time, out of the queue; None if there is none."""
        if self.queue and self.queue[0].run.time < time:
            return self.queue.popleft()
        return None

    def end(self, state: State, at: int) -> None:
        """Let the first wait of a key end; it was the next in the queue."""
        waiting = self.of(state, at)
        if isinstance(waiting, list) and len(waiting) > 2:
            del waiting[0]
        else:
            self.set(state, at, waiting[1:])

    def was_ended(self) -> None:
        """A wait that was taken out of the queue had been ended by an exclude."""
        self._ended -= 1

    def open(self) -> list[Firing]:
        """The waits that no exclude has ended, in order."""
        keys = {firing.key for firing in self.queue}
        found = {id(firing) for key in keys for firing in self._of_key(key)}
        return [firing for firing in self.queue if id(firing) in found]

    def put_back(self, waiting: Iterable[Firing]) -> None:
        """Make the queue of waits that lie in records."""
        self.queue = deque(sorted(waiting, key=lambda firing: firing.run[:2]))
        self._ended = 0

    def next_deadline(self) -> int:
        """When the next wait ends, in microseconds."""
        return self.queue[0].run.time + self._length
