"""What a result says of its matches: durations, cost, effects of rules, examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import Backtest, EventsError, History, Schema, Stream, backtest, load
from streamkit.backtesting.effects import rules_left_out
from tests.backtesting.test_result import START, history


@pytest.fixture
def result() -> Backtest:
    """Session 1 takes one hour and then two, session 2 all of the window."""
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="10h", frequency="every")
    return backtest(stream, history("1A0 1B1 1B2 2A30 2B40 3A0 3B20"))


def test_durations_go_from_the_first_event_to_the_last(result: Backtest) -> None:
    """A row a match; the window's edge is 1."""
    durations = result.durations()
    assert durations["seconds"].to_list() == [3600.0, 7200.0, 36000.0]
    assert durations["of_window"].to_list() == pytest.approx([0.1, 0.2, 1.0])
    assert durations["match_id"].to_list() == result.matches["match_id"].to_list()


def test_an_unbounded_window_has_no_edge() -> None:
    """So there is no share of it."""
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="unbounded")
    assert backtest(stream, history("1A0 1B1")).durations()["of_window"].to_list() == [None]


def test_the_funnel_tells_the_median_time_from_the_step_before(result: Backtest) -> None:
    """In matches; a wait stands at `fired`."""
    assert result.funnel()["median_seconds"].to_list() == [None, 7200.0, None, None]
    stream = Stream(
        "aab",
        [{"event": "A", "at_least": 2}, {"exclude": {"event": "C"}, "for": "30m"}],
        within="9h",
    )
    waits = backtest(stream, history("1A0 1A2 2A0 2A4 3A0 3C99"))
    assert waits.funnel()["median_seconds"].to_list() == [3 * 3600.0, 1800.0, None]


def test_cost_is_by_calendar_month_in_utc() -> None:
    """Of `fired_at`; months without a match are there; a single event is a hundredth."""
    events = history(f"1A0 2A1 3A{24 * 70}")
    single = Stream("single", [{"event": "A"}])
    pattern = Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "1h"}])
    cost = backtest([single, pattern], events).cost(budget=4)
    months = [date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)]
    assert cost.filter(stream="single")["month"].to_list() == months
    assert cost.filter(stream="single")["activations"].to_list() == [0.02, 0, 0.01]
    assert cost.filter(stream="wait")["matches"].to_list() == [2, 0, 0]
    assert cost.filter(stream="wait")["of_budget"].to_list() == [0.5, 0, 0]


@pytest.mark.parametrize("budget", [0, -1, float("nan")])
def test_a_budget_that_is_none_is_refused(result: Backtest, budget: float) -> None:
    """With a message, not a division by zero."""
    with pytest.raises(EventsError, match="budget"):
        result.cost(budget=budget)


RANGES: list[dict[str, Any]] = [
    {},
    {"since": "2026-03-11", "until": "2026-03-12"},
    {"until": "2027-01-01"},
]


@pytest.mark.slow
@pytest.mark.parametrize("chosen", RANGES, ids=["all", "range", "beyond"])
def test_effects_are_those_of_backtests_without_the_rule(
    shop: Path, streams: Path, schema_file: Path, chosen: dict[str, Any]
) -> None:
    """For every rule of the shipped streams, one full backtest each, with the same range."""
    events = History(shop / "events_2026-03-1[0-2].parquet", schema_file)
    definitions = [each for each in load(streams) if each.name != "undecided-shopper"]
    result = backtest(definitions, events, **chosen)
    rows = iter(result.effects().iter_rows(named=True))
    differences = 0
    for stream in definitions:
        for rule, without in rules_left_out(stream):
            row = next(rows)
            expected = backtest(without, events, **chosen).matches.height
            assert (row["stream"], row["rule"], row["without"]) == (stream.name, rule, expected)
            assert row["removed"] == expected - result.only(stream.name).matches.height
            differences += row["removed"] != 0
    assert next(rows, None) is None
    assert differences > 5


def test_effects_keep_the_horizon_of_the_answer() -> None:
    """A row in the future counts as little as before, and a wait ends at the same moment."""
    now = START + timedelta(hours=10)
    frame = pl.DataFrame(
        {
            "time": [START, START + timedelta(hours=5), now + timedelta(hours=30)],
            "event": ["A", "C", "B"],
            "session": ["1"] * 3,
        }
    )
    schema = Schema(time="time", name="event", session="session")
    wait = Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "5h"}])
    result = backtest(wait, History(frame, schema), now=now)
    assert (result.matches.height, result.pending.height) == (0, 1)
    effects = {row["rule"]: row["without"] for row in result.effects().iter_rows(named=True)}
    assert effects == {"no B for 5 hours afterwards": 1, "once for each session": 0}


def test_a_stream_without_rules_has_no_effects() -> None:
    """And neither has an empty history any that count."""
    stream = Stream("a", [{"event": "A"}], frequency="every")
    assert backtest(stream, history("1A0")).effects().is_empty()
    empty = history("1A0").source
    assert empty.columns
    once = replace(stream, frequency="once")
    none = backtest(once, history("1B0")).effects()
    assert none["without"].to_list() == [0]


def test_examples_are_spread_over_the_matches() -> None:
    """The first, the last and one in between, a row an event, in order."""
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="10h")
    rows = " ".join(f"{session}A{session}0 {session}B{session}2" for session in range(1, 8))
    examples = backtest(stream, history(rows)).examples(3)
    assert examples["stage"].to_list() == ["A", "B"] * 3
    assert examples["seconds"].to_list() == [0.0, 7200.0] * 3
    days = [row["time"] - START for row in examples.filter(step=0).iter_rows(named=True)]
    assert days == [timedelta(hours=hours) for hours in (10, 40, 70)]
    assert backtest(stream, history("1A0")).examples().is_empty()


def test_examples_show_what_the_criteria_read() -> None:
    """Of columns, structs, lists and JSON; what an event lacks is left out."""
    frame = pl.DataFrame(
        {
            "time": [START],
            "event": ["A"],
            "session": ["1"],
            "price": [25.5],
            "device": [{"os": "ios"}],
            "tags": [["x", "y"]],
            "props": ['{"a": {"b": 12345678901234567890}, "c": null}'],
        }
    )
    where = {
        "price": {"gt": 1},
        "device.os": "ios",
        "tags": "x",
        "props.a.b": {"gt": 1},
        "props.c": {"exists": False},
    }
    schema = Schema(time="time", name="event", session="session", json=["props"])
    stream = Stream("a", [{"event": "A", "where": where}])
    told = backtest(stream, History(frame, schema)).examples()["properties"].to_list()[0]
    assert {each["path"]: each["value"] for each in told} == {
        "price": "25.5",
        "device.os": "ios",
        "tags": '["x", "y"]',
        "props.a.b": "12345678901234567890",
    }


def test_one_of_many_streams_is_the_same_answer() -> None:
    """With its own numbers, and an unknown name is refused."""
    one = Stream("one", [{"event": "A"}])
    two = Stream("two", [{"event": "B"}])
    both = backtest([one, two], history("1A0 2A1 1B2"))
    assert both.only("one").matches.equals(both.matches.filter(stream="one"))
    assert [each["name"] for each in both.only("two").summary["streams"]] == ["two"]
    with pytest.raises(EventsError, match="one, two"):
        both.only("three")


def test_the_span_is_what_was_asked_about() -> None:
    """From the first event, or `since`, to the horizon."""
    stream = Stream("a", [{"event": "A"}])
    events = history("1A0 1B48")
    assert backtest(stream, events).span == (START, START + timedelta(hours=48))
    since = datetime(2026, 3, 2, tzinfo=UTC)
    assert backtest(stream, events, since=since).span == (since, START + timedelta(hours=48))
