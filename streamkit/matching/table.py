"""Firing events described: named, thinned by the cooldown, and put into tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl

from streamkit.matching.chains import Ints
from streamkit.matching.facts import Facts, ask_with
from streamkit.matching.firing import Firing
from streamkit.matching.frequency import kept_by_cooldown
from streamkit.matching.identity import compact, match_ids
from streamkit.matching.order import key_codes
from streamkit.matching.scan import ROLES, Scan
from streamkit.matching.sessions import is_proven, session_texts

__all__ = ["EVENT_TYPE", "MATCH_SCHEMA", "RUN_SCHEMA", "Description", "MatchTables", "describe"]

TIME = pl.Datetime("us", "UTC")
EVENT_TYPE = pl.Struct({"step": pl.Int32, "id": pl.String, "time": TIME, "name": pl.String})
MATCH_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "stream": pl.String,
    "version": pl.String,
    "match_id": pl.String,
    "key": pl.List(pl.String),
    "session": pl.String,
    "user": pl.String,
    "started_at": TIME,
    "matched_at": TIME,
    "fired_at": TIME,
    "events": pl.List(EVENT_TYPE),
}
MATCH_SCHEMA = pl.Schema(MATCH_COLUMNS)
"""Columns of a table of matches."""
RUN_SCHEMA = pl.Schema(
    {
        "first_row": pl.String,
        "first_rank": pl.Int64,
        "last_row": pl.String,
        "last_rank": pl.Int64,
        "cooldown_value": pl.String,
        "is_proven": pl.Boolean,
    }
)
"""What frequency and cooldown go by: the run's first and last row, each as its id or `[µs, name, k]`
with its place among the touching rows of its key and time, and the value the cooldown is counted
by. `is_proven` is false where a session made from gaps may have begun before the input."""


@dataclass(frozen=True, eq=False)
class MatchTables:
    """One stream's matches, described.

    Args:
        matches: A row a match, columns of `MATCH_SCHEMA`, in the order of `fired_at`, then of id.
        pending: The same for waits that were still open at the horizon.
        positions: Source positions of each match's events, shape (steps, matches).
        runs: Where frequency and cooldown are left to the caller: columns of `RUN_SCHEMA`, a row a
            match.
    """

    matches: pl.DataFrame
    pending: pl.DataFrame
    positions: Ints
    runs: pl.DataFrame | None = None


def describe(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    firings: Sequence[Firing],
    *,
    undecided: bool = False,
) -> list[Description]:
    """Look up what is told of firing events, and name them.

    Args:
        connection: Where the source can be scanned.
        scan: What was asked of it.
        firings: The firing events of each stream.
        undecided: Whether frequency and cooldown are left to the caller, and so told of as well.
    """
    if not firings:
        return []
    positions = [np.empty(0, np.int64)]
    named = [np.empty(0, np.int64)]
    for firing in firings:
        positions += [firing.events.ravel(), firing.starts if undecided else firing.starts[:0]]
        named += [firing.events[-1], firing.starts if undecided else firing.starts[:0]]
    facts = Facts(connection, scan, np.concatenate(positions), np.concatenate(named))
    descriptions = []
    twins: dict[tuple[str, ...], Ints] = {}
    for firing in firings:
        key = firing.plan.key
        if firing.twins is None and key not in twins:
            alike = [o for o in firings if o.plan.key == key and o.twins is None]
            asked = [(other.events[-1], other.times[-1]) for other in alike]
            if undecided:
                asked += [(other.starts, other.started_at) for other in alike]
            rows, times = (np.concatenate(column) for column in zip(*asked, strict=True))
            twins[key] = _earlier_twins(connection, scan, facts, key, rows, times)
        descriptions.append(
            Description(connection, firing, facts, twins.get(key), scan, undecided=undecided)
        )
    return descriptions


def _earlier_twins(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    facts: Facts,
    key: tuple[str, ...],
    positions: Ints,
    times: Ints,
) -> Ints:
    """For each row of `facts`: how many earlier rows of its key are its twins, 0 if it has an id.

    A twin has the same time and name, whatever else it has, so all rows of the input count, not
    only those that touch a stream.
    """
    nth = np.zeros(len(facts.positions), np.int64)
    positions, chosen = np.unique(positions, return_index=True)
    nameless = facts.of(positions, ["id"])["id"].is_null().to_numpy()
    positions, times = positions[nameless], times[chosen[nameless]]
    if len(positions):
        wanted = facts.of_lasts(positions).select(
            "name",
            *(pl.col(scan.part_fact(part)).alias(f"part_{n}") for n, part in enumerate(key)),
            pl.col("^sequence$"),
            position=positions,
            row=facts.places(positions),
            time=times,
        )
        counted = ask_with(connection, scan.earlier_twins(key), wanted)
        nth[counted["row"]] = counted["twins"].to_numpy()
    return nth


class Description:
    """One stream's firing events with their ids and what is told of them.

    Attributes:
        order: The firing events in the order of `fired_at`, then of match id.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        firing: Firing,
        facts: Facts,
        twins: Ints | None,
        scan: Scan,
        *,
        undecided: bool,
    ) -> None:
        self.firing = firing
        if firing.twins is not None:
            self.twins = firing.twins
        else:
            assert twins is not None
            ends = firing.events[-1]  # the first events are told of only where they are asked for
            outer = np.stack([firing.starts if undecided else ends, ends])
            self.twins = twins[facts.places(outer)]
        self.stream = firing.plan.stream
        self.sessionizer = scan.history.schema.sessionizer
        self.last = facts.of_lasts(firing.events[-1])
        self.session = self.last["session"]
        if self.sessionizer is not None:
            self.session = session_texts(self.session, firing.sessions)
        self.parts = [
            self.session
            if part == "session" and self.sessionizer is not None
            else self.last[scan.part_fact(part)]
            for part in firing.plan.key
        ]
        self._facts = facts
        self._scan = scan
        self._undecided = undecided
        self.ids = match_ids(
            connection,
            self.stream.name,
            self.parts,
            self.last.select("id", "name", time=firing.times[-1], nth=self.twins[1]),
        )
        self.order = _in_order(firing.fired_at, self.ids)

    def held_back(self) -> Ints:
        """The confirmed firing events that the stream's cooldown holds back."""
        confirmed = self.order[~self.firing.is_pending[self.order]]
        cooldown = self.stream.cooldown
        if cooldown is None:
            return confirmed[:0]
        codes = self._cooldown_codes(cooldown.by)[confirmed]
        fired_at = self.firing.fired_at[confirmed]
        held: Ints = confirmed[~kept_by_cooldown(codes, fired_at, cooldown.for_.microseconds)]
        return held

    def _cooldown_codes(self, by: str) -> Ints:
        """A number for each value that the cooldown is counted by, -1 for null."""
        if by == "key":
            return self.firing.keys
        values = self.cooldown_values(by)
        known = np.flatnonzero(values.is_not_null().to_numpy())
        codes = np.full(len(values), -1, np.int64)
        codes[known] = key_codes([values.gather(known)])
        return codes

    def tables(self, chosen: Ints, begin: int) -> MatchTables:
        """Some firing events as tables.

        Args:
            chosen: Which, in order.
            begin: The oldest time of the input, in microseconds.
        """
        is_pending = self.firing.is_pending[chosen]
        confirmed = chosen[~is_pending]
        return MatchTables(
            self._table(confirmed),
            self._table(chosen[is_pending]),
            self.firing.events[:, confirmed],
            self._runs(begin)[confirmed] if self._undecided else None,
        )

    def cooldown_values(self, by: str) -> pl.Series:
        """The values that a cooldown other than by key goes by."""
        if by == "session":
            return self.session
        return self.last[by if by in ROLES else f"cooldown_{self._scan.cooldowns.index(by)}"]

    def _table(self, chosen: Ints) -> pl.DataFrame:
        """The matches of some of the firing events, in their order."""
        firing = self.firing
        return (
            pl.DataFrame(
                {
                    "match_id": self.ids.gather(chosen),
                    "key": _keys([part.gather(chosen) for part in self.parts]),
                    "session": self.session.gather(chosen),
                    "user": self.last["user"].gather(chosen),
                    "started_at": firing.started_at[chosen],
                    "matched_at": firing.times[-1][chosen],
                    "fired_at": firing.fired_at[chosen],
                    "events": self._events(chosen),
                }
            )
            .select(
                pl.lit(self.stream.name).alias("stream"),
                pl.lit(self.stream.version).alias("version"),
                pl.all(),
            )
            .with_columns(pl.col("started_at", "matched_at", "fired_at").cast(TIME))
        )

    def _events(self, chosen: Ints) -> pl.Series:
        """For each run its events, as a column of lists."""
        events, times = self.firing.events[:, chosen].T, self.firing.times[:, chosen].T
        count, steps = events.shape
        structs = self._facts.of(events.ravel(), ["id", "name"]).select(
            pl.struct(
                pl.Series("step", np.tile(np.arange(steps, dtype=np.int32), count)),
                "id",
                pl.Series("time", times.ravel()).cast(TIME),
                "name",
            )
        )
        return _in_lists(structs.to_series(), steps)

    def _runs(self, begin: int) -> pl.DataFrame:
        """Columns of `RUN_SCHEMA` for each run."""
        cooldown, firing = self.stream.cooldown, self.firing
        ends = firing.events[-1]
        if cooldown is None:
            values: list[str | None] = [None] * len(ends)
        elif cooldown.by == "key":
            values = [compact(key) for key in zip(*self.parts, strict=True)]
        else:
            values = self.cooldown_values(cooldown.by).to_list()
        proven = np.ones(len(ends), bool)
        by_session = "session" in firing.plan.key or (cooldown and cooldown.by == "session")
        if self.sessionizer is not None and by_session:
            proven = is_proven(firing.sessions, self.sessionizer, begin)
        columns = {
            "first_row": self._row_names(firing.starts, firing.started_at, self.twins[0]),
            "first_rank": firing.ranks[0],
            "last_row": self._row_names(ends, firing.times[-1], self.twins[1]),
            "last_rank": firing.ranks[1],
            "cooldown_value": values,
            "is_proven": proven,
        }
        return pl.DataFrame(columns, schema=RUN_SCHEMA)

    def _row_names(self, rows: Ints, times: Ints, twins: Ints) -> list[str]:
        """What rows are known by inside their key: their id, or time, name and number."""
        told = self._facts.of(rows, ["id", "name"])
        return [
            compact([time, name, number] if event_id is None else [event_id])
            for event_id, time, name, number in zip(
                told["id"], times.tolist(), told["name"], twins.tolist(), strict=True
            )
        ]


def _in_order(fired_at: Ints, ids: pl.Series) -> Ints:
    """By time, and only where times are equal by id: most are not, and texts are slow to sort."""
    order = np.argsort(fired_at, kind="stable")
    same = np.diff(fired_at[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    rows = order[tied]
    ranks = ids.gather(rows).rank("ordinal").to_numpy()
    order[tied] = rows[np.lexsort((ranks, fired_at[rows]))]
    return order


def _keys(parts: Sequence[pl.Series]) -> pl.Series:
    """The parts of each key, as a column of lists."""
    count, width = len(parts[0]), len(parts)
    together = pl.concat([part.alias("key") for part in parts])
    return _in_lists(
        together.gather(np.arange(count * width).reshape(width, count).T.ravel()), width
    )


def _in_lists(values: pl.Series, length: int) -> pl.Series:
    """Values as a column of lists of one length."""
    return values.reshape((len(values) // length, length)).arr.to_list()
