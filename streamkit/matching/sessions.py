"""Sessions made from gaps, for events that carry none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from streamkit.events.schema import Sessionizer
from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.order import key_codes, order_rows

__all__ = ["Sessions", "make_sessions"]


@dataclass(frozen=True, eq=False)
class Sessions:
    """A session for each row.

    Args:
        starts: Time of the session's first event, in microseconds, shape (rows,).
        values: The session's value, `<user>@<time of its first event>`; null without a user.
        is_proven: Whether the session's true start is surely in the input.
        count: How many sessions there are.
        unproven: How many of them may have begun before the input does.
    """

    starts: Ints
    users: pl.Series
    is_proven: Bools
    count: int
    unproven: int

    def values(self, rows: Ints) -> pl.Series:
        """The session's value of some rows."""
        starts = pl.Series(self.starts[rows]).cast(pl.Datetime("us"))
        texts = starts.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        return (self.users.gather(rows) + "@" + texts).alias("session")


def make_sessions(
    users: pl.Series, times: Ints, sequence: Ints | None, sessionizer: Sessionizer, begin: int
) -> Sessions:
    """Give each row its session.

    Args:
        users: User of each row as text; null rows get no session.
        times: Time of each row, in microseconds; rows stand in source order.
        sequence: Where declared, what orders equal times.
        sessionizer: The longest gap and the longest session.
        begin: The oldest time in the input.
    """
    known = np.flatnonzero(users.is_not_null().to_numpy())
    codes = key_codes([users.gather(known)])
    order = order_rows(codes, times[known], None if sequence is None else sequence[known])
    rows, groups = known[order], codes[order]
    ordered = times[rows]
    starts = group_starts(groups)
    starts[1:] |= np.diff(ordered) > sessionizer.inactivity.microseconds
    if sessionizer.max is not None:
        stretches = np.cumsum(starts, dtype=np.int64)
        too_late = next_in_group(stretches, ordered, sessionizer.max.microseconds, inclusive=False)
        starts = follow(too_late, starts)
    started = ordered[np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))]
    all_starts = np.zeros(len(users), np.int64)
    all_starts[rows] = started
    proven = np.ones(len(users), bool)
    proven[rows] = started - begin > sessionizer.inactivity.microseconds
    return Sessions(
        all_starts,
        users,
        proven,
        int(starts.sum()),
        int((ordered[starts] - begin <= sessionizer.inactivity.microseconds).sum()),
    )
