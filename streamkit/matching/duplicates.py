"""Rows that carry an id seen before."""

from __future__ import annotations

import numpy as np

from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.numbering import Hashes

__all__ = ["first_of_each_id", "kept_rows", "repeated_ids"]

NO_REPEAT = -1
SLOTS_A_ROW = 4


def repeated_ids(ids: Hashes, begins: Ints, sizes: Ints) -> Ints:
    """A number for each id that occurs more than once in its key, -1 for all other rows.

    Args:
        ids: Numbers that stand for the ids of the rows, sorted by key; 0 where there is none.
        begins: The first row of each key, shape (keys,).
        sizes: How many rows each key has.

    Example:
        >>> ids = np.array([7, 5, 7, 7, 0, 0], np.uint64)
        >>> repeated_ids(ids, np.array([0, 3]), np.array([3, 3])).tolist()
        [0, -1, 0, -1, -1, -1]
    """
    codes = np.full(len(ids), NO_REPEAT, np.int64)
    keys = np.repeat(np.arange(len(begins)), sizes)
    rows = _may_repeat(ids, begins.take(keys), sizes.take(keys))
    rows = rows[np.lexsort((ids[rows], keys[rows]))]
    starts = group_starts(keys[rows]) | group_starts(ids[rows].view(np.int64))
    is_repeat = ~starts | ~np.append(starts[1:], True)
    codes[rows[is_repeat]] = np.cumsum(starts[is_repeat]) - 1
    return codes


def _may_repeat(ids: Hashes, begins: Ints, sizes: Ints) -> Ints:
    """Rows that may have an id of another row of their key: every row that has one, and few others.

    Each key has a stretch of slots, some for each row, and each row takes the one that its id
    tells. Equal ids take one slot; that others do is rare, and rarer the second time, when the
    slot is told by other bits.
    """
    rows = np.flatnonzero(ids)
    taken = np.empty(SLOTS_A_ROW * len(ids), np.int32)
    for bits in (np.uint64(32), np.uint64(0)):
        share = (ids[rows] >> bits) & np.uint64(2**32 - 1)
        widths = (SLOTS_A_ROW * sizes[rows]).view(np.uint64)
        slots = (share * widths >> np.uint64(32)).view(np.int64) + SLOTS_A_ROW * begins[rows]
        taken[slots] = np.arange(len(rows), dtype=np.int32)
        owners = taken[slots]
        is_shared = owners != np.arange(len(rows), dtype=np.int32)
        is_shared[owners[is_shared]] = True
        rows = rows[is_shared]
    return rows


def kept_rows(keys: Ints, times: Ints, ids: Ints, length: int) -> Bools:
    """The rows that are no duplicates.

    Of the rows with one id in one key, those within `length` of the last kept one are dropped.

    Args:
        keys: Key of each row, sorted.
        times: Time of each row, in order inside each key.
        ids: Numbers of repeated ids, -1 for rows that cannot be duplicates.
        length: In microseconds, inclusive.

    Example:
        >>> kept_rows(np.zeros(3, int), np.array([0, 5, 11]), np.array([2, 2, 2]), 10).tolist()
        [True, False, True]
    """
    kept = np.ones(len(keys), bool)
    rows, groups = _same_id(keys, ids)
    following = next_in_group(groups, times[rows], length, inclusive=False)
    kept[rows] = follow(following, group_starts(groups))
    return kept


def first_of_each_id(keys: Ints, ids: Ints) -> Bools:
    """The rows that are the first of their key with their id."""
    kept = np.ones(len(keys), bool)
    rows, groups = _same_id(keys, ids)
    kept[rows] = group_starts(groups)
    return kept


def _same_id(keys: Ints, ids: Ints) -> tuple[Ints, Ints]:
    """Rows with repeated ids sorted by key and id, in order, and a number for each such pair."""
    rows = np.flatnonzero(ids != NO_REPEAT)
    rows = rows[np.lexsort((ids[rows], keys[rows]))]
    starts = group_starts(keys[rows]) | group_starts(ids[rows].view(np.int64))
    return rows, np.cumsum(starts)
