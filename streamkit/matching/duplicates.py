"""Rows that carry an id seen before."""

from __future__ import annotations

import numpy as np
import polars as pl

from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group

__all__ = ["first_of_each_id", "kept_rows", "repeated_ids"]

NO_REPEAT = -1


def repeated_ids(ids: pl.Series) -> Ints:
    """A number for each id that occurs more than once, -1 for all other rows.

    Args:
        ids: Texts, null where there is none; or numbers that stand for them, 0 where there is none.
    """
    codes = np.full(len(ids), NO_REPEAT, np.int64)
    is_text = ids.dtype == pl.String
    numbers = ids.hash().set(ids.is_null(), 0).to_numpy() if is_text else ids.to_numpy()
    order = np.argsort(numbers)
    ordered = numbers[order]
    same = (ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)
    if same.any():
        is_repeat = np.append(same, False)
        is_repeat[1:] |= same
        rows = order[is_repeat]
        if is_text:
            rows = rows[ids.gather(rows).is_duplicated().to_numpy()]
        codes[rows] = ids.gather(rows).rank("dense").to_numpy()
    return codes


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
    starts = group_starts(keys[rows]) | group_starts(ids[rows])
    return rows, np.cumsum(starts)
