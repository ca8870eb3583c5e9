"""Firing events as tables of matches: described, named, and thinned by the cooldown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from streamkit.events.asking import ask
from streamkit.events.sql import Query
from streamkit.matching.chains import Ints
from streamkit.matching.frequency import kept_by_cooldown
from streamkit.matching.identity import compact, match_id
from streamkit.matching.order import key_codes
from streamkit.matching.scan import ROLES, Scan
from streamkit.matching.touching import Firing, Touching

__all__ = ["EVENT_TYPE", "MATCH_SCHEMA", "RUN_SCHEMA", "MatchTables", "match_tables"]

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
    """One stream's matches.

    Args:
        matches: A row a match, columns of `MATCH_SCHEMA`, in the order of `fired_at`.
        pending: The same for waits that were still open at the horizon.
        positions: Source positions of each match's events, shape (steps, matches).
        held_back: How many matches the cooldown held back.
        runs: Where frequency and cooldown are left to the caller: columns of `RUN_SCHEMA`, a row a
            match.
    """

    matches: pl.DataFrame
    pending: pl.DataFrame
    positions: Ints
    held_back: int
    runs: pl.DataFrame | None = None


class _Facts:
    """What a match tells of its events: name, id, session, user, cooldown values."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        scan: Scan,
        touching: Touching,
        firings: Sequence[Firing],
        *,
        with_starts: bool,
    ) -> None:
        is_told = np.zeros(len(touching.frame), bool)
        for firing in firings:
            is_told[firing.events.ravel()] = True
            if with_starts:
                is_told[firing.starts] = True
        self.rows: Ints = np.flatnonzero(is_told)
        rules = (firing.plan.stream.cooldown for firing in firings)
        self.cooldowns = sorted(
            {rule.by for rule in rules if rule and rule.by not in ("key", *ROLES)}
        )
        positions = touching.frame["position"].gather(self.rows)
        wanted = pl.DataFrame({"position": positions})
        described = _ask(connection, scan.described(self.cooldowns), wanted).sort("position")
        in_order = np.searchsorted(described["position"].to_numpy(), positions.to_numpy())
        self.frame = described[in_order].with_columns(
            pl.Series("row", self.rows), touching.frame["time"].gather(self.rows)
        )
        if touching.sessions is not None:
            self.frame = self.frame.with_columns(touching.sessions.values(self.rows))

    def of(self, rows: Ints) -> pl.DataFrame:
        """The facts of some rows, in their order."""
        facts: pl.DataFrame = self.frame[np.searchsorted(self.rows, rows)]
        return facts

    def cooldown(self, by: str, rows: Ints) -> pl.Series:
        """The values that a cooldown other than by key goes by."""
        column = by if by in ROLES else f"cooldown_{self.cooldowns.index(by)}"
        return self.of(rows)[column]


def match_tables(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    touching: Touching,
    firings: Sequence[Firing],
    since: int | None,
    *,
    undecided: bool = False,
) -> list[MatchTables]:
    """Describe firing events, give matches their ids and apply the cooldown.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        touching: What the scan brought.
        firings: The firing events of each stream.
        since: Only matches that fire at or after it, in microseconds.
        undecided: Whether the cooldown is left to the caller.
    """
    facts = _Facts(connection, scan, touching, firings, with_starts=undecided)
    tables = []
    twins: dict[tuple[str, ...], Ints] = {}
    for firing in firings:
        key = firing.plan.key
        if key not in twins:
            alike = [other for other in firings if other.plan.key == key]
            named = [other.events[-1] for other in alike]
            if undecided:
                named += [other.starts for other in alike]
            twins[key] = _earlier_twins(
                connection, scan, touching, facts, key, np.concatenate(named)
            )
        tables.append(_tables(touching, firing, facts, twins[key], since, undecided=undecided))
    return tables


def _ask(connection: duckdb.DuckDBPyConnection, query: Query, wanted: pl.DataFrame) -> pl.DataFrame:
    """Ask a query that joins a table of wanted rows."""
    connection.register("wanted", wanted.to_arrow())
    try:
        return ask(connection, query)
    finally:
        connection.unregister("wanted")


def _earlier_twins(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    touching: Touching,
    facts: _Facts,
    key: tuple[str, ...],
    ends: Ints,
) -> Ints:
    """For each row of `facts`: how many earlier rows of its key are its twins, 0 if it has an id.

    A twin has the same time and name, whatever else it has, so all rows of the input count, not
    only those that touch a stream.
    """
    nth = np.zeros(len(facts.rows), np.int64)
    ends = np.unique(ends)
    ends = ends[facts.of(ends)["id"].is_null().to_numpy()]
    if len(ends):
        wanted = facts.of(ends).select("row", "position", "time", "name")
        wanted = wanted.with_columns(
            touching.frame[f"part_{scan.parts.index(part)}"].gather(ends).alias(f"part_{place}")
            for place, part in enumerate(key)
        )
        if "sequence" in touching.frame.columns:
            wanted = wanted.with_columns(touching.frame["sequence"].gather(ends))
        counted = _ask(connection, scan.earlier_twins(key), wanted)
        nth[np.searchsorted(facts.rows, counted["row"])] = counted["twins"].to_numpy()
    return nth


def _tables(
    touching: Touching,
    firing: Firing,
    facts: _Facts,
    twins: Ints,
    since: int | None,
    *,
    undecided: bool,
) -> MatchTables:
    stream, ends = firing.plan.stream, firing.events[-1]
    nth = twins[np.searchsorted(facts.rows, ends)]
    last = facts.of(ends)
    parts = [touching.key_part(part, ends) for part in firing.plan.key]
    ids = [
        match_id(stream.name, key, event_id, time=time, name=name, nth=twins)
        for *key, event_id, time, name, twins in zip(
            *parts, last["id"], last["time"], last["name"], nth.tolist(), strict=True
        )
    ]
    table = (
        pl.DataFrame(
            {
                "match_id": pl.Series(ids, dtype=pl.String),
                "key": _keys(parts),
                "session": last["session"],
                "user": last["user"],
                "started_at": touching.frame["time"].gather(firing.starts),
                "matched_at": last["time"],
                "fired_at": firing.fired_at,
                "events": _events(facts, firing.events),
            }
        )
        .select(
            pl.lit(stream.name).alias("stream"),
            pl.lit(stream.version).alias("version"),
            pl.all(),
        )
        .with_columns(pl.col("started_at", "matched_at", "fired_at").cast(TIME))
    )
    order = np.lexsort((table["match_id"].rank("ordinal").to_numpy(), firing.fired_at))
    pending = order[firing.is_pending[order]]
    confirmed = order[~firing.is_pending[order]]
    held_back = 0
    if stream.cooldown is not None and not undecided:
        codes = _cooldown_codes(stream.cooldown.by, parts, facts, ends)[confirmed]
        length = stream.cooldown.for_.microseconds
        kept = kept_by_cooldown(codes, firing.fired_at[confirmed], length)
        held_back = int((~kept).sum())
        confirmed = confirmed[kept]
    if since is not None:
        confirmed = confirmed[firing.fired_at[confirmed] >= since]
    positions = touching.frame["position"].to_numpy()[firing.events[:, confirmed]]
    runs = _runs(touching, firing, facts, twins, parts)[confirmed] if undecided else None
    return MatchTables(table[confirmed], table[pending], positions, held_back, runs)


def _runs(
    touching: Touching, firing: Firing, facts: _Facts, twins: Ints, parts: Sequence[pl.Series]
) -> pl.DataFrame:
    """Columns of `RUN_SCHEMA` for each run."""
    cooldown, ends = firing.plan.stream.cooldown, firing.events[-1]
    if cooldown is None:
        values: list[str | None] = [None] * len(ends)
    elif cooldown.by == "key":
        values = [compact(key) for key in zip(*parts, strict=True)]
    else:
        values = facts.cooldown(cooldown.by, ends).to_list()
    proven = np.ones(len(ends), bool)
    by_session = "session" in firing.plan.key or (cooldown is not None and cooldown.by == "session")
    if touching.sessions is not None and by_session:
        proven = touching.sessions.is_proven[ends]
    columns = {
        "first_row": _row_names(facts, firing.starts, twins),
        "first_rank": firing.ranks[0],
        "last_row": _row_names(facts, ends, twins),
        "last_rank": firing.ranks[1],
        "cooldown_value": values,
        "is_proven": proven,
    }
    return pl.DataFrame(columns, schema=RUN_SCHEMA)


def _row_names(facts: _Facts, rows: Ints, twins: Ints) -> list[str]:
    """What rows are known by inside their key: their id, or time, name and number."""
    told, nth = facts.of(rows), twins[np.searchsorted(facts.rows, rows)].tolist()
    return [
        compact([time, name, number] if event_id is None else [event_id])
        for event_id, time, name, number in zip(
            told["id"], told["time"], told["name"], nth, strict=True
        )
    ]


def _events(facts: _Facts, events: Ints) -> pl.Series:
    """For each run its events, as a column of lists.

    Args:
        facts: What is told of an event.
        events: Row of each step's event, shape (steps, runs).
    """
    steps, runs = events.shape
    told = facts.of(events.T.ravel())
    structs = told.select(
        pl.struct(
            pl.Series("step", np.tile(np.arange(steps, dtype=np.int32), runs)),
            "id",
            pl.col("time").cast(TIME),
            "name",
        )
    ).to_series()
    return _in_lists(structs, steps)


def _keys(parts: Sequence[pl.Series]) -> pl.Series:
    """The parts of each key, as a column of lists."""
    count, width = len(parts[0]), len(parts)
    together = pl.concat([part.alias("key") for part in parts])
    return _in_lists(
        together.gather(np.arange(count * width).reshape(width, count).T.ravel()), width
    )


def _in_lists(values: pl.Series, length: int) -> pl.Series:
    """Values as a column of lists of one length."""
    offsets = pa.array(np.arange(0, len(values) + 1, length), pa.int64())
    lists = pa.LargeListArray.from_arrays(offsets, values.to_arrow())
    return pl.Series(pl.from_arrow(lists))


def _cooldown_codes(by: str, parts: Sequence[pl.Series], facts: _Facts, ends: Ints) -> Ints:
    """A number for each value that the cooldown is counted by, -1 for null."""
    if by == "key":
        return key_codes(parts)
    values = facts.cooldown(by, ends)
    known = np.flatnonzero(values.is_not_null().to_numpy())
    codes = np.full(len(values), -1, np.int64)
    codes[known] = key_codes([values.gather(known)])
    return codes
