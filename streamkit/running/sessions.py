"""Sessions made from gaps, one event at a time."""

from __future__ import annotations

from typing import Any

from streamkit.events.schema import Sessionizer
from streamkit.matching.row_values import micros_text, text_micros
from streamkit.running.generations import Deadlines

__all__ = ["Session", "Sessions"]

STRETCHES = 8


class Session:
    """A user's session that is going on.

    Attributes:
        value: `<user>@<time of its first event>`.
        started: Time of its first event, in microseconds.
        latest: Time of its newest event.
        is_proven: Whether its true start was surely seen.
    """

    __slots__ = ("is_proven", "latest", "started", "value")

    def __init__(self, value: str, started: int, latest: int, *, is_proven: bool) -> None:
        self.value = value
        self.started = started
        self.latest = latest
        self.is_proven = is_proven

    def row(self) -> list[Any]:
        """It as plain data."""
        return [self.value, self.started, self.latest, self.is_proven]


class Sessions:
    """The sessions of all users.

    Args:
        sessionizer: The longest gap and the longest session.
    """

    def __init__(self, sessionizer: Sessionizer) -> None:
        self.inactivity = sessionizer.inactivity.microseconds
        self.max = None if sessionizer.max is None else sessionizer.max.microseconds
        self.of_user: dict[str, Session] = {}
        self.count = 0
        self.unproven = 0
        self.deadlines: Deadlines[str] = Deadlines(self.inactivity // STRETCHES)
        self.changed: set[str] | None = None
        """Users whose session changed since somebody asked; None where nobody does."""

    def at(self, user: str, time: int, oldest: int) -> Session:
        """The session of a user's event; events come in order.

        Args:
            user: The user.
            time: Time of the event.
            oldest: The oldest time of any event.
        """
        session = self.of_user.get(user)
        if self.changed is not None:
            self.changed.add(user)
        if session is None:
            self.deadlines.add(user, time + self.inactivity)
        elif time - session.latest <= self.inactivity and (
            self.max is None or time - session.started <= self.max
        ):
            session.latest = time
            return session
        is_proven = time - oldest > self.inactivity
        session = Session(f"{user}@{micros_text(time)}", time, time, is_proven=is_proven)
        self.of_user[user] = session
        self.count += 1
        self.unproven += not is_proven
        return session

    def ends(self, value: str, now: int) -> int:
        """The last time at which an event could belong to a session, as far as is known.

        Args:
            value: The session's value.
            now: No event before it will come.
        """
        user, _, start = value.rpartition("@")
        session = self.of_user.get(user)
        if session is None or session.started != text_micros(start):
            return now - 1
        return session.latest + self.inactivity

    def sweep(self, now: int, limit: int) -> None:
        """Forget sessions that are over."""
        again = []
        for user in self.deadlines.taken(now - 1, limit):
            session = self.of_user[user]
            if session.latest + self.inactivity < now:
                del self.of_user[user]
                if self.changed is not None:
                    self.changed.add(user)
            else:
                again.append((user, session.latest + self.inactivity))
        for user, time in again:
            self.deadlines.add(user, time)
