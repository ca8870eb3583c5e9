"""Matches in files: each once, whatever a crash left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import EventsError
from streamkit.matching import MATCH_SCHEMA
from streamkit.streaming import NdjsonSink, ParquetSink
from streamkit.streaming.file_sinks import file_sink
from tests.running.examples import a_then_b, event, matcher


def some_matches(count: int) -> list[Any]:
    running = matcher(a_then_b())
    return (
        running.push_many(event(name, n, f"s{n}") for n in range(count) for name in "AB")
        + running.flush()
    )


def test_lines_beyond_the_mark_are_cut_off(tmp_path: Path):
    """A batch that comes again is there once, a half-written line not at all."""
    one, two, three = some_matches(3)
    path = tmp_path / "out.ndjson"
    sink = NdjsonSink(path)
    sink.resume(None)
    sink.put(1, [one])
    mark = json.loads(json.dumps(sink.mark()))
    sink.put(2, [two])
    sink.close()
    with path.open("a") as file:
        file.write('{"half')
    sink = NdjsonSink(path)
    sink.resume(mark)
    sink.put(2, [two])
    sink.put(3, [three])
    sink.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["match_id"] for row in rows] == [m.match_id for m in (one, two, three)]
    assert rows[0]["fired_at"] == "2026-01-01T00:00:00.000000Z"


def test_a_file_that_is_shorter_than_the_state_says_is_refused(tmp_path: Path):
    """It is another one, or somebody changed it: nothing is written over it."""
    sink = NdjsonSink(tmp_path / "out.ndjson")
    with pytest.raises(EventsError, match="do not belong together"):
        sink.resume(10)
    sink.close()


def test_without_a_state_lines_are_added(tmp_path: Path):
    """What is there already stays."""
    (tmp_path / "out.ndjson").write_text('{"kept": 1}\n')
    sink = NdjsonSink(tmp_path / "out.ndjson")
    sink.resume(None)
    sink.put(1, some_matches(1))
    sink.close()
    assert len((tmp_path / "out.ndjson").read_text().splitlines()) == 2


def test_a_folder_has_one_file_a_batch(tmp_path: Path):
    """With the table's columns; a batch that comes again takes its file's place."""
    one, two = some_matches(2)
    sink = ParquetSink(tmp_path / "out")
    sink.resume(None)
    mark = json.loads(json.dumps(sink.mark()))
    sink.put(1, [one])
    (tmp_path / "out" / f".matches-{mark}-0000000002.parquet").write_bytes(b"half")
    again = ParquetSink(tmp_path / "out")
    again.resume(mark)
    again.put(1, [one])
    again.put(2, [two])
    other = ParquetSink(tmp_path / "out")
    other.resume(None)
    other.put(1, [one])
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 3
    mine = pl.read_parquet(tmp_path / "out" / f"matches-{mark}-*.parquet")
    assert dict(mine.schema) == dict(MATCH_SCHEMA)
    assert mine["match_id"].to_list() == [one.match_id, two.match_id]


def test_a_path_says_what_it_is_to_be(tmp_path: Path):
    """A slash or a folder is Parquet, `.ndjson` is NDJSON, anything else is asked about."""
    assert isinstance(file_sink(f"{tmp_path}/new/"), ParquetSink)
    assert isinstance(file_sink(tmp_path), ParquetSink)
    sink = file_sink(tmp_path / "m.ndjson")
    assert isinstance(sink, NdjsonSink)
    sink.close()
    for odd in ("m.parquet", "m"):
        with pytest.raises(EventsError, match="no telling"):
            file_sink(tmp_path / odd)
    with pytest.raises(EventsError, match="cannot be written"):
        file_sink(tmp_path / "no" / "m.ndjson")
    (tmp_path / "file").write_text("")
    with pytest.raises(EventsError, match="cannot be written"):
        ParquetSink(tmp_path / "file")


def test_a_mark_of_another_kind_of_sink_is_refused(tmp_path: Path):
    """A state that wrote NDJSON does not go on in a folder."""
    with pytest.raises(EventsError, match="another kind of sink"):
        ParquetSink(tmp_path).resume(120)
