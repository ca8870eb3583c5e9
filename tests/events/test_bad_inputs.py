"""What is wrong with an input is said in a line; what can be left out is counted."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import streamkit
from streamkit import EventsError, History

SCHEMA = {"time": "t", "name": "e", "session": "s"}


def summary(
    source: Any, schema: dict[str, Any] = SCHEMA, **where: Any
) -> tuple[dict[str, Any], Any]:
    stream = streamkit.Stream.from_dict(
        {"name": "x", "steps": [{"event": "A", "where": where}], "frequency": "every"}
    )
    history = streamkit.History(source, schema)
    result = streamkit.backtest(stream, history)
    return result.summary, history


LINES = [
    '{"t": "2026-03-01T00:00:00Z", "e": "A", "s": "1", "n": 1, "o": {"k": ["a", "b"]}}',
    "",
    '{"t": "2026-03-01T00:00:01Z", "e": "A", "s": "1", "n": 2.5',
    '["not", "an", "object"]',
    '{"t": "2026-03-01T00:00:02Z", "e": "A", "s": "1", "n": NaN}',
    '{"t": "2026-03-01T00:00:03Z", "e": "A", "s": "1", "n": 18446744073709551615, "b": true}',
    '{"t": "2026-03-01T00:00:04Z", "e": "A", "s": "1", "n": "7", "n": 8, "b": null}',
    "\x1b[31mnot json\u202e",
]


@pytest.mark.parametrize("ending", [".ndjson", ".jsonl.gz", ".json"])
def test_lines_that_are_no_events_are_left_out_counted_and_shown(
    tmp_path: Path, ending: str
) -> None:
    """With the file and the number of the first of them, fit for a terminal."""
    file = tmp_path / f"events{ending}"
    data = "\n".join(LINES).encode()
    file.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    answer, history = summary(file)
    assert answer["rows"] == 3
    note = history.notes[-1]
    assert note.startswith("4 lines are left out")
    assert f"{file}:3: " in note
    assert note.isprintable()


def test_what_a_json_value_is_shows_row_by_row(tmp_path: Path) -> None:
    """Numbers, text numbers, 64 bits, the first of equal keys, nested objects."""
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join([LINES[0], *LINES[5:7]]))

    def count(**where: Any) -> int:
        matches: int = summary(file, **where)[0]["streams"][0]["matches"]
        return matches

    assert count(n=1) == 1
    assert count(n=18446744073709551615) == 1
    assert count(n="7") == 1
    assert count(n={"gt": 6}) == 2
    assert count(**{"o.k": "b"}) == 1
    assert count(b=True) == 1
    assert count(b={"exists": False}) == 2


def test_declared_types_are_cast_to_and_failures_are_counted(tmp_path: Path) -> None:
    """In NDJSON and CSV alike: a value that does not fit is missing."""
    rows = [("2026-03-01T00:00:00Z", "true", "07"), ("2026-03-01T00:00:01Z", "yes", "x")]
    (tmp_path / "a.csv").write_text(
        "t,e,s,flag,n\n" + "".join(f"{t},A,1,{flag},{n}\n" for t, flag, n in rows)
    )
    (tmp_path / "a.ndjson").write_text(
        "\n".join(
            f'{{"t": "{t}", "e": "A", "s": "1", "flag": "{f}", "n": "{n}"}}' for t, f, n in rows
        )
    )
    schema = {**SCHEMA, "types": {"flag": "boolean", "n": "text"}}
    for name in ("a.csv", "a.ndjson"):
        answer, _ = summary(tmp_path / name, schema, flag=True)
        assert answer["streams"][0]["matches"] == 1
        assert answer["missing"]["failed_casts"] == 1
        assert summary(tmp_path / name, schema, n="07")[0]["streams"][0]["matches"] == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_epoch_times_in_text_are_found_and_read(tmp_path: Path, unit: str) -> None:
    """A CSV's times as whole numbers: detection declares their type and unit."""
    ticks = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    lines = [f"{(1772323200 + n) * ticks},A,1" for n in range(3)]
    (tmp_path / "a.csv").write_text("time,event,session_id\n" + "\n".join(lines))
    history = streamkit.History(tmp_path / "a.csv")
    assert (history.schema.time_unit, history.schema.types) == (unit, {"time": "integer"})
    stream = streamkit.Stream("x", [streamkit.event("A")])
    found = streamkit.backtest(stream, history).matches["matched_at"][0]
    assert found.isoformat() == "2026-03-01T00:00:00+00:00"


def test_csv_lines_of_another_length_are_left_out_and_shown(tmp_path: Path) -> None:
    """Quotes, separators and line ends inside quotes are values; an empty text in quotes is one."""
    file = tmp_path / "a.csv"
    file.write_text('t,e,s,v\n2026-03-01T00:00:00Z,A,1,"x, ""y""\nz"\nbad\n'
                    '2026-03-01T00:00:01Z,A,1,""\n2026-03-01T00:00:02Z,A,1,\n1,2,3,4,5\n')  # fmt: skip
    answer, history = summary(file)
    assert answer["rows"] == 3
    assert "2 lines are left out" in history.notes[-1]
    assert "bad" in history.notes[-1]
    assert summary(file, v='x, "y"\nz')[0]["streams"][0]["matches"] == 1
    assert summary(file, v={"exists": True})[0]["streams"][0]["matches"] == 2
    assert summary(file, v="")[0]["streams"][0]["matches"] == 1


def write(folder: Path, **files: Any) -> Path:
    for name, columns in files.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"x": [1]}, {"x": ["a"]}, "x"),
        ({"x": [{"a": 1}]}, {"x": [{"a": "1"}]}, "x.a"),
        ({"x": [[1]]}, {"x": [["1"]]}, "x"),
        ({"x": [True]}, {"x": [1]}, "x"),
    ],
)
def test_files_that_disagree_are_refused_with_both_names(
    tmp_path: Path, one: Any, other: Any, path: str
) -> None:
    """Anything beyond the width of numbers, also inside structs and lists."""
    with pytest.raises(streamkit.EventsError, match=f"column '{path}' is") as caught:
        streamkit.History(write(tmp_path, a=one, b=other), SCHEMA)
    assert "a.parquet" in str(caught.value)
    assert "b.parquet" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ({"x": pa.array([1], pa.int8())}, {"x": pa.array([2.5])}, "DOUBLE"),
        ({"x": pa.nulls(1)}, {"x": ["a"]}, "VARCHAR"),
        ({"x": [{"a": 1}]}, {"x": [{"a": 1.5, "b": "new"}]}, "STRUCT(a DOUBLE, b VARCHAR)"),
    ],
)
def test_files_that_differ_in_width_or_columns_are_united(
    tmp_path: Path, one: Any, other: Any, name: str
) -> None:
    """Numbers widen, nothing known becomes what the others have, fields come and go."""
    role = {"t": ["2026-03-01T00:00:00Z"], "e": ["A"], "s": ["1"]}
    history = streamkit.History(write(tmp_path, a={**role, **one}, b={**role, **other}), SCHEMA)
    assert history.columns["x"].name == name
    assert summary(tmp_path)[0]["rows"] == 2


def test_partitions_are_typed_columns(tmp_path: Path) -> None:
    """Dates and whole numbers; a number with a zero in front and others stay text; none is null."""
    rows = pa.table({"t": ["2026-03-01T00:00:00Z"], "e": ["A"], "s": ["1"]})
    for day, hour, zone in (("2026-03-01", "7", "01"), ("2026-03-02", "12", "eu")):
        folder = tmp_path / f"day={day}" / f"hour={hour}" / f"zone={zone}"
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "a.parquet")
    history = streamkit.History(tmp_path, SCHEMA)
    types = {name: history.columns[name].name for name in ("day", "hour", "zone")}
    assert types == {"day": "DATE", "hour": "BIGINT", "zone": "VARCHAR"}
    assert summary(tmp_path, hour={"gt": 7})[0]["streams"][0]["matches"] == 1
    assert summary(tmp_path, zone="01")[0]["streams"][0]["matches"] == 1
    below = tmp_path / "day=2026-03-01"
    assert summary(below, day={"gt": {"time": "2026-01-01T00:00:00Z"}})[0]["rows"] == 1


def test_columns_that_differ_in_case_are_two(tmp_path: Path) -> None:
    """Paths are case-sensitive, whatever SQL makes of names."""
    table = pa.table(
        {"t": ["2026-03-01T00:00:00Z"], "e": ["A"], "s": ["1"], "p": ["x"], "P": ["y"]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    for source in (tmp_path / "a.parquet", table):
        assert summary(source, P="y", p="x")[0]["streams"][0]["matches"] == 1
        assert summary(source, P="x")[0]["streams"][0]["matches"] == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "none.parquet", "no file or folder"),
        (lambda p: p / "*.parquet", "no file matches"),
        (lambda p: p, "no Parquet file in the folder"),
        (lambda p: "ftp://host/events", "not read over 'ftp'"),
        (lambda p: touch(p / "a.csv"), "no header line"),
        (lambda p: touch(p / "a.csv", b"t,t\n1,2\n"), "two columns named 't'"),
        (lambda p: touch(p / "a.ndjson", b"what\n"), "no line of"),
        (lambda p: touch(p / "a.ndjson", b'{"a": 1, "A": 2}\n'), "nothing but case"),
        (lambda p: touch(p / "a.json", b'[{"a": 1},'), "cannot be read"),
        (lambda p: touch(p / "a.parquet", b"PAR1 but no more"), "cut short or damaged"),
        (lambda p: touch(p / "a.parquet", b"text"), "not a Parquet file"),
        (lambda p: [touch(p / "a.parquet", b"x"), touch(p / "b.csv", b"x")], "two formats"),
        (lambda p: touch(p / "b.csv").parent and touch(p / "c.json").parent, "files of two formats"),
        (lambda p: touch(p / "t" / "metadata" / "v1.metadata.json").parents[1], "Iceberg"),
        (lambda p: touch(p / "t" / "_delta_log" / "0.json").parents[1], "Delta table"),
        (lambda p: 3, "events cannot be read from int"),
        (lambda p: [3], "events cannot be read from list"),
        (lambda p: pl.DataFrame({"_row": [1]}), "a name kept for queries"),
    ],
)  # fmt: skip
def test_an_input_that_cannot_be_read_says_why(tmp_path: Path, make: Any, words: str) -> None:
    """One line, with what to do."""
    with pytest.raises(streamkit.EventsError, match=words):
        streamkit.History(make(tmp_path), SCHEMA)


def touch(file: Path, data: bytes = b"") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def test_an_object_store_that_has_no_such_bucket_says_so(s3: str) -> None:
    """In a line, from a real server's answer."""
    with pytest.raises(streamkit.EventsError, match=r"no file or folder|cannot be listed"):
        streamkit.History("s3://no-such-bucket/events", SCHEMA)


def test_files_made_on_the_way_in_go_with_the_history(tmp_path: Path) -> None:
    """No folder is left behind."""
    file = touch(tmp_path / "a.csv", b"t,e,s\n2026-03-01T00:00:00Z,A,1\n")
    history = streamkit.History(file, SCHEMA)
    assert history.source.scratch is not None
    folder = history.source.scratch.folder
    assert folder.exists()
    del history
    assert not folder.exists()


def test_a_column_of_nothing_is_text() -> None:
    """A frame's column without a type can play a role and be asked for."""
    frame = pl.DataFrame({"t": ["2026-03-01T00:00:00Z"], "e": ["A"], "s": ["1"], "u": [None]})
    answer, _ = summary(frame, {**SCHEMA, "user": "u"}, u={"exists": False})
    assert answer["streams"][0]["matches"] == 1
    assert math.isfinite(answer["rows"])


@pytest.mark.parametrize(
    ("more", "code", "place"),
    [
        ({"json": ["nope"]}, "unknown-column", "schema.json"),
        ({"json": ["price"]}, "bad-json", "schema.json"),
        ({"types": {"nope": "number"}}, "unknown-column", "schema.types.nope"),
    ],
)
def test_a_schema_that_does_not_fit_the_events_is_refused(
    more: dict[str, object], code: str, place: str
) -> None:
    """What it says of columns that are not there, or not text, is an error and not silence."""
    events = pl.DataFrame(
        {"time": ["2026-03-01T00:00:00Z"], "name": ["A"], "sid": ["s"], "price": [1]}
    )
    with pytest.raises(EventsError) as raised:
        History(events, {"time": "time", "name": "name", "session": "sid", **more})
    assert (raised.value.code, raised.value.path) == (code, place)


def test_a_file_counts_once_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, absolute, with a dot: the events are not there twice."""
    monkeypatch.chdir(tmp_path)
    events = pl.DataFrame({"time": ["2026-03-01T00:00:00Z"], "name": ["A"], "sid": ["s"]})
    events.write_parquet("events.parquet")
    spellings = ["events.parquet", "./events.parquet", str(tmp_path / "events.parquet")]
    history = History(spellings, {"time": "time", "name": "name", "session": "sid"})
    stream = streamkit.Stream("a", [{"event": "A"}], frequency="every")
    assert streamkit.backtest(stream, history).matches.height == 1
