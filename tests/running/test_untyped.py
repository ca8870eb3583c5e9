"""A schema alone: values are what they are in JSON or in Python."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamkit import History, Schema, Stream, backtest, load
from streamkit.running import Matcher, match_table
from streamkit.running.arrivals import arrivals
from tests.running.examples import NOW, a_then_b, event, matcher

DATA = Path(__file__).parents[2] / "data"
SCHEMA = DATA / "schema.yaml"


def as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(value)


def test_the_shipped_events_as_json_lines_make_the_same_matches():
    """No column type is known, every event is a line of JSON: the backtest's matches all the same."""
    history = History(DATA / "shop" / "events_2026-03-05.parquet", SCHEMA)
    streams = load(DATA / "streams")
    present = NOW.replace(year=2027)
    running = Matcher(streams, Schema.from_file(SCHEMA), now=lambda: present)
    found = []
    for events, positions in arrivals(history, set(history.columns)):
        lines = [json.dumps(each, default=as_json).encode() for each in events]
        found += running.push_many(lines, positions)
    found += running.flush()
    expected = backtest(streams, history, now=present).matches
    order = ["stream", "match_id"]
    assert match_table(found).sort(order).equals(expected.sort(order))
    assert expected.height > 20


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        pytest.param({"json": ["a"]}, {"a": '{"b": {"c": 1}}'}, id="a document as text"),
        pytest.param({"json": ["a"]}, {"a": {"b": {"c": 1}}}, id="a document as an object"),
        pytest.param({"json": ["a.b"]}, {"a": {"b": '{"c": 1}'}}, id="text inside an object"),
        pytest.param({}, {"a": {"b": {"c": 1}}}, id="objects"),
        pytest.param({}, {"a": [{"b": {"c": 0}}, {"b": {"c": 1}}]}, id="a list"),
        pytest.param(
            {"types": {"a.b.c": "integer"}}, {"a": {"b": {"c": "1"}}}, id="a declared type"
        ),
    ],
)
def test_paths_lead_into_objects_lists_and_documents(schema: dict, columns: dict):
    """A path's first segment is a key of the event, and the rest leads on from there."""
    running = Matcher(
        Stream.from_dict({"name": "s", "steps": [{"event": "A", "where": {"a.b.c": 1}}]}),
        {"time": "at", "name": "event", "session": "sid", **schema},
        now=lambda: NOW,
    )
    running.push(event("A", 0, **columns))
    assert len(running.flush()) == 1


@pytest.mark.parametrize(
    ("written", "key"),
    [("s", "s"), (5, "5"), (5.0, "5"), (-0.0, "0"), (True, "true"), (Decimal("1.50"), "1.5"),
     (10**18 + 1, "1000000000000000001")],
)  # fmt: skip
def test_keys_are_canonical_text(written: Any, key: str):
    """However a source writes a session, it is one session."""
    running = matcher()
    running.push(event("A", 0, written))
    running.push(event("B", 1, key))
    assert [match.key for match in running.flush()] == [(key,)]


@pytest.mark.parametrize("written", [5.5, float("nan"), [1], {"a": 1}, None])
def test_what_makes_no_key_is_counted(written: Any):
    """The event takes no part for that stream."""
    running = matcher()
    running.push(event("A", 0, written))
    running.flush()
    assert running.stats.without_key == {"s": {"A": 1}}


@pytest.mark.parametrize(
    ("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]
)
def test_times_may_be_epochs_of_a_declared_unit(unit: str, factor: int):
    """Whole numbers with `time_unit`; without it they are no time."""
    second = 1_767_225_600
    for schema, matches in (({"time_unit": unit}, 1), ({}, 0)):
        running = matcher(
            a_then_b(), schema={"time": "at", "name": "event", "session": "sid", **schema}
        )
        running.push_many([{**event(name, 0), "at": second * factor} for name in "AB"])
        assert len(running.flush()) == matches
        assert running.stats.skipped == ({} if matches else {"unparsable_time": 2})
