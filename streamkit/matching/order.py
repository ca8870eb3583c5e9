"""Rows into keys, and into the order inside each key: time, then sequence, then source order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from streamkit.matching.chains import Bools, Ints, group_starts
from streamkit.matching.numbering import Hashes

__all__ = ["key_codes", "order_rows", "sort_rows", "together"]

HALF, END = np.uint16, np.uint32
"""Two halves of 16 bits, which numpy sorts by counting, make the end that rows are brought together
by."""


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


def together(parts: Sequence[Hashes]) -> Hashes:
    """The same for key parts that are numbers already, in any number of columns.

    Example:
        >>> together([np.array([7, 7, 5]), np.array([1, 2, 1])]).tolist()
        [1, 2, 0]
    """
    if len(parts) == 1:
        return parts[0]
    order = np.lexsort(parts[::-1])
    changes = np.zeros(len(order), bool)
    for part in parts:
        changes[1:] |= np.diff(part[order]) != 0
    codes = np.empty(len(order), np.uint64)
    codes[order] = np.cumsum(changes)
    return codes


def order_rows(codes: npt.NDArray[Any], times: Ints, sequence: Ints | None = None) -> Ints:
    """The rows sorted by code, time, sequence and their own order.

    Rows of a key are first brought together in their own order: two counting sorts, by the lower
    and the upper half of what the code ends with. Files are mostly written in order of time, so
    only where time runs backwards, or where two codes end alike, rows are then sorted again.

    Args:
        codes: Key of each row; rows stand in source order.
        times: Time of each row.
        sequence: Where declared, what orders equal times.

    Returns:
        Row numbers; rows of a key follow each other, and keys come in no order of meaning.

    Example:
        >>> order_rows(np.array([1, 0, 1]), np.array([5, 9, 3])).tolist()
        [1, 2, 0]
    """
    return sort_rows(codes, times, sequence)[0]


def sort_rows(
    codes: npt.NDArray[Any], times: Ints, sequence: Ints | None
) -> tuple[Ints, npt.NDArray[Any], Ints]:
    """The order of `order_rows`, and the codes and times in that order."""
    count = len(codes)
    order = _by_ends(codes)
    sorted_codes, sorted_times = codes.take(order), times.take(order)
    sorted_sequence = None if sequence is None else sequence.take(order)
    ends = sorted_codes if sorted_codes.itemsize == END().itemsize else sorted_codes.astype(END)
    alike = ends[1:] == ends[:-1]
    wrong = _wrong(sorted_codes, sorted_times, sorted_sequence)
    wrong &= alike
    places = np.flatnonzero(wrong)
    if len(places):
        begins = np.append(0, np.flatnonzero(~alike) + 1)
        found = np.searchsorted(begins, places, side="right") - 1
        found = found.compress(group_starts(found))
        sizes = np.append(begins, count)[found + 1] - begins[found]
        groups = np.repeat(np.arange(len(found)), sizes)
        places = np.arange(len(groups)) + (begins[found] + sizes - np.cumsum(sizes))[groups]
        again = places[
            _sorted(
                groups,
                sorted_codes[places],
                sorted_times[places],
                None if sorted_sequence is None else sorted_sequence[places],
            )
        ]
        for column in (order, sorted_codes, sorted_times):
            column[places] = column[again]
    return order, sorted_codes, sorted_times


def _by_ends(codes: npt.NDArray[Any]) -> Ints:
    """The rows by the last bits of their codes, each half of them sorted by counting."""
    order = np.argsort(codes.astype(HALF), kind="stable")
    if codes.max(initial=0) <= np.iinfo(HALF).max:
        return order
    upper = (codes >> codes.dtype.type(16)).astype(HALF)
    ordered: Ints = order.take(np.argsort(upper.take(order), kind="stable"))
    return ordered


def _wrong(codes: npt.NDArray[Any], times: Ints, sequence: Ints | None) -> Bools:
    """Where a row stands straight after one that it should not stand after in one key."""
    wrong: Bools = times[1:] < times[:-1]
    if sequence is not None:
        wrong |= (times[1:] == times[:-1]) & (sequence[1:] < sequence[:-1])
    if codes.itemsize > END().itemsize:  # else what ends alike is alike
        wrong |= codes[1:] != codes[:-1]
    return wrong


def _sorted(groups: Ints, codes: npt.NDArray[Any], times: Ints, sequence: Ints | None) -> Ints:
    """The order by group, code, time and sequence; groups go up already."""
    is_one_code = ((codes[1:] == codes[:-1]) | (groups[1:] != groups[:-1])).all()
    if is_one_code and sequence is None:
        since = times - times.min()
        time_bits = int(since.max()).bit_length()
        if int(groups[-1]).bit_length() + time_bits < 64:
            return np.argsort(groups << time_bits | since, kind="stable")
    keys = [times, codes, groups]
    return np.lexsort(keys if sequence is None else [sequence, *keys])
