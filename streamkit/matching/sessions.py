"""Sessions made from gaps, for events that carry none.

When the sessions of a user begin depends on the times of all the user's events, and nothing else:
so they are made first, from two columns, and a row is then of the last one that began by its time.
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
from streamkit.matching.plain_rows import PlainRows, Unit, units_of
from streamkit.matching.scan import Scan
from streamkit.matching.threads import in_threads

__all__ = ["Sessions", "is_proven", "read_sessions", "session_texts"]


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

    @classmethod
    def of(
        cls,
        users: Hashes,
        times: Ints,
        sessionizer: Sessionizer,
        proofs: Proofs | None = None,
    ) -> Sessions:
        """Make the sessions.

        Args:
            users: A number for each event's user, 0 where there is none.
            times: When all events of these users happened, in microseconds.
            sessionizer: The longest gap and the longest session.
            proofs: The users' second numbers; without them the first are known to be good.

        Raises:
            SharedNumberError: Two users share a number.

        Example:
            >>> users, minutes = np.ones(3, np.uint64), np.array([0, 10, 50])
            >>> Sessions.of(users, minutes * 60_000_000, Sessionizer("user", "30m")).starts.tolist()
            [0, 3000000000]
        """
        known = np.flatnonzero(users)
        order, numbers, ordered = sort_rows(users[known], times[known], None)
        groups = numbers.view(np.int64)
        begins = group_starts(groups)
        if proofs is not None:
            check_proofs(~begins[1:], proofs[known].take(order))
        begins[1:] |= np.diff(ordered) > sessionizer.inactivity.microseconds
        if sessionizer.max is not None:
            longest = sessionizer.max.microseconds
            stretches = np.cumsum(begins, dtype=np.int64)
            begins = follow(next_in_group(stretches, ordered, longest, inclusive=False), begins)
        owners, starts = numbers[begins].view(np.uint64), ordered[begins]
        by_user = np.argsort(owners, kind="stable")
        return cls(owners[by_user], starts[by_user])

    @classmethod
    def joined(cls, parts: Sequence[Sessions]) -> Sessions:
        """The sessions of all users, given in parts whose users follow each other."""
        return cls(
            np.concatenate([part.users for part in parts]),
            np.concatenate([part.starts for part in parts]),
        )

    def starts_of(self, users: Hashes, times: Ints) -> Ints:
        """When the sessions of events began, in microseconds; 0 without a user."""
        first = np.searchsorted(self.users, users)
        last = np.searchsorted(self.users, users, side="right")
        last -= 1
        while (open_ := np.flatnonzero(first < last)).size:  # halved until one session is left
            middle = (first[open_] + last[open_] + 1) // 2
            began = self.starts[middle] <= times[open_]
            first[open_] = np.where(began, middle, first[open_])
            last[open_] = np.where(began, last[open_], middle - 1)
        starts = np.zeros(len(users), np.int64)
        known = np.flatnonzero(users)
        starts[known] = self.starts[first[known]]
        return starts

    def unproven(self, sessionizer: Sessionizer, begin: int) -> int:
        """How many of them may have begun before the input does."""
        return int((~is_proven(self.starts, sessionizer, begin)).sum())


def read_sessions(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    sessionizer: Sessionizer,
    rows: int,
    *,
    is_plain: bool,
) -> Sessions:
    """Make the sessions of all the events that a scan sees.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        sessionizer: How sessions are made.
        rows: How many rows may come.
        is_plain: Whether rows are read as they stand: numbers for users are made in one way.

    Raises:
        SharedNumberError: Two users share a number.
    """
    buckets = Buckets(rows)
    if is_plain:
        plain = PlainRows.of_users(scan)

        def read(unit: Unit) -> list[Columns]:
            rows = plain.read(unit)
            piece = rows.piece(rows.unseen(scan))
            users, proofs = piece.texts["user"].by_row()
            columns: Columns = {"user": users, "user_proof": proofs, "time": piece.rows["time"]}
            return buckets.deal(columns, users)

        for dealt in in_threads(read, units_of(scan)):
            buckets.put(dealt)
    else:

        def take(batch: pa.RecordBatch) -> None:
            columns = {name: batch.column(name).to_numpy() for name in batch.schema.names}
            buckets.add(columns, columns["user"])

        ask_batches(connection, scan.of_users(), take)

    def made(bucket: int) -> Sessions:
        columns = buckets.pop(bucket)
        users, proofs = columns["user"], columns["user_proof"]
        return Sessions.of(users, columns["time"], sessionizer, proofs)

    return Sessions.joined(list(in_threads(made, buckets.filled())))


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
