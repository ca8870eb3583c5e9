"""A backtest's answer as a value: tables, counts, funnel, reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import streamkit
from streamkit import Backtest, EventsError, History, Schema, Stream, backtest

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = Schema(time="time", name="event", session="session", user="user")


def history(rows: str) -> History:
    """Events written as `<session><event><hours>`, such as `1A0`; the user is the session's."""
    split = [(word[0], word[1], float(word[2:])) for word in rows.split()]
    frame = pl.DataFrame(
        {
            "time": [START + timedelta(hours=hours) for *_, hours in split],
            "event": [event for _, event, _ in split],
            "session": [session for session, *_ in split],
            "user": [f"u{session}" for session, *_ in split],
            "country": ["DE" if session in "13" else None for session, *_ in split],
        }
    )
    return History(frame, SCHEMA)


@pytest.fixture
def result() -> Backtest:
    """Session 1 matches twice, 2 once, 3 never, 4 has only the first step."""
    stream = Stream(
        "ab", [{"event": "A"}, {"event": "B"}], within="10h", frequency="every", per="session"
    )
    return backtest(stream, history("1A0 1B1 1B2 2A30 2B31 3A0 3B20 4A50 4C80"))


def test_a_funnel_counts_keys_and_events(result: Backtest) -> None:
    """Each step counts the keys with a run so far; fired and matched come after the steps."""
    rows = result.funnel().select("step", "stage", "keys", "events").rows()
    assert rows == [
        (0, "A", 4, 4),
        (1, "B", 2, 3),
        (None, "fired", 2, 3),
        (None, "matched", 2, 3),
    ]
    assert result.funnel()["of_first"].to_list() == [1.0, 0.5, 0.5, 0.5]
    assert result.funnel()["of_previous"].to_list() == [None, 0.5, 1.0, 1.0]


def test_counts_fill_periods_without_a_match(result: Backtest) -> None:
    """From the first event to the horizon, one row a period."""
    counts = result.counts(every="1d")
    assert counts["matches"].to_list() == [2, 1, 0, 0]
    assert counts["period"].to_list()[0] == START
    assert counts["matches"].sum() == result.matches.height


def test_counts_by_a_property_keep_its_nulls(result: Backtest) -> None:
    """Matches whose firing event lacks the property are counted under null."""
    counts = result.counts(every="7d", by="country").group_by("country").agg(pl.sum("matches"))
    assert dict(counts.iter_rows()) == {"DE": 2, None: 1}


def test_counts_by_user(result: Backtest) -> None:
    """Roles can be counted by as well."""
    counts = result.counts(every="7d", by="user").group_by("user").agg(pl.sum("matches"))
    assert dict(counts.iter_rows()) == {"u1": 2, "u2": 1}


@pytest.mark.parametrize("every", ["soon", "0s", "-1h"])
def test_a_period_that_is_none_is_refused(result: Backtest, every: str) -> None:
    """With a message, not a division by zero."""
    with pytest.raises(EventsError) as raised:
        result.counts(every=every)
    assert raised.value.code == "bad-duration"


def test_an_unknown_stream_is_refused(result: Backtest) -> None:
    """And the known ones are named."""
    with pytest.raises(EventsError, match="ab"):
        result.funnel("abc")


def test_rows_are_the_full_events(result: Backtest) -> None:
    """Every column of the input, for each event of each match, in order."""
    rows = result.rows()
    assert rows.columns == [
        "stream",
        "match_id",
        "step",
        "time",
        "event",
        "session",
        "user",
        "country",
    ]
    assert rows["event"].to_list() == ["A", "B"] * 3
    assert rows["match_id"].to_list() == [i for i in result.matches["match_id"] for _ in "AB"]
    assert rows["time"].to_list()[:2] == [START, START + timedelta(hours=1)]


def test_a_range_filters_the_whole_answer() -> None:
    """`since` cuts matches, not events; `until` hides events."""
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="10h", frequency="every")
    events = history("1A0 1B1 1B2 1B3")
    since, until = START + timedelta(hours=2), START + timedelta(hours=3)
    result = backtest(stream, events, since=since, until=until)
    assert result.matches["matched_at"].to_list() == [since]
    assert result.matches["started_at"].to_list() == [START]
    assert result.summary["until"] == "2026-03-01T03:00:00Z"
    assert result.funnel()["events"].to_list() == [0, 1, 1, 1]


def test_a_funnel_in_a_range_goes_by_when_matches_fire() -> None:
    """A wait that began before the range and ends in it has fired in it."""
    stream = Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "5h"}])
    result = backtest(stream, history("1A0 1C10"), since=START + timedelta(hours=2))
    fired = result.funnel().filter(stage="fired")
    assert fired["keys"].to_list() == [1] == [result.matches.height]


def test_duplicates_are_counted() -> None:
    """Events with an id seen before are dropped, and the report says how many."""
    frame = pl.DataFrame(
        {"time": [START] * 3, "event": ["A"] * 3, "session": ["1"] * 3, "id": ["x", "x", "y"]}
    )
    schema = Schema(time="time", name="event", session="session", id="id")
    result = backtest(Stream("a", [{"event": "A"}], frequency="every"), History(frame, schema))
    assert result.matches.height == 2
    assert result.summary["streams"][0]["duplicates"] == 1
    assert any("1 events with an id seen before" in note for note in result.notes)


@pytest.mark.parametrize("wrong", ["stream", [1], [None]])
def test_what_is_no_stream_is_refused(wrong: object) -> None:
    """With a message that says how to get one."""
    with pytest.raises(streamkit.DefinitionError, match="is no stream"):
        backtest(wrong, history("1A0"))
    with pytest.raises(EventsError, match="since"):
        backtest(Stream("a", [{"event": "A"}]), history("1A0"), since=5)


def test_dates_and_text_are_times() -> None:
    """A date is its midnight in UTC, text is RFC 3339, a time without a zone is UTC."""
    stream = Stream("a", [{"event": "A"}], frequency="every")
    events = history("1A0 1A24 1A48")
    for since in (
        "2026-03-02",
        "2026-03-02T00:00:00Z",
        datetime(2026, 3, 2),
        START.date().replace(day=2),
    ):
        assert backtest(stream, events, since=since).matches.height == 2


def test_no_stream_and_two_of_one_name_are_refused() -> None:
    """Match ids are built on the name."""
    stream = Stream("a", [{"event": "A"}])
    with pytest.raises(streamkit.DefinitionError, match="no stream"):
        backtest([], history("1A0"))
    with pytest.raises(streamkit.DefinitionError, match="two streams"):
        backtest([stream, stream], history("1A0"))


def test_an_empty_history_gives_empty_tables() -> None:
    """With all columns, and a report that says so."""
    empty = history("1A0").source
    frame = pl.DataFrame(
        schema={
            "time": pl.Datetime("us", "UTC"),
            "event": pl.String,
            "session": pl.String,
            "user": pl.String,
        }
    )
    result = backtest(Stream("a", [{"event": "A"}]), History(frame, SCHEMA))
    assert empty.columns
    assert result.matches.is_empty()
    assert result.matches.columns == result.pending.columns
    assert result.summary["horizon"] is None
    assert "No match in 0 sessions." in repr(result)
    assert result.counts().height == 1
    assert result.rows().is_empty()
    assert "<table" in result._repr_html_()


def test_html_shows_hostile_text_as_text() -> None:
    """Markup in names and values is escaped wherever it stands."""
    hostile = "<script>alert(1)</script>\"' onmouseover=x"
    frame = pl.DataFrame(
        {"time": [START], "event": [hostile], "session": [hostile], "user": [hostile]}
    )
    result = backtest(Stream(hostile, [{"event": hostile}]), History(frame, SCHEMA))
    html = result._repr_html_()
    assert result.matches.height == 1
    assert "<script" not in html
    assert 'onmouseover=x"' not in html.replace("&quot;", "")
    assert "&lt;script&gt;" in html


def test_a_match_file_appears_whole_or_not_at_all(result: Backtest, tmp_path: Path) -> None:
    """A failing write leaves neither the file nor a part of it, and keeps the old one."""
    from streamkit.backtesting.files import write_atomically

    target = tmp_path / "m.parquet"
    result.write_matches(target)
    whole = target.read_bytes()

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(EventsError, match="No space left"):
        write_atomically(target, fail)
    assert target.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["m.parquet"]


def test_sql_names_its_steps_and_holds_no_value(result: Backtest) -> None:
    """Values stand in the comments above, never in the text of the query."""
    assert "WITH input AS NOT MATERIALIZED (" in result.sql
    assert "$p0" in result.sql
    statements = "\n".join(line for line in result.sql.splitlines() if not line.startswith("--"))
    assert "'A'" not in statements


def test_pendings_are_shown_apart() -> None:
    """Neither counted nor among the matches."""
    stream = Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "5h"}])
    result = backtest(stream, history("1A0 2A8 1C10"))
    assert result.matches["session"].to_list() == ["1"]
    assert result.pending["session"].to_list() == ["2"]
    assert result.pending["fired_at"].to_list() == [START + timedelta(hours=13)]
    assert "and 1 still waiting" in repr(result)


def test_single_events_cost_a_hundredth() -> None:
    """A pattern or a wait costs 1 a match, a single event 1/100."""
    events = history("1A0 2A0 3B9")
    single = backtest(Stream("single", [{"event": "A"}]), events)
    wait = backtest(
        Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "1h"}]), events
    )
    assert single.summary["streams"][0]["activations"] == 0.02
    assert wait.summary["streams"][0]["activations"] == 2


def test_a_table_without_order_warns_of_ties() -> None:
    """A lazy frame has no order of its own: equal times then depend on luck."""
    lazy = history("1A0 1B0").source
    frame = pl.DataFrame(
        {"time": [START] * 2, "event": ["A", "B"], "session": ["1"] * 2, "user": ["u"] * 2}
    )
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="1h")
    assert lazy.is_ordered
    assert any("sequence" in n for n in backtest(stream, History(frame.lazy(), SCHEMA)).notes)
    assert not backtest(stream, History(frame, SCHEMA)).notes
