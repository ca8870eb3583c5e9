"""Files that land: each row once, in order, and nothing of a file that is not whole."""

from __future__ import annotations

import gzip
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamkit import EventsError, History, backtest
from streamkit.running import Matcher
from streamkit.streaming import EndOfEvents, FolderSource
from tests.running.examples import NOW
from tests.streaming.examples import SCHEMA, STREAMS, as_line, event_rows, write_parquet


class Clock:
    """Time that goes on by half a second a look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def folder_source(folder: Path, position: Any = None, **arguments: Any) -> FolderSource:
    source = FolderSource(folder, clock=Clock(), **arguments)
    source.open(position)
    return source


def drain(
    source: FolderSource, looks: int = 10, *, ends: bool = True
) -> tuple[list[Any], list[Any], Any]:
    """Everything that the next looks find: events, positions and where the source then is."""
    events, positions, position = [], [], None
    for _ in range(looks):
        try:
            arrived = source.read(timeout=0)
        except EndOfEvents:
            if not ends:
                raise
            break
        if arrived is not None:
            events += arrived.events
            positions += arrived.positions or ()
            position = arrived.position
    return events, positions, position


def lines(*numbers: int) -> str:
    return "".join(f'{{"n": {n}}}\n' for n in numbers)


def numbers(events: list[Any]) -> list[int]:
    return [each["n"] if isinstance(each, dict) else json.loads(each)["n"] for each in events]


def test_files_come_in_the_order_of_their_paths(tmp_path: Path):
    """Compared as a backtest compares them, folders inside included; hidden ones left out."""
    (tmp_path / "a").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name, n in (
        ("b.ndjson", 2),
        ("a/z.ndjson", 0),
        ("a.ndjson", 1),
        ("_log.ndjson", 8),
        (".hidden/c.ndjson", 9),
        ("ü.ndjson", 3),
    ):
        (tmp_path / name).write_text(lines(n))
    events, positions, _ = drain(folder_source(tmp_path))
    assert [path for path, _ in positions] == ["a.ndjson", "a/z.ndjson", "b.ndjson", "ü.ndjson"]
    assert numbers(events) == [1, 0, 2, 3]


def test_a_file_is_read_once(tmp_path: Path):
    """Not again at the next look, nor after a restart from where the state is."""
    (tmp_path / "1.ndjson").write_text(lines(1, 2))
    write_parquet([{"n": 3}], tmp_path / "2.parquet")
    source = folder_source(tmp_path)
    events, _, position = drain(source)
    assert numbers(events) == [1, 2, 3]
    assert drain(source)[0] == []
    assert drain(folder_source(tmp_path, json.loads(json.dumps(position))))[0] == []


def test_a_restart_goes_on_inside_a_file(tmp_path: Path):
    """Behind the last row that was committed, in any format."""
    rows = [{"n": n} for n in range(25_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "1.parquet", row_group_size=7000)
    (tmp_path / "2.ndjson").write_text(lines(*range(25_000, 50_000)))
    (tmp_path / "3.ndjson.gz").write_bytes(gzip.compress(lines(*range(50_000, 75_000)).encode()))
    expected, position, found = list(range(75_000)), None, []
    while len(found) < len(expected):
        arrived = None
        source = folder_source(tmp_path, position)
        while arrived is None or not arrived.events:
            arrived = source.read(timeout=0)
        found += numbers(list(arrived.events))
        position = json.loads(json.dumps(arrived.position))
    assert found == expected


def test_half_written_parquet_is_left_alone(tmp_path: Path):
    """Its end is written last, so until that can be read nothing of it is."""
    write_parquet([{"n": 1}], tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    source = folder_source(tmp_path)
    for size in (0, 4, len(content) // 2, len(content) - 1):
        (tmp_path / "1.parquet").write_bytes(content[:size])
        assert drain(source, 20)[0] == []
    (tmp_path / "1.parquet").write_bytes(content)
    assert numbers(drain(source)[0]) == [1]


def test_half_unpacked_files_are_left_alone(tmp_path: Path):
    """A `.gz` counts when all of it unpacks."""
    content = gzip.compress(lines(*range(1000)).encode())
    source = folder_source(tmp_path)
    (tmp_path / "1.ndjson.gz").write_bytes(content[:-9])
    assert drain(source, 20)[0] == []
    (tmp_path / "1.ndjson.gz").write_bytes(content)
    assert numbers(drain(source)[0]) == list(range(1000))


def test_a_json_array_counts_when_it_is_whole(tmp_path: Path):
    """Each of its elements is an event, as a backtest has it."""
    source = folder_source(tmp_path)
    (tmp_path / "1.json").write_text(' [{"n": 1}, {"n"')
    assert drain(source, 20)[0] == []
    (tmp_path / "1.json").write_text(' [{"n": 1}, {"n": 2}]')
    assert drain(source)[:2] == ([{"n": 1}, {"n": 2}], [("1.json", 0), ("1.json", 1)])
    assert drain(source, 20)[0] == []


def test_ndjson_is_read_as_it_grows(tmp_path: Path):
    """Up to the last line's end; a line in two pieces is one event."""
    file = tmp_path / "1.ndjson"
    source = FolderSource(tmp_path, settled=1e9, clock=Clock())
    source.open(None)
    found = []
    for piece in ('{"n": 1}\n{"n"', ": 2}", "\n\n", '{"n": 3}\n'):
        with file.open("a") as writing:
            writing.write(piece)
        found.append(drain(source)[:2])
    assert [numbers(events) for events, _ in found] == [[1], [], [2], [3]]
    assert [row for _, positions in found for _, row in positions] == [0, 1, 3]


def test_a_last_line_without_an_end_counts_when_the_file_has_settled(tmp_path: Path):
    """Writers leave the last end of line out; a backtest reads such a line as well."""
    (tmp_path / "1.ndjson").write_text('{"n": 1}\n{"n": 2}')
    assert numbers(drain(folder_source(tmp_path, settled=3.0), 30)[0]) == [1, 2]
    assert numbers(drain(folder_source(tmp_path, once=True))[0]) == [1, 2]


def test_once_ends_when_all_was_read(tmp_path: Path):
    """What is not whole then is left for another time."""
    write_parquet([{"n": 1}], tmp_path / "1.parquet")
    (tmp_path / "2.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:50])
    source = folder_source(tmp_path, once=True)
    assert numbers(source.read(timeout=0).events) == [1]
    with pytest.raises(EndOfEvents):
        drain(source, 100, ends=False)


def test_folders_on_the_way_are_columns(tmp_path: Path):
    """As a backtest reads `day=…`; a value that is none is null."""
    inside = tmp_path / "day=2026-03-01" / "kind=__HIVE_DEFAULT_PARTITION__"
    inside.mkdir(parents=True)
    write_parquet([{"n": 1}], inside / "1.parquet")
    (inside / "2.ndjson").write_text(lines(2) + "odd\n")
    events, _, _ = drain(folder_source(tmp_path))
    assert events == [
        {"n": 1, "day": "2026-03-01", "kind": None},
        {"n": 2, "day": "2026-03-01", "kind": None},
        b"odd\n",
    ]


def test_parquet_values_are_what_a_backtest_reads(tmp_path: Path):
    """Nanoseconds floored, maps as mappings, years that Python lacks as no time."""
    table = pa.table(
        {
            "ns": pa.array([-1, 1_999], pa.timestamp("ns", "UTC")),
            "us": pa.array([2**60, 1_000_000], pa.timestamp("us")),
            "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
            "word": pa.array(["x", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "1.parquet")
    events, _, _ = drain(folder_source(tmp_path))
    assert events == [
        {"ns": datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), "us": "no time", "map": {"a": 1}, "word": "x"},
        {"ns": datetime(1970, 1, 1, 0, 0, 0, 1, UTC), "us": datetime(1970, 1, 1, 0, 0, 1), "map": None, "word": None},
    ]  # fmt: skip


def test_only_chosen_columns_are_read(tmp_path: Path):
    """Rows count even if none of their columns does."""
    write_parquet([{"n": 1, "m": 2}], tmp_path / "1.parquet")
    write_parquet([{"o": 1}], tmp_path / "2.parquet")
    source = folder_source(tmp_path)
    source.choose({"n", "p"})
    assert drain(source)[0] == [{"n": 1}, {}]


@pytest.mark.parametrize("format_", ["parquet", "ndjson"])
def test_positions_make_the_answer_the_backtests(format_: str, tmp_path: Path):
    """Ties between files and rows are broken as the backtest breaks them."""
    rows = event_rows(3000)
    for start in range(0, len(rows), 300):
        part = rows[start : start + 300]
        if format_ == "parquet":
            write_parquet(part, tmp_path / f"{start:05}.parquet")
        else:
            (tmp_path / f"{start:05}.ndjson").write_text("".join(map(as_line, part)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = History(tmp_path, schema=SCHEMA)
        expected = backtest(STREAMS, history, now=NOW)
    running = Matcher(STREAMS, history, allowed_lateness="45m", now=lambda: NOW)
    events, positions, _ = drain(folder_source(tmp_path), 100)
    found = running.push_many(events, positions) + running.flush()
    assert running.stats.late == 0
    assert {(m.stream, m.match_id) for m in found} == {
        (row["stream"], row["match_id"]) for row in expected.matches.to_dicts()
    }
    assert len(running.pending) == expected.pending.height


def test_what_is_no_folder_is_refused(tmp_path: Path):
    """A misspelt name is not watched for ever."""
    with pytest.raises(EventsError, match="not a folder"):
        FolderSource(tmp_path / "nothing")


def test_other_files_are_said_to_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Once, in the log."""
    (tmp_path / "notes.txt").write_text("x")
    drain(folder_source(tmp_path), 20)
    assert [record.file for record in caplog.records] == ["notes.txt"]
