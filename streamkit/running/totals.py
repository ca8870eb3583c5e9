"""Sessions as a whole, for payloads that ask: how many events, since when, what the last one held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamkit.matching.contexts import SessionFacts
from streamkit.running.asking import LAST, Values
from streamkit.running.generations import Deadlines

__all__ = ["SessionTotals", "Total"]

STRETCHES = 8
SECOND = 1_000_000


class Total:
    """One session so far.

    Attributes:
        count: How many events there were.
        started: The first one's time, in microseconds.
        latest: The last one's time.
        last: By stream, the values of the last event that it asks for.
    """

    __slots__ = ("count", "last", "latest", "started")

    def __init__(
        self, count: int, started: int, latest: int, last: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.count = count
        self.started = started
        self.latest = latest
        self.last = last

    def row(self) -> list[Any]:
        """It as plain data: what the class is made with."""
        return [self.count, self.started, self.latest, self.last]


class SessionTotals:
    """All sessions, those longest untouched first.

    Args:
        length: How long after its last event a session can be asked for; None for ever.

    Attributes:
        changed: Sessions that changed since somebody asked; None where nobody does.
        recall: Finds a session that is not in memory; None where none lies in a file.
    """

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.of_session: dict[str, Total] = {}
        self.changed: set[str] | None = None
        self.recall: Callable[[str], Total | None] | None = None
        self.deadlines: Deadlines[str] = Deadlines(max((length or 0) // STRETCHES, SECOND))

    def add(self, session: str, time: int, values: Values | None) -> None:
        """Count an event; events come in order."""
        total = self._take(session)
        last = {} if values is None else {name: kept[LAST] for name, kept in values.items()
                                          if LAST in kept}  # fmt: skip
        if total is None:
            total = Total(1, time, time, last)
            if self.length is not None:
                self.deadlines.add(session, time + self.length)
        else:
            total.count += 1
            total.latest = time
            total.last = last
        self.of_session[session] = total
        if self.changed is not None:
            self.changed.add(session)

    def facts(self, session: str | None, stream: str) -> SessionFacts | None:
        """A session as it is now, with the values that a stream asks for."""
        total = None if session is None else self._take(session)
        if total is None or session is None:
            return None
        self.of_session[session] = total
        return SessionFacts(total.count, total.started, total.latest, total.last.get(stream, {}))

    def put_back(self, session: str, row: list[Any]) -> None:
        """Take a session out of a snapshot."""
        total = self.of_session[session] = Total(*row)
        if self.length is not None:
            self.deadlines.add(session, total.latest + self.length)

    def _take(self, session: str) -> Total | None:
        """A session, out of its place among the others."""
        total = self.of_session.pop(session, None)
        if total is None and self.recall is not None:
            total = self.recall(session)
            if total is not None and self.length is not None:
                self.deadlines.add(session, total.latest + self.length)
        return total

    def sweep(self, now: int, limit: int) -> None:
        """Forget sessions that nobody can ask for any more.

        Args:
            now: No event before it will come, in microseconds.
            limit: How many to look at.
        """
        assert self.length is not None
        again = []
        for session in self.deadlines.taken(now - 1, limit):
            total = self.of_session.get(session)
            if total is None:
                continue
            if total.latest + self.length >= now:
                again.append((session, total.latest + self.length))
                continue
            del self.of_session[session]
            if self.changed is not None:
                self.changed.add(session)
        for session, time in again:
            self.deadlines.add(session, time)

    def evict(self, limit: int) -> None:
        """Let go of sessions that lie in a file, until only so many are in memory."""
        for _ in range(len(self.of_session) - limit):
            del self.of_session[next(iter(self.of_session))]
