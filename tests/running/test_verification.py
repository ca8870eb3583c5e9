"""`verify`: backtest and matcher over the same events, match by match."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from streamkit import EventsError, History, Schema, load
from streamkit.running import verification as room
from streamkit.running import verify
from tests.running.examples import NOW, a_then_b, event

DATA = Path(__file__).parents[2] / "data"
EVENTS = pl.DataFrame([event("AB"[n % 2], 20 * n, f"s{n % 9}") for n in range(500)])
SCHEMA = Schema(time="at", name="event", session="sid", user="uid")


def history() -> History:
    return History(EVENTS, SCHEMA)


def test_the_shipped_streams_are_identical_over_a_day_of_the_shipped_events():
    """Arriving up to ten minutes late, through the matcher, they make the backtest's matches."""
    events = History(DATA / "shop" / "events_2026-03-05.parquet", DATA / "schema.yaml")
    found = verify(
        load(DATA / "streams"), events, shuffle="10m", seed=7, now=NOW.replace(year=2027)
    )
    assert found.identical, str(found)
    assert found.matches.height > 20
    assert str(found).startswith(f"identical: {found.matches.height:,} matches, ")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_disorder_is_real_and_no_more_than_said(seed: int):
    """With a lateness below the shuffle some events are late; with the shuffle's none is."""
    stream = a_then_b(frequency="every")
    late = verify(stream, history(), shuffle="10m", allowed_lateness="1m", seed=seed, now=NOW)
    assert late.stats.late > 0
    assert "later than the allowed lateness" in str(late)
    good = verify(stream, history(), shuffle="10m", seed=seed, now=NOW)
    assert good.stats.late == 0
    assert good.identical


def test_differences_are_shown_with_both_timelines(monkeypatch: pytest.MonkeyPatch):
    """A matcher that goes wrong is found out, and the report says what each of the two has."""
    real = room.Matcher

    def wrong(streams, *rest, **more):
        return real([a_then_b(frequency="every", within="2m")], *rest, **more)

    monkeypatch.setattr(room, "Matcher", wrong)
    found = verify(a_then_b(frequency="every"), history(), now=NOW)
    assert not found.identical
    assert len(found.differences) > 10
    shown = str(found)
    assert shown.startswith("different: ")
    assert "only of the backtest" in shown
    assert " → " in shown
    assert "nothing" in shown
    assert json.dumps(found.to_dict())


def test_a_bad_duration_is_said():
    """By the argument's name."""
    with pytest.raises(EventsError, match="shuffle"):
        verify(a_then_b(), history(), shuffle="soon")


def test_the_command_compares_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`streamkit verify`: a line, a table of matches, and the exit code."""
    import argparse

    from streamkit.cli import verify as command

    EVENTS.write_parquet(tmp_path / "events.parquet")
    (tmp_path / "s.yaml").write_text(a_then_b(frequency="every").to_yaml())
    (tmp_path / "schema.yaml").write_text("{time: at, name: event, session: sid, user: uid}")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = [
        tmp_path / "s.yaml",
        "--events",
        tmp_path / "events.parquet",
        "--schema",
        tmp_path / "schema.yaml",
    ]
    options = ["--shuffle", "5m", "--matches", tmp_path / "out.parquet"]
    assert command.run(parser.parse_args([str(word) for word in [*words, *options]])) == 0
    assert capsys.readouterr().out.startswith("identical: ")
    assert pl.read_parquet(tmp_path / "out.parquet").columns[:3] == [
        "stream",
        "version",
        "match_id",
    ]
    assert command.run(parser.parse_args([str(word) for word in [*words, "--json"]])) == 0
    assert json.loads(capsys.readouterr().out)["identical"] is True
    options = ["--shuffle", "10m", "--allowed-lateness", "1m"]
    assert command.run(parser.parse_args([str(word) for word in [*words, *options]])) == 1
