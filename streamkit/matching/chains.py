"""Choices that depend on the choice before: the next kept row after a kept row.

Duplicates, cooldown, non-overlapping runs and the longest session all read "keep the first, then
the first that is far enough from the last kept". Each becomes an array `following`, the row to
keep next if this one is kept, and `follow` finds every row that the chains from the first rows
reach, without walking them row by row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Ints", "follow", "group_starts", "next_in_group"]

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


def group_starts(groups: npt.NDArray[Any]) -> Bools:
    """Which rows begin a group, of rows sorted by group.

    Example:
        >>> group_starts(np.array([4, 4, 7])).tolist()
        [True, False, True]
    """
    starts = np.ones(len(groups), dtype=bool)
    np.not_equal(groups[1:], groups[:-1], out=starts[1:])
    return starts


def next_in_group(groups: Ints, times: Ints, wait: int, *, inclusive: bool) -> Ints:
    """For each row the first row of its group that is at least `wait` later.

    Args:
        groups: Each row's group; rows are sorted by group, then time.
        times: Each row's time.
        wait: How much later, in the times' unit.
        inclusive: Whether exactly `wait` later is late enough.

    Returns:
        Row numbers; the number of rows where there is none.

    Example:
        >>> next_in_group(np.zeros(4, int), np.array([0, 5, 10, 11]), 10, inclusive=True).tolist()
        [2, 4, 4, 4]
    """
    count = len(groups)
    both_groups = np.concatenate([groups, groups])
    both_times = np.concatenate([times, times + wait])
    is_row = np.concatenate([np.ones(count, np.int8), np.zeros(count, np.int8)])
    order = np.lexsort((is_row if inclusive else -is_row, both_times, both_groups))
    rows_before = np.cumsum(is_row[order], dtype=np.int64)
    is_target = order >= count
    following = np.empty(count, np.int64)
    following[order[is_target] - count] = rows_before[is_target]
    inside = following < count
    inside[inside] = groups[following[inside]] == groups[inside]
    return np.where(inside, following, count)


def follow(following: Ints, starts: Bools) -> Bools:
    """Which rows are reached from the starts by following, the starts included.

    The chains are followed by doubling: after k rounds `following` jumps 2**k rows and every row
    within 2**k jumps of a start is known, so a chain of a million rows takes twenty rounds.

    Args:
        following: For each row a later row, or the number of rows for the end.
        starts: Where chains begin.

    Example:
        >>> follow(np.array([2, 3, 4, 4]), np.array([True, False, False, False])).tolist()
        [True, False, True, False]
    """
    count = len(following)
    reached = np.append(starts, False)
    jump = np.append(following, count)
    while True:
        targets = jump[:-1][reached[:-1]]
        targets = targets[targets < count]
        if not len(targets):
            return reached[:-1]
        reached[targets] = True
        jump = jump[jump]
