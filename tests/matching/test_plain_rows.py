"""Files that are read as they stand, and those that are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from streamkit import Backtest, EventsError, History, Stream, backtest, event
from streamkit.matching import touching
from streamkit.matching.plain_rows import PlainRows
from streamkit.matching.plan import compile_streams
from streamkit.matching.scan import Scan
from streamkit.times import to_microseconds

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
ROLES = {"time": "at", "name": "event", "session": "sid", "user": "uid", "id": "eid"}
STREAM = Stream("s", [event("A"), event("B")], within="1h", frequency="every")


def events(count: int = 300, **columns: Any) -> pa.Table:
    """Sessions of three events that overlap, with a null of everything now and then."""

    def holed(values: list[Any], every: int) -> list[Any]:
        return [None if n % every == every - 1 else value for n, value in enumerate(values)]

    rows = range(count)
    made: dict[str, Any] = {
        "at": holed([START + timedelta(seconds=n) for n in rows], 41),
        "event": holed(["ABC"[n % 3] for n in rows], 43),
        "sid": holed([f"s{(n // 9) * 3 + (n + n // 3) % 3:04}" for n in rows], 37),
        "uid": holed([f"u{n % 11}" for n in rows], 31),
        "eid": holed([f"e{n - (n % 17 == 3)}" for n in rows], 29),
    }
    return pa.table(made | columns).cast(
        pa.schema([("at", columns.get("time_type", pa.timestamp("us", "UTC"))),
                   *((name, pa.string()) for name in list(made)[1:])])
    )  # fmt: skip


def is_plain(history: History, *streams: Stream) -> bool:
    scan = Scan(compile_streams(streams or (STREAM,)), history, None, to_microseconds(NOW))
    return PlainRows.of(scan) is not None


def answer(source: Any, roles: dict[str, Any] = ROLES, stream: Stream = STREAM) -> Backtest:
    return backtest(stream, History(source, roles, keep=0), now=NOW)


def assert_same(one: Backtest, other: Backtest) -> None:
    assert one.summary["streams"][0]["matches"] > 5
    assert_frame_equal(one.matches, other.matches)
    assert_frame_equal(one.funnel(), other.funnel())
    left_out = ("notes",)
    assert {k: v for k, v in one.summary.items() if k not in left_out} == {
        k: v for k, v in other.summary.items() if k not in left_out
    }


@pytest.mark.parametrize(
    "how",
    [
        {"row_group_size": 50},
        {"use_dictionary": False},
        {"use_dictionary": ["sid"], "row_group_size": 70},
        {"dictionary_pagesize_limit": 64, "row_group_size": 100},
        {"data_page_version": "2.0", "compression": "zstd"},
        {"coerce_timestamps": "ms", "version": "2.6"},
        {"store_schema": False},
        {"write_statistics": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_home", [True, False])
def test_however_a_file_is_laid_out_the_answer_is_that_of_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], is_home: bool
) -> None:
    """Dictionaries or none, one row group or many, keys at home in a piece or dealt out."""
    monkeypatch.setattr(touching, "ROWS_OF_A_HOME", 0 if is_home else 2**15)
    pq.write_table(events(), tmp_path / "events.parquet", **how)
    assert is_plain(History(tmp_path, ROLES))
    assert_same(answer(tmp_path), answer(events()))


@pytest.mark.parametrize(
    "type_", [pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.string_view()]
)
def test_texts_of_any_writer(tmp_path: Path, type_: pa.DataType) -> None:
    """Large, categorical and view texts are texts."""
    table = events(90)
    for name in ("event", "sid", "eid"):
        known = table[name].cast(pa.string())
        wanted = known.dictionary_encode() if pa.types.is_dictionary(type_) else known.cast(type_)
        table = table.set_column(table.column_names.index(name), name, wanted)
    pq.write_table(table, tmp_path / "events.parquet")
    assert_same(answer(tmp_path), answer(events(90)))


def test_a_dictionary_with_texts_that_no_row_has(tmp_path: Path) -> None:
    """Keys are those of rows, not of dictionaries."""
    table = events(90)
    sids = table["sid"].combine_chunks().dictionary_encode()
    more = pa.concat_arrays([sids.dictionary, pa.array(["nobody", "no one"])])
    held = pa.DictionaryArray.from_arrays(sids.indices, more)
    pq.write_table(table.set_column(2, "sid", held), tmp_path / "events.parquet")
    assert_same(answer(tmp_path), answer(table))


def test_keys_that_only_rows_without_a_time_have_are_not_seen(tmp_path: Path) -> None:
    """As by a query: a row that takes no part makes no key."""
    table = pl.from_arrow(events(90))
    assert isinstance(table, pl.DataFrame)
    lost = table.with_columns(
        sid=pl.when(pl.col("at").is_null()).then(pl.lit("lost")).otherwise("sid")
    )
    lost.write_parquet(tmp_path / "events.parquet")
    assert_same(answer(tmp_path), answer(lost))


@pytest.mark.parametrize(
    ("roles", "stream"),
    [
        (ROLES | {"time": "text_at"}, STREAM),
        (ROLES | {"session": "number"}, STREAM),
        (ROLES | {"session": ["uid", "sid"]}, STREAM),
        (ROLES | {"sequence": "number"}, STREAM),
        (ROLES, Stream("s", [event("A"), event("B")], within="1h", per=("session", "number"))),
    ],
    ids=["text times", "whole numbers", "parts", "a sequence", "per a number"],
)
def test_what_takes_more_than_a_column_is_asked(
    tmp_path: Path, roles: dict[str, Any], stream: Stream
) -> None:
    """Such files are read by a query, and the answer is that of a table."""
    table = pl.from_arrow(events())
    assert isinstance(table, pl.DataFrame)
    table = table.with_columns(
        text_at=pl.col("at").dt.to_string("iso:strict"), number=pl.int_range(pl.len()) % 7
    )
    table.write_parquet(tmp_path / "events.parquet")
    assert not is_plain(History(tmp_path, roles), stream)
    assert answer(tmp_path, roles, stream).summary == answer(table, roles, stream).summary


def test_folders_that_tell_a_role_are_asked(tmp_path: Path) -> None:
    """`sid=…` in a path is the session, whatever a column of that name holds."""
    for number in range(2):
        folder = tmp_path / f"sid=folder{number}"
        folder.mkdir()
        pq.write_table(events(60), folder / "events.parquet")
    history = History(tmp_path, ROLES)
    assert not is_plain(history)
    assert set(backtest(STREAM, history, now=NOW).matches["session"]) == {"folder0", "folder1"}


@pytest.mark.parametrize("column", ["sid", "eid"])
def test_a_damaged_page_is_one_readable_line(tmp_path: Path, column: str) -> None:
    """The file is named, and what to do."""
    file = tmp_path / "events.parquet"
    pq.write_table(events(), file)
    place = list(ROLES.values()).index(column)
    chunk = pq.read_metadata(file).row_group(0).column(place)
    begin = chunk.dictionary_page_offset or chunk.data_page_offset
    data = bytearray(file.read_bytes())
    data[begin : begin + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    file.write_bytes(data)
    with pytest.raises(
        EventsError, match=r"events\.parquet' cannot be read.*copy or write it again"
    ):
        answer(file)


def test_examples_describe_no_more_than_they_show(tmp_path: Path) -> None:
    """They are among the matches, first and last included."""
    pq.write_table(events(), tmp_path / "events.parquet")
    result = answer(tmp_path)
    shown = result.examples(3)
    assert "tables" not in vars(result.found.streams[0].describer)
    times = shown.group_by("match_id", maintain_order=True).agg(pl.col("time").last())["time"]
    matched = result.matches["matched_at"]
    assert [times[0], times[-1]] == [matched[0], matched[-1]]
    assert set(shown["match_id"]) <= set(result.matches["match_id"])
