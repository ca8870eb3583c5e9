"""Streams that share a scan, and what the scan counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from streamkit import EventsError, History, Schema, Sessionizer, Stream, backtest, load

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_streams_answer_together_as_they_do_alone(
    shop: Path, streams: Path, schema_file: Path
) -> None:
    """More flags than one word holds, several keys: each stream as if it were the only one."""
    history = History(shop / "events_2026-03-0*.parquet", schema_file)
    many = [
        Stream(
            f"over-{price}",
            [{"event": "add_to_cart", "where": {"price": {"gt": price}}}, {"event": "purchase"}],
            within="1h",
        )
        for price in range(70)
    ]
    chosen = [*load(streams), *many]
    together = backtest(chosen, history)
    assert len(together.found.queries["flags"].sql.split(" AS flags_")) > 2
    for stream in (*chosen[:10], chosen[11], chosen[-1]):
        alone = backtest(stream, history)
        for name in ("matches", "pending"):
            mine = getattr(together, name).filter(pl.col("stream") == stream.name)
            assert_frame_equal(mine, getattr(alone, name))
        assert_frame_equal(together.funnel(stream.name), alone.funnel())


def frame(**columns: list[object]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    base = {
        "time": [START + timedelta(minutes=minute) for minute in range(rows)],
        "event": ["A"] * rows,
        "session": [f"s{row}" for row in range(rows)],
        "user": ["u"] * rows,
    }
    return pl.DataFrame(base | columns)


def sessions(events: pl.DataFrame, where: dict[str, object], **schema: object) -> list[str]:
    stream = Stream("a", [{"event": "A", "where": where}])
    history = History(events, {"time": "time", "name": "event", "session": "session", **schema})
    return backtest(stream, history).matches["session"].to_list()


def test_declared_types_are_cast_to_first() -> None:
    """Text becomes a number, a boolean, a time; what does not fit is missing and counted."""
    events = frame(v=["20", "7.5", "true", "2026-03-01T00:00:00Z", "x", None])
    assert sessions(events, {"v": {"gt": 7}}, types={"v": "number"}) == ["s0", "s1"]
    assert sessions(events, {"v": 20}, types={"v": "integer"}) == ["s0"]
    assert sessions(events, {"v": True}, types={"v": "boolean"}) == ["s2"]
    assert sessions(
        events, {"v": {"lte": {"time": "2026-03-01T00:00:00Z"}}}, types={"v": "time"}
    ) == ["s3"]
    assert sessions(events, {"v": {"exists": False}}, types={"v": "number"}) == [
        "s2", "s3", "s4", "s5",
    ]  # fmt: skip
    stream = Stream("a", [{"event": "A", "where": {"v": {"gt": 7}}}])
    schema = {"time": "time", "name": "event", "session": "session", "types": {"v": "number"}}
    assert backtest(stream, History(events, schema)).summary["missing"] == {"failed_casts": 3}


def test_unreadable_documents_are_missing_and_counted() -> None:
    """One bad document does not end the query, and is not silent."""
    events = frame(p=['{"a": 1}', '{"a": 1', '{"a": NaN}', None, '{"a": "\\ud800"}'])
    stream = Stream("a", [{"event": "A", "where": {"p.a": {"exists": True}}}])
    schema = {"time": "time", "name": "event", "session": "session", "json": ["p"]}
    result = backtest(stream, History(events, schema))
    assert result.matches["session"].to_list() == ["s0"]
    assert result.summary["missing"] == {"unreadable_json": 3}


def test_sessions_that_may_have_begun_earlier_are_flagged() -> None:
    """Those whose first event lies within the gap of the input's begin."""
    events = pl.DataFrame(
        {
            "time": [START, START + timedelta(minutes=20), START + timedelta(hours=2)],
            "event": ["A"] * 3,
            "user": ["u1", "u2", "u1"],
        }
    )
    schema = Schema(time="time", name="event", user="user", sessionizer=Sessionizer(by="user"))
    result = backtest(Stream("a", [{"event": "A"}]), History(events, schema))
    assert result.matches["session"].to_list() == [
        "u1@2026-03-01T00:00:00.000000Z",
        "u2@2026-03-01T00:20:00.000000Z",
        "u1@2026-03-01T02:00:00.000000Z",
    ]
    assert result.summary["unproven_sessions"] == 2
    assert any("may have begun before" in note for note in result.notes)


@pytest.mark.parametrize("column", [[1.5], [["a"]], [{"a": 1}]], ids=["float", "list", "struct"])
def test_what_makes_no_key_is_refused_when_bound(column: list[object]) -> None:
    """Floats, lists and structs: before any row is read, with a hint."""
    stream = Stream("a", [{"event": "A"}], per=["session", "v"])
    with pytest.raises(EventsError) as raised:
        backtest(
            stream, History(frame(v=column), Schema(time="time", name="event", session="session"))
        )
    assert raised.value.code == "bad-key-part"
    assert raised.value.path == "per"


def test_equal_operands_of_different_kinds_are_different_questions() -> None:
    """1, 1.0 and true are equal in Python and not here."""
    events = frame(p=['{"a": 1}', '{"a": true}', '{"a": "1"}'])
    history = History(
        events, {"time": "time", "name": "event", "session": "session", "json": ["p"]}
    )
    asked = [
        Stream(f"s{number}", [{"event": "A", "where": {"p.a": operand}}])
        for number, operand in enumerate((1, True, "1", 1.0))
    ]
    matches = backtest(asked, history).matches.group_by("stream").agg("session").sort("stream")
    assert matches["session"].to_list() == [["s0", "s2"], ["s1"], ["s2"], ["s0", "s2"]]
