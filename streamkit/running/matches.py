"""Matches as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from streamkit.matching.contexts import Context
from streamkit.matching.row_values import time_value
from streamkit.times import EPOCH

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Match", "MatchedEvent", "RunEnds", "match_table"]


@dataclass(frozen=True, slots=True)
class MatchedEvent:
    """The event of one step.

    Args:
        step: Which, from 0; excludes are not counted.
        id: The event's id, if it has one.
        micros: Its time, in microseconds since the epoch.
        name: Its name.
    """

    step: int
    id: str | None
    micros: int
    name: str | None

    @property
    def time(self) -> datetime:
        """The event's time, UTC."""
        return _time(self.micros)


class RunEnds(NamedTuple):
    """What a ledger needs of a run to decide on it beside runs that were found otherwise.

    Args:
        first_id: Id of the run's first event, if it has one.
        first_name: Its name.
        first_ordinal: Its place among all events that were decided.
        last_ordinal: The same of the firing event.
        cooldown_value: What the cooldown is counted by; None is never held back.
    """

    first_id: str | None
    first_name: str | None
    first_ordinal: int
    last_ordinal: int
    cooldown_value: str | None


@dataclass(frozen=True)
class Match:
    """A firing event that the frequency rule and the cooldown let through.

    Times are kept as microseconds since the epoch; `started_at`, `matched_at` and `fired_at`
    give them as datetimes.

    Args:
        stream: Name of the stream.
        version: Its version.
        match_id: The same from every engine, however often the match is found.
        key: The parts of the key.
        session: Session of the firing event.
        user: User of the firing event.
        started: Time of the run's first event.
        matched: Time of the firing event.
        fired: When it fired: after the longest wait.
        events: The event of each step.
        is_proven: Whether the session's true start was seen; only gaps can leave it open.
        context: The values that the stream's payload asks for; None where nobody asked.
        ends: What a ledger needs of the run.
    """

    stream: str
    version: str
    match_id: str
    key: tuple[str, ...]
    session: str | None
    user: str | None
    started: int
    matched: int
    fired: int
    events: tuple[MatchedEvent, ...]
    is_proven: bool = field(default=True, compare=False)
    context: Context | None = field(default=None, compare=False, repr=False)
    ends: RunEnds | None = field(default=None, compare=False, repr=False)

    @cached_property
    def started_at(self) -> datetime:
        """Time of the run's first event, UTC."""
        return _time(self.started)

    @cached_property
    def matched_at(self) -> datetime:
        """Time of the firing event, UTC."""
        return _time(self.matched)

    @cached_property
    def fired_at(self) -> datetime:
        """When it fired, UTC."""
        return _time(self.fired)

    def to_row(self) -> dict[str, Any]:
        """The match as a row of the table of matches."""
        return {
            "stream": self.stream,
            "version": self.version,
            "match_id": self.match_id,
            "key": list(self.key),
            "session": self.session,
            "user": self.user,
            "started_at": self.started,
            "matched_at": self.matched,
            "fired_at": self.fired,
            "events": [
                {"step": each.step, "id": each.id, "time": each.micros, "name": each.name}
                for each in self.events
            ],
        }


def match_table(matches: Iterable[Match]) -> pl.DataFrame:
    """Matches as the table that a backtest gives: columns of `MATCH_SCHEMA`."""
    import polars as pl

    from streamkit.matching import MATCH_SCHEMA

    rows = [match.to_row() for match in matches]
    return pl.DataFrame(
        {
            name: pl.Series(name, [row[name] for row in rows], dtype=dtype)
            for name, dtype in MATCH_SCHEMA.items()
        }
    )


def _time(micros: int) -> datetime:
    return time_value(micros) or EPOCH
