"""Rows that carry an id seen before."""

from __future__ import annotations

import numpy as np
import polars as pl

from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group

__all__ = ["first_of_each_id", "kept_rows", "repeated_ids"]

NO_REPEAT = -1


def repeated_ids(ids: pl.Series) -> Ints:
    """A number for each id that occurs more than once, -1 for all other rows.

    Ids are compared as text; hashes only find the few rows that are worth comparing.
    """
    codes = np.full(len(ids), NO_REPEAT, np.int64)
    hashes, present = ids.hash(), ids.is_not_null().to_numpy()
    ordered = np.sort(hashes.to_numpy()[present])
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(repeated):
        alike = hashes.is_in(pl.Series(repeated).implode()).to_numpy()
        rows = np.flatnonzero(alike & present)
        texts = ids.gather(rows)
        rows = rows[texts.is_duplicated().to_numpy()]
        categories = pl.Categorical(pl.Categories.random())
        codes[rows] = ids.gather(rows).cast(categories).to_physical().to_numpy()
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
