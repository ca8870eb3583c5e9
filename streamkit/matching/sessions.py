"""Sessions made from gaps, for events that carry none.

When the sessions of a user begin depends on the times of all the user's events, and nothing else. So
they are made of users and times while events are read, and a row is then of the last session of its
user that began by its time.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from streamkit.events.asking import ask_batches
from streamkit.events.schema import Sessionizer
from streamkit.matching.buckets import Buckets, Columns
from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.numbering import Hashes, Proofs, check_proofs
from streamkit.matching.order import sort_rows
from streamkit.matching.pieces import Codes, Texts
from streamkit.matching.scan import Scan
from streamkit.matching.threads import in_threads

__all__ = ["SessionMaker", "Sessions", "is_proven", "read_sessions", "session_texts"]


class Sessions:
    """The sessions of some users.

    Args:
        users: The number of each session's user, sorted, shape (sessions,).
        starts: The time of its first event, in microseconds, sorted for each user.
    """

    def __init__(self, users: Hashes, starts: Ints) -> None:
        self.users = users
        self.starts = starts

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def bytes(self) -> int:
        """What they take."""
        return self.users.nbytes + self.starts.nbytes

    @classmethod
    def of(
        cls,
        users: Hashes,
        firsts: Ints,
        sessionizer: Sessionizer,
        lasts: Ints | None = None,
        proofs: Proofs | None = None,
    ) -> Sessions:
        """Make the sessions of events, or of stretches of events without a gap.

        A stretch begins a session if all that began before it ended long enough before. With the
        ends sorted for themselves, that is one comparison: as many as began before it have ended by
        then, and the last of these ends stands at the place before.

        Args:
            users: A number for each stretch's user, 0 where there is none.
            firsts: When the stretches begin, in microseconds: all that these users did.
            sessionizer: The longest gap and the longest session.
            lasts: When they end; without it each is one event, which the longest session needs.
            proofs: The users' second numbers; without them the first are known to be good.

        Raises:
            SharedNumberError: Two users share a number.

        Example:
            >>> users, minutes = np.ones(3, np.uint64), np.array([0, 10, 50])
            >>> Sessions.of(users, minutes * 60_000_000, Sessionizer("user", "30m")).starts.tolist()
            [0, 3000000000]
        """
        known = np.flatnonzero(users)
        order, numbers, began = sort_rows(users[known], firsts[known], None)
        ended = began if lasts is None else sort_rows(users[known], lasts[known], None)[2]
        begins = group_starts(numbers)
        if proofs is not None:
            check_proofs(~begins[1:], proofs[known].take(order))
        begins[1:] |= began[1:] - ended[:-1] > sessionizer.inactivity.microseconds
        if sessionizer.max is not None:
            longest = sessionizer.max.microseconds
            stretches = np.cumsum(begins, dtype=np.int64)
            begins = follow(next_in_group(stretches, began, longest, inclusive=False), begins)
        owners, starts = numbers[begins], began[begins]
        by_user = np.argsort(owners, kind="stable")
        return cls(owners[by_user], starts[by_user])

    @classmethod
    def joined(cls, parts: Sequence[Sessions]) -> Sessions:
        """The sessions of all users, given in parts whose users follow each other."""
        return cls(
            np.concatenate([part.users for part in parts]),
            np.concatenate([part.starts for part in parts]),
        )

    def starts_of(self, users: Hashes, times: Ints, codes: Codes | None = None) -> Ints:
        """When the sessions of events began, in microseconds; 0 without a user.

        Args:
            users: The number of each event's user, 0 where there is none.
            times: When it happened, in microseconds.
            codes: Which of the numbers each event has; by default each has its own.
        """
        first = np.searchsorted(self.users, users)
        last = np.searchsorted(self.users, users, side="right") - 1
        is_known = users != 0
        if codes is not None:
            first, last, is_known = (each.take(codes) for each in (first, last, is_known))
        while (open_ := np.flatnonzero(first < last)).size:  # halved until one session is left
            middle = (first[open_] + last[open_] + 1) // 2
            began = self.starts[middle] <= times[open_]
            first[open_] = np.where(began, middle, first[open_])
            last[open_] = np.where(began, last[open_], middle - 1)
        starts = np.zeros(len(times), np.int64)
        known = np.flatnonzero(is_known)
        starts[known] = self.starts[first[known]]
        return starts

    def unproven(self, sessionizer: Sessionizer, begin: int) -> int:
        """How many of them may have begun before the input does."""
        return int((~is_proven(self.starts, sessionizer, begin)).sum())


class SessionMaker:
    """Takes events as they are read, and makes sessions of them.

    Events of a user without a gap between them are taken as one stretch, so that what waits is
    little; but not where sessions have a longest length, which may end anywhere.

    Args:
        sessionizer: How sessions are made.
        rows: How many events may come.

    Example:
        >>> maker = SessionMaker(Sessionizer("user", "30m"), rows=3)
        >>> users = Texts.hashed(pl.Series(["a", "a", None]), salt=0)
        >>> maker.put(maker.prepared(users, np.array([5, 9, 7]), np.empty(0, int)))
        >>> maker.made().starts.tolist()
        [5]
    """

    def __init__(self, sessionizer: Sessionizer, rows: int) -> None:
        self._sessionizer = sessionizer
        self._buckets = Buckets(rows)

    def prepared(self, users: Texts, times: Ints, unseen: Ints) -> list[Columns]:
        """Prepare events; nothing is kept yet, so that many threads can do it.

        Args:
            users: The events' users.
            times: When they happened, in microseconds.
            unseen: Those of the events that do not count.

        Raises:
            SharedNumberError: Two users share a number.
        """
        is_present = users.is_present()
        if len(unseen) or is_present is not None:
            chosen = np.ones(len(times), bool) if is_present is None else is_present
            chosen[unseen] = False
            rows = np.flatnonzero(chosen)
            users, times = users.only(rows), times.take(rows)
        columns: Columns = {"first": times}
        if self._sessionizer.max is None:
            codes = users.numbers if users.codes is None else users.codes
            order, codes, times = sort_rows(codes, times, None)
            begins = group_starts(codes)
            if users.codes is None:
                check_proofs(~begins[1:], users.proofs.take(order))
            begins[1:] |= np.diff(times) > self._sessionizer.inactivity.microseconds
            users = users.only(order.compress(begins))
            ends = np.roll(begins, -1)  # the first row begins, so the last one ends
            columns = {"first": times.compress(begins), "last": times.compress(ends)}
        columns["user"], columns["user_proof"] = users.by_row()
        return self._buckets.deal(columns, columns["user"])

    def put(self, prepared: Sequence[Columns]) -> None:
        """Keep events that were prepared."""
        self._buckets.put(prepared)

    def made(self) -> Sessions:
        """The sessions of all the events.

        Raises:
            SharedNumberError: Two users share a number.
        """

        def made(bucket: int) -> Sessions:
            columns = self._buckets.pop(bucket)
            last, proofs = columns.get("last"), columns["user_proof"]
            return Sessions.of(columns["user"], columns["first"], self._sessionizer, last, proofs)

        return Sessions.joined(list(in_threads(made, self._buckets.filled())))


def read_sessions(
    connection: duckdb.DuckDBPyConnection, scan: Scan, sessionizer: Sessionizer, rows: int
) -> Sessions:
    """Make the sessions of all the events that a scan sees, by a query.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        sessionizer: How sessions are made.
        rows: How many rows may come.

    Raises:
        SharedNumberError: Two users share a number.
    """
    maker = SessionMaker(sessionizer, rows)
    none = np.empty(0, np.int64)

    def take(batch: pa.RecordBatch) -> None:
        users, proofs, times = (batch.column(name).to_numpy() for name in batch.schema.names)
        maker.put(maker.prepared(Texts(users, proofs), times, none))

    ask_batches(connection, scan.of_users(), take)
    return maker.made()


def is_proven(starts: Ints, sessionizer: Sessionizer, begin: int) -> Bools:
    """Whether the true start of each session is surely in the input.

    Args:
        starts: Times of first events, in microseconds.
        sessionizer: The longest gap.
        begin: The oldest time in the input, in microseconds.
    """
    proven: Bools = starts - begin > sessionizer.inactivity.microseconds
    return proven


def session_texts(users: pl.Series, starts: Ints) -> pl.Series:
    """The values of sessions: the user and the time of the first event.

    Args:
        users: As text.
        starts: Times of first events, in microseconds.

    Example:
        >>> session_texts(pl.Series(["u1"]), np.array([0])).to_list()
        ['u1@1970-01-01T00:00:00.000000Z']
    """
    times = pl.Series(starts).cast(pl.Datetime("us"))
    return (users + "@" + times.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")).alias("session")
