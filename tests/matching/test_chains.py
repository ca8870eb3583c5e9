"""Chains and order against plain loops."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from streamkit.matching.chains import follow, group_starts, next_in_group
from streamkit.matching.duplicates import kept_rows, repeated_ids, suspected
from streamkit.matching.frequency import kept_by_cooldown, kept_by_frequency
from streamkit.matching.order import key_codes, order_rows

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), max_size=40)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    columns = np.array(sorted(rows), dtype=np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


@given(ROWS, st.integers(0, 8), st.booleans())
def test_next_in_group_is_the_first_late_enough(
    rows: list[tuple[int, int]], wait: int, inclusive: bool
) -> None:
    """The first later row of the group at or after (or strictly after) the time."""
    groups, times = arrays(rows)
    wanted = [
        next(
            (
                later
                for later in range(len(rows))
                if groups[later] == groups[row]
                and (
                    times[later] >= times[row] + wait
                    if inclusive
                    else times[later] > times[row] + wait
                )
            ),
            len(rows),
        )
        for row in range(len(rows))
    ]
    assert next_in_group(groups, times, wait, inclusive=inclusive).tolist() == wanted


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=60))
def test_follow_reaches_what_walking_reaches(rows: list[tuple[int, bool]]) -> None:
    """Doubling finds exactly the rows that following one by one finds."""
    count = len(rows)
    following = np.array(
        [min(row + step, count) for row, (step, _) in enumerate(rows)], dtype=np.int64
    )
    starts = np.array([start for _, start in rows], dtype=bool)
    reached = set()
    for start in np.flatnonzero(starts).tolist():
        row = start
        while row < count and row not in reached:
            reached.add(row)
            row = int(following[row])
    assert np.flatnonzero(follow(following, starts)).tolist() == sorted(reached)


@given(ROWS, st.integers(1, 8))
def test_duplicates_are_counted_from_the_last_kept(
    rows: list[tuple[int, int]], length: int
) -> None:
    """A dropped row does not prolong the time in which others are dropped."""
    ids, times = arrays(rows)
    last: dict[int, int] = {}
    wanted = []
    for id_, time in zip(ids.tolist(), times.tolist(), strict=True):
        kept = id_ not in last or time > last[id_] + length
        if kept:
            last[id_] = time
        wanted.append(kept)
    order = np.argsort(ids, kind="stable")
    kept = kept_rows(times[order], ids[order], length)
    assert kept.tolist() == [wanted[row] for row in order]


@given(ROWS, st.integers(1, 8))
def test_cooldown_is_counted_from_the_last_kept(rows: list[tuple[int, int]], length: int) -> None:
    """Of each value; null (negative here) is never held back."""
    ordered = sorted((time, value - 1) for value, time in rows)
    last: dict[int, int] = {}
    wanted = []
    for time, value in ordered:
        kept = value < 0 or value not in last or time >= last[value] + length
        if kept:
            last[value] = time
        wanted.append(kept)
    values = np.array([value for _, value in ordered], dtype=np.int64)
    times = np.array([time for time, _ in ordered], dtype=np.int64)
    assert kept_by_cooldown(values, times, length).tolist() == wanted


def test_a_long_chain_takes_few_rounds() -> None:
    """A million rows, each followed by the next but one."""
    count = 1_000_000
    following = np.minimum(np.arange(count) + 2, count)
    starts = np.zeros(count, bool)
    starts[0] = True
    assert follow(following, starts).sum() == count // 2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 2)), max_size=50))
def test_order_is_key_time_sequence_source(rows: list[tuple[int, int, int]]) -> None:
    """Whatever order the source has, and stable where all is equal."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    order = order_rows(columns[:, 0], columns[:, 1], columns[:, 2])
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (*rows[row], row))
    order = order_rows(columns[:, 0], columns[:, 1])
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (*rows[row][:2], row))


@given(st.lists(st.tuples(st.sampled_from("abc\0"), st.sampled_from(["", "a", "ab"])), max_size=30))
def test_key_codes_are_equal_exactly_for_equal_keys(rows: list[tuple[str, str]]) -> None:
    """Parts are compared apart: ("ab", "c") is not ("a", "bc")."""
    parts = [pl.Series([row[part] for row in rows], dtype=pl.String) for part in (0, 1)]
    codes = key_codes(parts).tolist()
    assert [codes.index(code) for code in codes] == [rows.index(row) for row in rows]


@given(
    st.lists(st.lists(st.sampled_from([0, 1, 2**32, 2**32 + 1, 2**63]), min_size=1, max_size=20))
)
def test_repeated_ids_are_those_that_occur_twice_in_their_key(keys: list[list[int]]) -> None:
    """Whatever bits ids share; none, which is 0, is never a repeat."""
    sizes = np.array([len(ids) for ids in keys], dtype=np.int64)
    begins = np.cumsum(sizes) - sizes
    rows = [(key, id_) for key, ids in enumerate(keys) for id_ in ids]
    ids = np.array([id_ for _, id_ in rows], dtype=np.uint64)
    firsts = np.repeat(begins, sizes)
    codes = repeated_ids(ids, firsts).tolist()
    is_suspected = suspected(ids, firsts)
    assert all(is_suspected[row] for row, code in enumerate(codes) if code >= 0)
    assert not is_suspected[ids == 0].any()
    assert [code >= 0 for code in codes] == [
        id_ != 0 and rows.count((key, id_)) > 1 for key, id_ in rows
    ]
    for code, row in zip(codes, rows, strict=True):
        if code >= 0:
            assert codes.index(code) == rows.index(row)


def test_hardly_any_row_is_suspected_in_vain() -> None:
    """Of different ids, and of the same few ids in every key."""
    count = 50_000
    ids = np.random.default_rng(7).integers(1, 2**63, count, dtype=np.uint64) * np.uint64(2)
    assert suspected(ids, np.zeros(count, np.int32)).sum() < count / 20
    few, keys = ids.take(np.arange(count) % 10), np.arange(count, dtype=np.int32) // 10
    assert suspected(few, keys).sum() < count / 20


def test_non_overlapping_does_not_reach_into_the_next_key() -> None:
    """Each key begins anew."""
    keys = np.array([0, 0, 5, 5])
    starts, ends = np.array([0, 1, 5, 7]), np.array([2, 3, 6, 8])
    kept = kept_by_frequency("non_overlapping", keys, starts, ends)
    assert kept.tolist() == [True, False, True, True]
    assert group_starts(keys).tolist() == [True, False, True, False]
