"""Rows that carry an id seen before."""

from __future__ import annotations

import numpy as np

from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.numbering import Hashes

__all__ = ["NO_REPEAT", "first_of_each_id", "kept_rows", "repeated_ids"]

NO_REPEAT = -1
SLOTS_A_ROW = 4


def repeated_ids(ids: Hashes, firsts: Ints, sizes: Ints) -> Ints:
    """A number for each id that occurs more than once in its key, -1 for all other rows.

    Args:
        ids: Numbers that stand for the ids of the rows, sorted by key; 0 where there is none.
        firsts: For each row the number of its key's first row, shape (rows,).
        sizes: How many rows each key has, shape (keys,).

    Example:
        >>> ids = np.array([7, 5, 7, 7, 0, 0], np.uint64)
        >>> repeated_ids(ids, np.array([0, 0, 0, 3, 3, 3]), np.array([3, 3])).tolist()
        [0, -1, 0, -1, -1, -1]
    """
    codes = np.full(len(ids), NO_REPEAT, np.int64)
    widths = np.repeat((SLOTS_A_ROW * sizes).view(np.uint64), sizes)
    rows = _sharing(ids >> np.uint64(32), widths, firsts)
    rows = rows.compress(ids.take(rows) != 0)
    low = ids.take(rows) & np.uint64(2**32 - 1)
    rows = rows.take(_sharing(low, widths.take(rows), firsts.take(rows)))
    rows = rows.take(np.lexsort((ids.take(rows), firsts.take(rows))))
    starts = group_starts(firsts.take(rows)) | group_starts(ids.take(rows))
    is_repeat = ~starts | ~np.append(starts[1:], True)
    codes[rows.compress(is_repeat)] = np.cumsum(starts.compress(is_repeat)) - 1
    return codes


def _sharing(shares: Hashes, widths: Hashes, firsts: Ints) -> Ints:
    """Rows that may have an id of another row of their key: every row that has one, and few others.

    Each key has a stretch of slots, some for each of its rows, and each row takes the one that its
    id tells. Equal ids take one slot; that others do is rare.

    Args:
        shares: Half of each row's id, which tells how far into its key's stretch the slot is.
        widths: How many slots the key of each row has.
        firsts: For each row the number of its key's first row.
    """
    slots = shares * widths
    slots >>= np.uint64(32)
    places = slots.view(np.int64)
    places += SLOTS_A_ROW * firsts
    rows = np.arange(len(places), dtype=np.int32)
    taken = np.empty(int(places.max(initial=-1)) + 1, np.int32)
    taken[places] = rows
    owners = taken.take(places)
    is_shared = owners != rows
    is_shared[owners.compress(is_shared)] = True
    return np.flatnonzero(is_shared)


def kept_rows(times: Ints, ids: Ints, length: int) -> Bools:
    """The rows that are no duplicates.

    Of the rows with one id in one key, those within `length` of the last kept one are dropped.

    Args:
        times: Time of each row, in order for each id.
        ids: Numbers of repeated ids, sorted; one of another key is another number.
        length: In microseconds, inclusive.

    Example:
        >>> kept_rows(np.array([0, 5, 11]), np.array([2, 2, 2]), 10).tolist()
        [True, False, True]
    """
    starts = group_starts(ids)
    groups = np.cumsum(starts) - 1
    far = times - times[starts][groups] > length
    kept = starts.copy()
    if far.any():  # some are kept after the first: these ids are followed from one to the next
        chosen = np.isin(groups, groups[far])
        following = next_in_group(ids[chosen], times[chosen], length, inclusive=False)
        kept[chosen] = follow(following, starts[chosen])
    return kept


def first_of_each_id(ids: Ints, rows: Ints) -> Bools:
    """Which of some rows are the first of their key with their id.

    Args:
        ids: Numbers of repeated ids, each of one key; -1 for rows that cannot be duplicates.
        rows: The rows, in order.
    """
    kept = np.ones(len(rows), bool)
    codes = ids.take(rows)
    repeats = np.flatnonzero(codes != NO_REPEAT)
    repeats = repeats.take(np.argsort(codes.take(repeats), kind="stable"))
    kept[repeats] = group_starts(codes.take(repeats))
    return kept
