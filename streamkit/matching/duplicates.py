"""Rows that carry an id seen before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group
from streamkit.matching.numbering import ODD, Hashes

__all__ = ["NO_REPEAT", "first_of_each_id", "kept_rows", "repeated_ids", "suspected"]

NO_REPEAT = -1
ROUNDS = 4
"""Of the rows that have an id of their own, each leaves about a third suspected."""


def suspected(ids: Hashes, keys: npt.NDArray[Any]) -> Bools:
    """Rows that may have the id of another row of their key: every row that has, hardly any other.

    Each row takes the slot that its id and key tell. Equal ones take one slot; of different ones a
    third do, a few of them again where other bits tell the slot, and so on.

    Args:
        ids: Numbers that stand for the ids of rows in any order; 0 where there is none.
        keys: A number for each row's key.

    Example:
        >>> suspected(np.array([7, 5, 7, 7], np.uint64), np.array([2, 2, 2, 1])).tolist()
        [True, False, True, False]
    """
    mixed = keys.astype(np.uint64)
    mixed *= ODD
    mixed += ids
    rows = np.arange(len(ids))
    for _ in range(ROUNDS):
        chosen = _sharing(mixed)
        rows, mixed = rows.take(chosen), mixed.take(chosen) * ODD
    rows = rows.compress(ids.take(rows) != 0)
    is_suspected = np.zeros(len(ids), bool)
    is_suspected[rows] = True
    return is_suspected


def _sharing(numbers: Hashes) -> Ints:
    """Rows whose slot, told by the first bits of a number, another row has as well."""
    rows = np.arange(len(numbers), dtype=np.int32)
    slots = (numbers >> np.uint64(64 - (2 * len(numbers) + 1).bit_length())).view(np.int64)
    taken = np.empty(int(slots.max(initial=-1)) + 1, np.int32)
    taken[slots] = rows
    owners = taken.take(slots)
    is_shared = owners != rows
    is_shared[owners.compress(is_shared)] = True
    return np.flatnonzero(is_shared)


def repeated_ids(ids: Hashes, firsts: Ints) -> Ints:
    """A number for each id that occurs more than once in its key, -1 for all other rows.

    Args:
        ids: Numbers that stand for the ids of rows, sorted by key; 0 where there is none.
        firsts: For each row the number of its key's first row, shape (rows,).

    Example:
        >>> ids = np.array([7, 5, 7, 7, 0, 0], np.uint64)
        >>> repeated_ids(ids, np.array([0, 0, 0, 3, 3, 3])).tolist()
        [0, -1, 0, -1, -1, -1]
    """
    codes = np.full(len(ids), NO_REPEAT, np.int64)
    rows = np.flatnonzero(ids)
    rows = rows.take(np.lexsort((ids.take(rows), firsts.take(rows))))
    starts = group_starts(firsts.take(rows)) | group_starts(ids.take(rows))
    is_repeat = ~starts | ~np.append(starts[1:], True)
    codes[rows.compress(is_repeat)] = np.cumsum(starts.compress(is_repeat)) - 1
    return codes


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
