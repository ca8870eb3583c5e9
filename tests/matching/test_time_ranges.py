"""A time range gives the whole input's answer, however little of the input is read for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from streamkit import Backtest, History, Schema, Stream, backtest

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 10
NOW = START + timedelta(days=30)
ROLES: dict[str, Any] = {"time": "at", "name": "event", "session": "sid", "user": "uid", "id": "id"}


def events(seed: int) -> pl.DataFrame:
    """Sessions of some hours, a few of them days long, with repeated ids and holes."""
    chance = np.random.default_rng(seed)
    rows = []
    for session in range(150):
        began = chance.uniform(0, DAYS * 86_400)
        length = chance.choice([600, 7200, 90_000], p=[0.6, 0.35, 0.05])
        for _ in range(chance.integers(1, 12)):
            seconds = round(began + chance.uniform(0, length))
            rows.append(
                {
                    "at": None if chance.random() < 0.02 else START + timedelta(seconds=seconds),
                    "event": str(chance.choice(["A", "B", "C", "X"])),
                    "sid": None if chance.random() < 0.03 else f"s{session}",
                    "uid": f"u{session % 20}",
                    "id": f"e{chance.integers(0, 500)}",
                }
            )
    schema = {"at": pl.Datetime("us", "UTC")} | dict.fromkeys(
        ["event", "sid", "uid", "id"], pl.String
    )
    return pl.DataFrame(rows, schema=schema).sort("at")


def in_files(frame: pl.DataFrame, folder: Path) -> Path:
    """A file a day, in small row groups; rows without a time lie in the first."""
    days = frame["at"].dt.date().fill_null(START.date())
    for day in days.unique():
        part = frame.filter(days == day)
        part.write_parquet(folder / f"{day}.parquet", row_group_size=16, statistics=True)
    return folder


STREAMS = [
    Stream("pair", [{"event": "A"}, {"event": "B"}], within="1h", frequency="every"),
    Stream("long", [{"event": "A"}, {"event": "B"}], within="unbounded"),
    Stream(
        "left",
        [{"event": "A"}, {"exclude": {"event": "X"}, "for": "2h"}],
        frequency="every",
        cooldown={"for": "3h", "by": "session"},
    ),
    Stream("first", [{"exclude": {"event": "X"}}, {"event": "C"}], frequency="per_start"),
]
PER_USER = Stream("user", [{"event": "A"}, {"event": "C"}], within="2d", per="user")
COOLED = Stream("cooled", [{"event": "C"}], cooldown={"for": "2d", "by": "user"})


def of_range(whole: Backtest, since: datetime, until: datetime | None) -> list[dict[str, Any]]:
    """What of a whole answer lies in a range."""
    found = whole.matches.filter(pl.col("fired_at") >= since)
    return found.filter(pl.col("fired_at") < until if until else True).to_dicts()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("zone", ["UTC", None], ids=["with zone", "without zone"])
def test_a_range_is_the_part_of_the_whole_answer(
    tmp_path: Path, seed: int, zone: str | None
) -> None:
    """Matches and pendings, whatever is left unread; and something is."""
    frame = events(seed).with_columns(pl.col("at").dt.replace_time_zone(zone))
    history = History(in_files(frame, tmp_path), Schema(**ROLES))
    chance = np.random.default_rng(seed)
    skipped = 0
    for _ in range(8):
        since = START + timedelta(seconds=round(chance.uniform(0, 1.05 * DAYS * 86_400)))
        until = (
            since + timedelta(hours=float(chance.uniform(1, 60))) if chance.random() < 0.5 else None
        )
        whole = backtest(STREAMS, history, until=until, now=NOW)
        part = backtest(STREAMS, history, since=since, until=until, now=NOW)
        assert part.matches.to_dicts() == of_range(whole, since, until)
        assert part.pending.to_dicts() == whole.pending.to_dicts()
        skipped += part.found.begin is not None and part.found.begin > part.found.census.begin
    assert skipped > 2


@pytest.mark.parametrize("stream", [PER_USER, COOLED], ids=lambda stream: stream.name)
def test_what_reaches_beyond_sessions_reads_all(tmp_path: Path, stream: Stream) -> None:
    """A user's key, or a cooldown that several sessions share, may depend on anything before."""
    history = History(in_files(events(1), tmp_path), Schema(**ROLES))
    since = START + timedelta(days=8)
    part = backtest([STREAMS[0], stream], history, since=since, now=NOW)
    assert part.found.begin is None
    whole = backtest([STREAMS[0], stream], history, now=NOW)
    assert part.matches.to_dicts() == of_range(whole, since, None)


def test_one_endless_session_keeps_all_in_sight(tmp_path: Path) -> None:
    """A session that began on the first day and goes on is matched from its first event."""
    frame = pl.DataFrame(
        {
            "at": [START, START + timedelta(days=1), START + timedelta(days=9)],
            "event": ["A", "C", "B"],
            "sid": ["s", "other", "s"],
            "uid": ["u", "u", "u"],
            "id": ["1", "2", "3"],
        }
    )
    history = History(in_files(frame, tmp_path), Schema(**ROLES))
    found = backtest(STREAMS[1], history, since=START + timedelta(days=8), now=NOW)
    assert [match["started_at"] for match in found.matches.to_dicts()] == [START]
    assert found.found.begin == found.found.census.begin


def test_counts_of_a_range_are_of_its_events(tmp_path: Path) -> None:
    """Rows without a session, and duplicates, before the range are not told of."""
    frame = pl.DataFrame(
        {
            "at": [START + timedelta(days=day) for day in (0, 0, 0, 5, 5, 5)],
            "event": ["A"] * 6,
            "sid": [None, "s", "s", None, "t", "t"],
            "uid": ["u"] * 6,
            "id": ["1", "2", "2", "3", "4", "4"],
        }
    )
    history = History(in_files(frame, tmp_path), Schema(**ROLES))
    whole, part = (
        backtest(STREAMS[0], history, since=since, now=NOW).summary["streams"][0]
        for since in (None, START + timedelta(days=3))
    )
    assert (whole["without_key"], whole["duplicates"]) == ({"A": 2}, 2)
    assert (part["without_key"], part["duplicates"]) == ({"A": 1}, 1)
