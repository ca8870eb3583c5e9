"""Rows into keys, and into the order inside each key: time, then sequence, then source order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from streamkit.matching.chains import Bools, Ints

__all__ = ["key_codes", "order_rows"]


def key_codes(parts: Sequence[pl.Series]) -> Ints:
    """A number for each row, the same for rows whose key parts are all equal.

    Args:
        parts: The parts of the key as text columns without nulls.
    """
    codes = _codes(parts[0])
    for part in parts[1:]:
        more = _codes(part)
        pairs = codes * (int(more.max(initial=0)) + 1) + more
        codes = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return codes


def _codes(texts: pl.Series) -> Ints:
    categories = pl.Categorical(pl.Categories.random())  # its own, so that it is freed afterwards
    return texts.cast(categories).to_physical().cast(pl.Int64).to_numpy()


def order_rows(codes: Ints, times: Ints, sequence: Ints | None = None) -> Ints:
    """The rows sorted by code, time, sequence and their own order.

    Rows of a key are first brought together in their own order: one sort of whole numbers that
    hold the code and the row. Files are mostly written in order of time, so only the keys in
    which time runs backwards somewhere are then sorted again.

    Args:
        codes: Key of each row, 0 or more; rows stand in source order.
        times: Time of each row.
        sequence: Where declared, what orders equal times.

    Returns:
        Row numbers in order.

    Example:
        >>> order_rows(np.array([1, 0, 1]), np.array([5, 9, 3])).tolist()
        [1, 2, 0]
    """
    count = len(codes)
    row_bits = max(count - 1, 1).bit_length()
    packed = (codes << row_bits) | np.arange(count)
    packed.sort()
    order = packed & ((1 << row_bits) - 1)
    sorted_codes = packed >> row_bits
    backwards = _backwards(
        sorted_codes, times[order], None if sequence is None else sequence[order]
    )
    if not backwards.any():
        return order
    disordered = np.zeros(int(codes.max()) + 1, dtype=bool)
    disordered[sorted_codes[1:][backwards]] = True
    places = np.flatnonzero(disordered[sorted_codes])
    rows = order[places]
    keys = [times[rows], codes[rows]]
    if sequence is not None:
        keys.insert(0, sequence[rows])
    order[places] = rows[np.lexsort(keys)]
    return order


def _backwards(codes: Ints, times: Ints, sequence: Ints | None) -> Bools:
    """Where a row stands after one of its key that it should stand before."""
    earlier: Bools = times[1:] < times[:-1]
    if sequence is not None:
        earlier |= (times[1:] == times[:-1]) & (sequence[1:] < sequence[:-1])
    earlier &= codes[1:] == codes[:-1]
    return earlier
