"""What a history keeps for the next backtest, and when it does not use it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from streamkit import Backtest, EventsError, History, Stream, backtest
from streamkit.matching import census, plain_rows, reading

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=2)
ROLES = {"time": "time", "name": "event", "session": "session", "user": "user", "id": "id"}
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "window": {"within": "20m"},
    "frequency": {"frequency": "every"},
    "criterion": {"least": 4},
    "another column": {"column": "price"},
    "cooldown": {"cooldown": {"for": "1h", "by": "user"}},
}


def events(first: str = "A") -> pl.DataFrame:
    """Sixty sessions of an A, an X and a B, some with an id twice or none."""
    count = 180
    return pl.DataFrame(
        {
            "time": [START + timedelta(minutes=7 * (n % 3), seconds=n) for n in range(count)],
            "event": [(first, "X", "B")[n % 3] for n in range(count)],
            "session": [f"s{n // 3:03}" for n in range(count)],
            "user": [f"u{n % 7}" for n in range(count)],
            "id": [None if n % 11 == 0 else f"e{n - n % 2:03}" for n in range(count)],
            "v": [n % 9 for n in range(count)],
            "price": [float(n % 5) for n in range(count)],
        }
    )


def stream(
    least: int = 2, column: str = "v", within: str = "1h", frequency: str = "once", **more: Any
) -> Stream:
    first = {"event": "A", "where": {column: {"gte": least}}}
    return Stream("s", [first, {"event": "B"}], within=within, frequency=frequency, **more)


def assert_same(one: Backtest, other: Backtest) -> None:
    assert_frame_equal(one.matches, other.matches)
    assert_frame_equal(one.funnel(), other.funnel())
    assert one.summary == other.summary


@pytest.mark.parametrize("change", CHANGES)
def test_a_kept_history_answers_as_a_new_one(tmp_path: Path, change: str) -> None:
    """Whatever was asked before, and whatever is changed."""
    events().write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES)
    backtest(stream(), history, now=NOW)
    changed = stream(**CHANGES[change])
    again = backtest(changed, history, now=NOW + timedelta(hours=1))
    assert history.kept.bytes
    assert_same(again, backtest(changed, History(tmp_path, ROLES, keep=0), now=NOW))


@pytest.mark.parametrize(
    ("kind", "hours"), [("file", 1), ("file with text times", 0), ("frame", 0)]
)
def test_another_window_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, hours: int
) -> None:
    """Of files with timestamps at a later time as well: what was read depends on no clock."""
    known = events()
    if kind == "file with text times":
        known = known.with_columns(pl.col("time").dt.to_string("iso:strict"))
    known.write_parquet(tmp_path / "events.parquet")
    history = History(known if kind == "frame" else tmp_path, ROLES)
    backtest(stream(), history, now=NOW)

    def asked(*_: Any) -> None:
        pytest.fail("something was read")

    monkeypatch.setattr(census, "ask", asked)
    monkeypatch.setattr(reading, "ask_batches", asked)
    monkeypatch.setattr(reading, "ask_flags", asked)
    monkeypatch.setattr(plain_rows.PlainRows, "read", asked)
    again = backtest(stream(within="20m"), history, now=NOW + timedelta(hours=hours))
    assert again.summary["streams"][0]["matches"]
    assert again.funnel()["keys"].sum()


def test_a_changed_criterion_reads_only_what_it_looks_at(tmp_path: Path) -> None:
    """The second question is of flags alone, and the third finds them too."""
    events().write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES)
    for least, grows in ((2, True), (4, True), (2, False)):
        before = history.kept.bytes
        backtest(stream(least), history, now=NOW)
        assert (history.kept.bytes > before) is grows


def test_a_file_rewritten_in_place_is_read_again(tmp_path: Path) -> None:
    """Even if its size and its time of change are what they were."""
    file = tmp_path / "events.parquet"
    events().write_parquet(file, compression="uncompressed")
    status = file.stat()
    history = History(file, ROLES)
    assert backtest(stream(), history, now=NOW).matches.height
    events(first="C").write_parquet(file, compression="uncompressed")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert not backtest(stream(), history, now=NOW).matches.height


def test_nothing_is_kept_if_so_asked(tmp_path: Path) -> None:
    """`keep=0`."""
    events().write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES, keep=0)
    backtest(stream(), history, now=NOW)
    assert not history.kept.bytes


def test_what_is_kept_has_a_bound(tmp_path: Path) -> None:
    """What does not fit is read again, and the answer is the same."""
    events().write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES, keep=5_000)
    first = backtest(stream(), history, now=NOW)
    assert history.kept.bytes <= 5_000
    assert_same(first, backtest(stream(), history, now=NOW))


def test_times_of_the_future_depend_on_the_clock(tmp_path: Path) -> None:
    """A row that was skipped as too far ahead counts once the present has come near."""
    events().write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES)
    early = backtest(stream(), history, now=START - timedelta(hours=24))
    late = backtest(stream(), history, now=NOW)
    assert early.summary["skipped"]["future_time"] > 0
    assert_same(late, backtest(stream(), History(tmp_path, ROLES, keep=0), now=NOW))


def test_rows_of_the_future_do_not_keep_others_from_being_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the clock reaches one of them, what was read is as good as new."""
    late = pl.col("time") + pl.duration(
        days=pl.when(pl.col("session") > "s050").then(9).otherwise(0)
    )
    events().with_columns(late).write_parquet(tmp_path / "events.parquet")
    history = History(tmp_path, ROLES)
    first = backtest(stream(), history, now=NOW)
    assert first.summary["skipped"]["future_time"]
    reads, read = [], plain_rows.PlainRows.read

    def counted(self: plain_rows.PlainRows, unit: plain_rows.Unit) -> plain_rows.UnitRows:
        reads.append(unit)
        return read(self, unit)

    monkeypatch.setattr(plain_rows.PlainRows, "read", counted)
    assert backtest(stream(), history, now=NOW + timedelta(hours=1)).summary == first.summary
    assert not reads
    for now in (START + timedelta(days=8, minutes=1), NOW, START + timedelta(days=30)):
        wanted = backtest(stream(), History(tmp_path, ROLES, keep=0), now=now)
        assert_same(backtest(stream(), history, now=now), wanted)
    assert reads


def test_matches_of_a_file_that_changed_are_not_described(tmp_path: Path) -> None:
    """Numbers stand; what would be looked up in another file is refused, not made up."""
    events().write_parquet(tmp_path / "events.parquet")
    result = backtest(stream(), History(tmp_path, ROLES), now=NOW)
    described = backtest(stream(), History(tmp_path, ROLES), now=NOW)
    assert described.matches.height == described.summary["streams"][0]["matches"] > 0
    events().reverse().write_parquet(tmp_path / "events.parquet")
    with pytest.raises(EventsError, match="has changed since it was matched"):
        _ = result.matches
    assert result.summary == described.summary
    assert described.matches.height
