"""Sessions made from gaps, for events that carry none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from streamkit.events.schema import Sessionizer
from streamkit.matching.buckets import Columns
from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.order import sort_rows

__all__ = ["SessionCounts", "is_proven", "session_starts", "session_texts"]


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What was counted of sessions.

    Args:
        made: How many there are.
        unproven: How many of them may have begun before the input does.
    """

    made: int
    unproven: int


def session_starts(
    columns: Columns, sessionizer: Sessionizer, begin: int
) -> tuple[Ints, SessionCounts]:
    """For each row the time of its session's first event, in microseconds; 0 without a user.

    Args:
        columns: All rows of some users, in source order.
        sessionizer: The longest gap and the longest session.
        begin: The oldest time in the input.
    """
    users = columns["sessionizer_by"]
    known = np.flatnonzero(users)
    sequence = columns["sequence"][known] if "sequence" in columns else None
    order, numbers, ordered = sort_rows(users[known], columns["time"][known], sequence)
    groups = numbers.view(np.int64)
    starts = group_starts(groups)
    starts[1:] |= np.diff(ordered) > sessionizer.inactivity.microseconds
    if sessionizer.max is not None:
        stretches = np.cumsum(starts, dtype=np.int64)
        too_late = next_in_group(stretches, ordered, sessionizer.max.microseconds, inclusive=False)
        starts = follow(too_late, starts)
    started = ordered[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    all_starts = np.zeros(len(users), np.int64)
    all_starts[known[order]] = started
    unproven = int((~is_proven(ordered[starts], sessionizer, begin)).sum())
    return all_starts, SessionCounts(int(starts.sum()), unproven)


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
