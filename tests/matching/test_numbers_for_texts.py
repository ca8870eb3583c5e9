"""Numbers that stand for texts: proven for each input, and replaced where two texts share one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from streamkit import History, backtest, load
from streamkit.events.source import connect
from streamkit.matching import buckets, numbering, pieces, plain_rows, scan
from streamkit.matching.identity import match_id, match_ids
from streamkit.matching.order import order_rows, together
from tests.matching.test_reruns import NOW, ROLES, events, stream

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "\0", "\x1f", "\x7f", "é", "a\nb", "\u2028", "/"]
)
FIRING = st.tuples(TEXTS, TEXTS, st.none() | TEXTS, st.integers(), st.none() | TEXTS, st.integers())


@pytest.mark.parametrize("shared", ["session_id", "event_id", "user_id"])
@pytest.mark.parametrize("kind", ["plain", "asked"])
def test_two_texts_with_one_number_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: str, kind: str
) -> None:
    """A hash that knows three values: the next way of hashing is taken, and the answer is right."""
    renamed = events().rename({"session": "session_id", "id": "event_id", "user": "user_id"})
    if kind == "asked":
        renamed = renamed.with_columns(pl.col("time").dt.to_string("iso:strict"))
    renamed.write_parquet(tmp_path / "events.parquet")
    roles = ROLES | {"session": "session_id", "id": "event_id", "user": "user_id"}
    if shared == "user_id":
        del roles["session"]
        roles = roles | {"sessionizer": {"by": "user_id", "inactivity": "1m"}}
    right = backtest(stream(), History(tmp_path, roles), now=NOW)
    sound, sound_sql, salts = numbering.hashed, numbering.hash_sql, set()

    def weak(texts: pl.Series, salt: int) -> tuple[numbering.Hashes, numbering.Proofs]:
        salts.add(salt)
        numbers, proofs = sound(texts, salt)
        is_weak = salt == 0 and (texts.name == "event_id") is (shared == "event_id")
        return (np.where(numbers > 0, 1 + numbers % 3, 0) if is_weak else numbers), proofs

    def weak_sql(text: str, salt: int) -> str:
        salts.add(salt)
        is_weak = salt == 0 and shared in text
        return f"CAST(1 + hash({text}) % 3 AS UBIGINT)" if is_weak else sound_sql(text, salt)

    for module in (pieces, plain_rows):
        monkeypatch.setattr(module, "hashed", weak)
    monkeypatch.setattr(scan, "hash_sql", weak_sql)
    found = backtest(stream(), History(tmp_path, roles), now=NOW)
    assert salts == {0, 1}
    assert_frame_equal(found.matches, right.matches)
    assert found.summary == right.summary


@given(st.lists(FIRING, max_size=8), TEXTS)
def test_ids_at_once_are_the_ids_one_by_one(
    rows: list[tuple[str, str, str | None, int, str | None, int]], name: str
) -> None:
    """Escaped or not, with an id or without, in any number."""
    rows = [(a, b, c, d % 2**40, e, f % 9) for a, b, c, d, e, f in rows]
    table = pl.DataFrame(
        rows,
        schema={"a": pl.String, "b": pl.String, "id": pl.String, "time": pl.Int64,
                "name": pl.String, "nth": pl.Int64},
        orient="row",
    )  # fmt: skip
    with connect() as connection:
        ids = match_ids(connection, name, [table["a"], table["b"]], table.drop("a", "b"))
    assert ids.to_list() == [
        match_id(name, [a, b], id_, time=time, name=event, nth=nth)
        for a, b, id_, time, event, nth in rows
    ]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_keys_of_numbers_are_equal_where_all_parts_are(rows: list[tuple[int, int]]) -> None:
    """(1, 12) is not (11, 2)."""
    columns = np.array(rows, dtype=np.uint64).reshape(-1, 2)
    codes = together([columns[:, 0], columns[:, 1]]).tolist()
    assert [codes.index(code) for code in codes] == [rows.index(row) for row in rows]


@given(st.lists(st.tuples(st.sampled_from([1, 2**63 + 1, 2**62]), st.integers(0, 5)), max_size=40))
def test_codes_that_end_alike_stay_apart(rows: list[tuple[int, int]]) -> None:
    """Only the end of a code is sorted by, so rows of two keys may be mixed at first."""
    codes = np.array([code for code, _ in rows], dtype=np.uint64)
    times = np.array([time for _, time in rows], dtype=np.int64)
    order = order_rows(codes, times)
    ordered = [rows[row] for row in order]
    seen = [code for place, (code, _) in enumerate(ordered)
            if not place or ordered[place - 1][0] != code]  # fmt: skip
    assert len(seen) == len(set(seen))
    for code in set(seen):
        mine = [(rows[row][1], row) for row in order.tolist() if rows[row][0] == code]
        assert mine == sorted(mine)


def test_buckets_on_disk_answer_as_in_memory(
    shop: Path, streams: Path, schema_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small buckets, each put on disk as it comes."""
    history = History(shop, schema_file, keep=0)
    chosen = load(streams)
    right = backtest(chosen, history, now=NOW.replace(month=6))
    monkeypatch.setattr(buckets, "BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(buckets, "ROWS_A_BUCKET", 2**13)
    found = backtest(chosen, history, now=NOW.replace(month=6))
    assert_frame_equal(found.matches, right.matches)
    assert_frame_equal(found.funnel(), right.funnel())
    assert any("on disk" in note for note in found.notes)
    assert not any("on disk" in note for note in right.notes)
