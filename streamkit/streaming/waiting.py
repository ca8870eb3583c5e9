"""Requests that wait until their events are safe."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, TypeAlias

from streamkit.streaming.bodies import HttpLimits, RefusedError

__all__ = ["Waiting", "stopping"]

BATCH = 10_000
Answer: TypeAlias = Callable[[Mapping[str, int] | None], None]
"""Takes what was skipped of a request, by reason, once its events are committed; None if nobody knows
whether they are."""


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    number: int
    events: Sequence[Any]
    size: int
    answer: Answer
    skipped: Counter[str] = field(default_factory=Counter)


class Waiting:
    """A bounded queue between the threads that bring requests and the one that takes events.

    A request counts until it is committed, so memory is bounded by what the state has not yet
    taken over.

    Args:
        limits: How many events and bytes may wait.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._changed = Condition()
        self._queue: deque[_Request] = deque()
        self._taken: deque[_Request] = deque()
        self._read: list[_Request] = []
        self._number = 0
        self._is_closed = False
        self.events = 0
        self.bytes = 0

    def start(self, number: int) -> None:
        """Number the requests from here."""
        self._number = number

    def reserve(self, size: int) -> None:
        """Make room for bytes of a body that is read.

        Raises:
            RefusedError: 429 where too many bytes are in the process already.
        """
        with self._changed:
            if self.bytes + size > self._limits.queue_bytes:
                raise _full()
            self.bytes += size

    def release(self, size: int) -> None:
        """Give back room for bytes whose request came to nothing."""
        with self._changed:
            self.bytes -= size

    def put(self, events: Sequence[Any], size: int, answer: Answer) -> None:
        """Let a request wait.

        Args:
            events: Its events.
            size: Bytes that were reserved for it; they are given back when it is answered.
            answer: Called from another thread.

        Raises:
            RefusedError: 429 where too many events wait, 503 when nothing is taken any more.
        """
        with self._changed:
            if self._is_closed:
                raise stopping()
            if self.events + len(events) > self._limits.queue_events:
                raise _full()
            self._number += 1
            self.events += len(events)
            self._queue.append(_Request(self._number, events, size, answer))
            self._changed.notify()

    def take(self, timeout: float) -> tuple[list[Any], int] | None:
        """Events of whole requests and the number of the last one; None if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed, timeout)
            if not self._queue:
                return None
            events: list[Any] = []
            self._read = []
            while self._queue and (not events or len(events) + len(self._queue[0].events) <= BATCH):
                request = self._queue.popleft()
                self._taken.append(request)
                self._read.append(request)
                events += request.events
            return events, self._taken[-1].number

    def note_skipped(self, skips: Sequence[tuple[int, str]]) -> None:
        """Note which of the events taken last are bad, by their place among them, and why."""
        whose = [request for request in self._read for _ in request.events]
        for place, reason in skips:
            whose[place].skipped[reason] += 1

    def settle(self, number: int) -> None:
        """Answer all requests up to a number: their events are safe."""
        with self._changed:
            self._read = []
            settled = []
            while self._taken and self._taken[0].number <= number:
                settled.append(self._taken.popleft())
            self._forget(settled)
        for request in settled:
            request.answer(request.skipped)

    def close(self) -> None:
        """Take nothing more, and tell all that wait that nobody knows whether they are safe."""
        with self._changed:
            self._is_closed = True
            left = [*self._taken, *self._queue]
            self._taken.clear()
            self._queue.clear()
            self._forget(left)
            self._changed.notify_all()
        for request in left:
            request.answer(None)

    def _forget(self, requests: Sequence[_Request]) -> None:
        self.events -= sum(len(request.events) for request in requests)
        self.bytes -= sum(request.size for request in requests)


def stopping() -> RefusedError:
    """What a client is told when nothing is taken any more."""
    return RefusedError(503, "this process is stopping: send it again", retry_after=5)


def _full() -> RefusedError:
    return RefusedError(429, "too many events wait to be taken: send it again", retry_after=1)
