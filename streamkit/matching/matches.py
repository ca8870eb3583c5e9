"""The matches of each stream: counted at once, described when somebody looks at them.

How many matches there are, when they fire and how long they took is known from numbers. Their ids
and texts cost more than all the rest, so they are looked up when first asked for. Only what a cooldown
or a caller decides by is told at once, and what lies where a change of it would not be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import duckdb
import numpy as np
import polars as pl

from streamkit.errors import EventsError
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.firing import Firing, Stage
from streamkit.matching.plan import StreamPlan
from streamkit.matching.scan import Scan
from streamkit.matching.table import MatchTables, describe

__all__ = ["StreamMatches", "choose_matches"]


class _Describer:
    """Describes the matches of streams, all together when the first is asked for.

    Args:
        scan: What was asked of the events.
        begin: The oldest time of the input, in microseconds.
    """

    def __init__(self, scan: Scan, begin: int) -> None:
        self._scan = scan
        self._begin = begin
        self._firings: list[Firing] = []

    def add(self, firing: Firing) -> int:
        """Take matches to describe; returns their place."""
        self._firings.append(firing)
        return len(self._firings) - 1

    @cached_property
    def tables(self) -> list[MatchTables]:
        """The tables of all the matches that were taken."""
        return self.described(self._firings)

    def described(self, firings: Sequence[Firing]) -> list[MatchTables]:
        """The tables of some matches.

        Raises:
            EventsError: The files have changed since they were matched.
        """
        history = self._scan.history
        if history.identity() != self._scan.identity:
            raise EventsError(
                f"{history.source.label} has changed since it was matched",
                code="events-changed",
                hint="run the backtest again",
            )
        with history.connect() as connection:
            told = describe(connection, self._scan, firings)
            return [each.tables(each.order, self._begin) for each in told]


@dataclass(frozen=True, eq=False)
class StreamMatches:
    """One stream's part of what was found.

    Args:
        plan: The stream.
        firing: Its matches and pendings, in no order.
        held_back: How many matches of the time range the cooldown held back.
        lacking: Touching rows of the time range that lack a part of the key, by event name.
    """

    plan: StreamPlan
    firing: Firing
    held_back: int
    describer: _Describer = field(repr=False)
    place: int | None = None
    told: MatchTables | None = None
    lacking: Mapping[str, int] = field(default_factory=dict)

    @property
    def tables(self) -> MatchTables:
        """The matches as tables; described when first asked for.

        Raises:
            EventsError: The files have changed since they were matched.
        """
        if self.told is not None:
            return self.told
        assert self.place is not None
        return self.describer.tables[self.place]

    def tables_of(self, chosen: Ints) -> MatchTables:
        """Some of the matches as tables, others left undescribed.

        Args:
            chosen: Which of them, by their place in the order of `fired_at`.
        """
        order = np.argsort(self.confirmed.fired_at, kind="stable")
        return self.describer.described([self.confirmed.only(order[chosen])])[0]

    @cached_property
    def confirmed(self) -> Firing:
        """The matches without those that are pending, in no order."""
        if not self.pending:
            return self.firing
        return self.firing.only(np.flatnonzero(~self.firing.is_pending))

    @property
    def count(self) -> int:
        """How many matches there are."""
        return len(self.firing.is_pending) - self.pending

    @property
    def pending(self) -> int:
        """How many waits were still open at the horizon."""
        return int(self.firing.is_pending.sum())

    @cached_property
    def matched_keys(self) -> int:
        """How many keys have a match."""
        return pl.Series(self.confirmed.keys).n_unique()

    @property
    def funnel(self) -> Sequence[Stage]:
        """For each step, then for the firing events: how far the keys came."""
        return self.firing.funnel

    @property
    def duplicates(self) -> int:
        """Touching rows of the time range that were dropped as duplicates."""
        return self.firing.duplicates


def choose_matches(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    firings: Sequence[Firing],
    since: int | None,
    begin: int,
    *,
    undecided: bool,
) -> list[StreamMatches]:
    """Choose the matches among the firing events that the frequency rule lets through.

    Args:
        connection: Where the source can be scanned.
        scan: What was asked of it.
        firings: The firing events of each stream.
        since: Only matches that fire at or after it, in microseconds.
        begin: The oldest time of the input, in microseconds.
        undecided: Whether the cooldown is left to the caller.
    """
    describer = _Describer(scan, begin)
    is_told = {
        place: undecided or scan.identity is None or firing.plan.stream.cooldown is not None
        for place, firing in enumerate(firings)
    }
    told = describe(
        connection,
        scan,
        [f for place, f in enumerate(firings) if is_told[place]],
        undecided=undecided,
    )
    descriptions = iter(told)
    matches = []
    for place, firing in enumerate(firings):
        if not is_told[place]:
            chosen = firing
            if since is not None:
                rows = np.arange(len(firing.fired_at))
                chosen = firing.only(rows[_in_range(firing, rows, since)])
            matches.append(StreamMatches(firing.plan, chosen, 0, describer, describer.add(chosen)))
            continue
        described = next(descriptions)
        held = np.empty(0, np.int64) if undecided else described.held_back()
        is_held = np.zeros(len(firing.starts), bool)
        is_held[held] = True
        order = described.order[~is_held[described.order]]
        order = order[_in_range(firing, order, since)]
        held_back = len(held) if since is None else int((firing.fired_at[held] >= since).sum())
        tables = described.tables(order, begin)
        matches.append(
            StreamMatches(firing.plan, firing.only(order), held_back, describer, told=tables)
        )
    return matches


def _in_range(firing: Firing, order: Ints, since: int | None) -> Bools:
    """Which firing events are told of: pendings, and what fires in the time range."""
    if since is None:
        return np.ones(len(order), bool)
    return firing.is_pending[order] | (firing.fired_at[order] >= since)
