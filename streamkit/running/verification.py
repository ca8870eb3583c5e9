"""`verify`: does the running matcher say what the backtest says, over the user's own events?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import polars as pl

from streamkit.arguments import read_length
from streamkit.backtesting import Backtest, backtest
from streamkit.definition import Stream
from streamkit.duration import Duration
from streamkit.events import EventSource, History
from streamkit.running.arrivals import arrivals
from streamkit.running.matcher import Matcher
from streamkit.running.matches import Match, match_table
from streamkit.times import parse_time

if TYPE_CHECKING:
    from streamkit.running.tallies import Stats

__all__ = ["Difference", "Verification", "verify"]

SHOWN = 10


@dataclass(frozen=True)
class Difference:
    """A match that the two do not agree on.

    Args:
        table: `matches` or `pending`.
        backtest: The backtest's row; None if it has none of this id.
        live: The matcher's row; None if it has none of this id.
    """

    table: str
    backtest: Mapping[str, Any] | None
    live: Mapping[str, Any] | None

    def __str__(self) -> str:
        either = self.backtest or self.live or {}
        lines = [f"{self.table}: {either.get('stream')} {either.get('match_id')}"]
        for name, row in (("backtest", self.backtest), ("matcher", self.live)):
            lines.append(f"  {name:>8}: {'nothing' if row is None else _timeline(row)}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Verification:
    """What a backtest and the running matcher found in the same events.

    Args:
        backtest: The backtest.
        matches: The matcher's matches, as a table like the backtest's.
        pending: Its pendings.
        stats: What it counted.
        seconds: How long the matcher took.
    """

    backtest: Backtest
    matches: pl.DataFrame
    pending: pl.DataFrame
    stats: Stats
    seconds: float

    @property
    def identical(self) -> bool:
        """Whether both found the same matches and the same pendings, in every column."""
        return not self.differences

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The matches that they do not agree on, in the order of `fired_at`."""
        return (
            *_differences("matches", self.backtest.matches, self.matches),
            *_differences("pending", self.backtest.pending, self.pending),
        )

    def __str__(self) -> str:
        counted = f"{self.matches.height:,} matches, {self.pending.height:,} pending"
        if self.identical:
            report = f"identical: {counted}"
        else:
            kinds = [_kind(each) for each in self.differences]
            counts = ", ".join(f"{kinds.count(kind):,} {kind}" for kind in dict.fromkeys(kinds))
            shown = [str(each) for each in self.differences[:SHOWN]]
            more = len(self.differences) - len(shown)
            report = "\n".join(
                [
                    f"different: {counts}",
                    f"the matcher found {counted}; the backtest"
                    f" {self.backtest.matches.height:,} and {self.backtest.pending.height:,}",
                    *shown,
                    *([f"… and {more:,} more"] if more else []),
                ]
            )
        if self.stats.late:
            report += (
                f"\n{self.stats.late:,} events came later than the allowed lateness"
                " and were left out by the matcher"
            )
        return report

    def __repr__(self) -> str:
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain data."""
        return {
            "identical": self.identical,
            "matches": self.matches.height,
            "pending": self.pending.height,
            "differences": len(self.differences),
            "late": self.stats.late,
            "events": self.stats.events,
            "seconds": round(self.seconds, 3),
        }

    def write_matches(self, path: str | PathLike[str]) -> None:
        """Write the matcher's matches to a Parquet file."""
        from streamkit.backtesting.files import write_atomically

        write_atomically(path, self.matches.write_parquet)


def verify(
    streams: Stream | Sequence[Stream],
    history: History | EventSource,
    *,
    allowed_lateness: str | Duration | None = None,
    shuffle: str | Duration | None = None,
    seed: int = 0,
    now: datetime | None = None,
    report: Callable[[str, float | None], None] | None = None,
) -> Verification:
    """Run a backtest and the matcher over the same events, and compare match by match.

    Args:
        streams: One definition or several with names of their own.
        history: The events; anything a `History` can be made from will do.
        allowed_lateness: The matcher's; by default as long as `shuffle`.
        shuffle: Let each event arrive up to so long after its time; none by default.
        seed: Decides which how long.
        now: The present of both; the clock's by default.
        report: Called with what is being done and how far it is (0 to 1, None if unknown).

    Raises:
        DefinitionError: Two streams of one name, or none at all.
        EventsError: The input cannot be read, or a stream asks for what it does not have.

    Example:
        >>> from streamkit.definition import event
        >>> events = pl.DataFrame({
        ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z"],
        ...     "event": ["add_to_cart", "checkout_error"],
        ...     "session_id": ["s1", "s1"],
        ... })
        >>> stream = Stream("rescue", [event("add_to_cart"), event("checkout_error")], within="1h")
        >>> verify(stream, events, shuffle="10m")
        identical: 1 matches, 0 pending
    """
    disorder = 0 if shuffle is None else read_length(shuffle, "shuffle")
    lateness = (
        disorder if allowed_lateness is None else read_length(allowed_lateness, "allowed_lateness")
    )
    present = parse_time(now or datetime.now(UTC))
    if not isinstance(history, History):
        history = History(history)
    expected = backtest(streams, history, now=present, report=report)
    matcher = Matcher(streams, history, allowed_lateness=Duration(lateness), now=lambda: present)
    rows = expected.summary["rows"]
    began = time.monotonic()
    found: list[Match] = []
    for events, positions in arrivals(history, matcher.intake.columns, shuffle=disorder, seed=seed):
        found += matcher.push_many(events, positions)
        if report is not None:
            report("matching event by event", matcher.tallies.events / max(rows, 1))
    found += matcher.flush()
    return Verification(
        expected,
        match_table(found),
        match_table(matcher.pending),
        matcher.stats,
        time.monotonic() - began,
    )


def _differences(table: str, expected: pl.DataFrame, found: pl.DataFrame) -> list[Difference]:
    wanted = {(row["stream"], row["match_id"]): row for row in expected.to_dicts()}
    live = {(row["stream"], row["match_id"]): row for row in found.to_dicts()}
    different = [
        Difference(table, wanted.get(each), live.get(each))
        for each in dict.fromkeys((*wanted, *live))
        if wanted.get(each) != live.get(each)
    ]
    return sorted(different, key=lambda each: (each.backtest or each.live or {})["fired_at"])


def _kind(difference: Difference) -> str:
    if difference.live is None:
        return f"{difference.table} only of the backtest"
    if difference.backtest is None:
        return f"{difference.table} only of the matcher"
    return f"{difference.table} told differently"


def _timeline(row: Mapping[str, Any]) -> str:
    """A match as its events, one after the other."""
    key = " / ".join(row["key"])
    events = " → ".join(f"{_moment(each['time'])} {each['name']}" for each in row["events"])
    waited = f" ⇒ {_moment(row['fired_at'])}" if row["fired_at"] != row["matched_at"] else ""
    return f"[{key}] from {_moment(row['started_at'])}: {events}{waited}"


def _moment(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(sep=" ")
