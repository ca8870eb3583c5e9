"""The queries of a catalogue: one over every column, two that read little beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from streamkit.events.asking import ask, ask_arrow
from streamkit.events.cataloguing.entries import (
    DISTINCT_BOUND,
    Catalog,
    EventEntry,
    PropertyEntry,
    share_bound,
)
from streamkit.events.cataloguing.walking import Tally, value_text, walk
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines, quote
from streamkit.events.types import Kind, ValueType
from streamkit.path import Path
from streamkit.times import EPOCH, from_microseconds, to_microseconds

if TYPE_CHECKING:
    from streamkit.events.history import History

__all__ = ["read_catalog"]

MOST_NAMES = 500
"""Events that are listed: more names than these are no names but values."""
MOST_ROWS = 50_000
"""Rows that are looked at one by one, over all events."""
ROWS_OF_EVENT = 2_000
"""Rows of one event that are looked at; an event that has no more is looked at whole."""
RARE = 3
"""How many times the rows that are looked at an event may have for all of it to be read."""
SEED = 1
LIMITS_READ = 100
"""How many limits of rows are read to fill that of each event: some events are less frequent."""
BLOCK = 2_048
"""Rows that lie together and are read or left together: what DuckDB reads at a time."""
NESTED = (Kind.STRUCT, Kind.MAP, Kind.LIST, Kind.JSON)
RANGED = (Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL, Kind.TIMESTAMP, Kind.DATE, Kind.TEXT)
DAY = 86_400_000_000


def read_catalog(
    history: History,
    *,
    now: datetime | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> Catalog:
    """Read what a history holds.

    Args:
        history: The history.
        now: The present; the clock's by default. A time more than a day after it is a broken
            clock's: the row counts, its time does not.
        connection: A connection made by it, for callers that watch it.
    """
    if connection is None:
        with history.connect() as made:
            return read_catalog(history, now=now, connection=made)
    latest = to_microseconds((now or datetime.now(UTC)) + timedelta(days=1))
    days = _days(history, connection, latest)
    rows = int(days["count"].sum())
    counts = days.group_by("name").agg(pl.col("count").sum()).sort("count", "name",
                                                                   descending=[True, False])  # fmt: skip
    names = counts["name"].head(MOST_NAMES).to_list()
    facts = _facts(history, connection, names, latest, has_more=counts.height > len(names))
    looked = _looked_at(history, connection, dict(counts.iter_rows()), names)
    per_day = _by_name(days)
    sampled = [name for name in names if len(looked[name]) < facts[name]["count"]]
    return Catalog(
        label=history.source.label,
        rows=rows,
        events=tuple(
            _entry(history, name, facts[name], per_day[name], looked[name]) for name in names
        ),
        other_names=counts.height - len(names),
        other_rows=int(counts["count"].slice(len(names)).sum()),
        friendly=history.friendly_names(),
        notes=(*history.notes, *_notes(history, len(sampled), len(names))),
    )


def _days(history: History, connection: duckdb.DuckDBPyConnection, latest: int) -> pl.DataFrame:
    """Rows by name and day."""
    values = RowValues(parameters := Parameters())
    name = history.text_sql(history.role("name"), values)
    time = history.time_sql(values)
    bound = parameters.bind(latest)
    day = f"CASE WHEN {time} <= {bound} THEN CAST(floor(({time}) / {DAY}.0) AS INTEGER) END"
    sql = (
        f"{history.steps_sql(values)}\nSELECT {name} AS name, {day} AS day, count(*) AS count\n"
        "FROM valued\nGROUP BY ALL"
    )
    return ask(connection, Query(sql, parameters.values))


def _by_name(days: pl.DataFrame) -> dict[str | None, dict[date, int]]:
    per_day: dict[str | None, dict[date, int]] = defaultdict(dict)
    for name, day, count in days.sort("day").iter_rows():
        if day is not None:
            per_day[name][EPOCH.date() + timedelta(days=day)] = count
    return per_day


def _facts(
    history: History,
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str | None],
    latest: int,
    *,
    has_more: bool,
) -> dict[str | None, dict[str, Any]]:
    """The query over every column: what all rows of an event tell."""
    values = RowValues(parameters := Parameters())
    name = history.text_sql(history.role("name"), values)
    time = history.time_sql(values)
    known = f"FILTER ({time} <= {parameters.bind(latest)})"
    items = [
        f"{name} AS name",
        "count(*) AS count",
        f"min({time}) {known} AS first",
        f"max({time}) {known} AS last",
    ]
    if history.schema.session is not None:
        session = history.text_sql(history.role("session"), values)
        items.append(f"approx_count_distinct({session}) AS sessions")
    for place, (column, type_) in enumerate(_scalars(history).items()):
        sql = values.column(history.bind(Path((column,))))
        items.append(f"count({sql}) AS filled_{place}")
        items.append(f"approx_count_distinct({sql}) AS distinct_{place}")
        if type_.kind in RANGED:
            of = f" FILTER (isfinite({sql}))" if type_.kind is Kind.DOUBLE else ""
            items += [
                f"{_shown_sql(f'{which}({sql}){of}', type_)} AS {which}_{place}"
                for which in ("min", "max")
            ]
    where = f"\nWHERE {name} IN (SELECT unnest({parameters.bind(list(names))}))" if has_more else ""
    sql = f"{history.steps_sql(values)}\nSELECT {join_lines(items)}\nFROM valued{where}\nGROUP BY 1"
    found = ask(connection, Query(sql, parameters.values))
    facts = {row["name"]: row for row in found.iter_rows(named=True)}
    empty: dict[str, Any] = dict.fromkeys(found.columns) | {"count": 0}
    return {each: facts.get(each, empty) for each in names}


def _shown_sql(sql: str, type_: ValueType) -> str:
    """The end of a range as a value that survives the way to Python."""
    match type_.kind:
        case Kind.TEXT:
            return f"left(CAST({sql} AS VARCHAR), 200)"
        case Kind.TIMESTAMP | Kind.DATE | Kind.DECIMAL:
            return f"CAST({sql} AS VARCHAR)"
        case Kind.INTEGER:
            return f"CAST({sql} AS VARCHAR)" if "HUGE" in type_.name else sql
    return sql


def _scalars(history: History) -> dict[str, ValueType]:
    """The columns whose values are no JSON, list, map or struct."""
    documents = {path.segments for path in map(Path.parse, history.schema.json)}
    return {
        name: type_
        for name, type_ in history.columns.items()
        if type_.kind not in (*NESTED, Kind.OTHER) and (name,) not in documents
    }


def _looked_at(
    history: History,
    connection: duckdb.DuckDBPyConnection,
    counts: Mapping[str | None, int],
    names: Sequence[str | None],
) -> dict[str | None, list[dict[str, Any]]]:
    """Rows to look at one by one: of a frequent event some blocks of rows, of others all."""
    limit = max(20, min(ROWS_OF_EVENT, MOST_ROWS // max(1, len(names))))
    wanted = limit * LIMITS_READ
    every = max(1, sum(counts.values()) // wanted)
    block = min(BLOCK, max(16, wanted // max(1, len(history.source.files))))
    blocks = f"({history.source.row} // {block}) % {every} = 0"
    looked = _read_rows(history, connection, blocks, limit, names)
    rare = [
        name
        for name in names
        if name is not None
        and len(looked[name]) < min(limit, counts[name])
        and counts[name] <= limit * RARE
    ]
    if rare:
        looked |= _read_rows(history, connection, None, limit, rare)
    return looked


def _read_rows(
    history: History,
    connection: duckdb.DuckDBPyConnection,
    block: str | None,
    limit: int,
    names: Sequence[str | None],
) -> dict[str | None, list[dict[str, Any]]]:
    """Up to so many rows of each event, as dictionaries by column.

    Args:
        history: The history.
        connection: A connection made by it.
        block: The condition that chooses rows by their place in a file; None for all rows of the names.
        limit: How many rows an event.
        names: The events.
    """
    values = RowValues(parameters := Parameters())
    name = history.text_sql(history.role("name"), values)
    columns = ", ".join(
        f"{_looked_sql(history, column, type_)} AS {quote(f'column_{number}')}"
        for number, (column, type_) in enumerate(history.columns.items())
    )
    condition = "true" if block else f"{name} IN ({', '.join(map(parameters.bind, names))})"
    sql = (
        f"{history.steps_sql(values, block or '')}\n"
        f"SELECT {name} AS name, _position AS position, {columns}\nFROM valued\nWHERE {condition}"
    )
    table = ask_arrow(connection, Query(sql, parameters.values))
    chosen = (
        pl.DataFrame({"name": table["name"], "position": table["position"]})
        .with_row_index("row")
        .sort(pl.col("position").hash(SEED))
        .group_by("name", maintain_order=True)
        .head(limit)
    )
    by_name: dict[str | None, list[dict[str, Any]]] = {each: [] for each in names}
    for row in table.take(chosen["row"].to_arrow()).to_pylist():
        if row["name"] in by_name:
            by_name[row["name"]].append(
                {column: row[f"column_{place}"] for place, column in enumerate(history.columns)}
            )
    return by_name


def _looked_sql(history: History, column: str, type_: ValueType) -> str:
    """A column's value on its way to Python; what Python could not hold goes as text."""
    sql = quote(history.bind(Path((column,))).sql_column or column)
    if type_.kind in (Kind.TIMESTAMP, Kind.DATE, Kind.OTHER) or "HUGE" in type_.name:
        return f"CAST({sql} AS VARCHAR)"
    return sql


def _entry(
    history: History,
    name: str | None,
    facts: Mapping[str, Any],
    per_day: Mapping[date, int],
    looked: Sequence[Mapping[str, Any]],
) -> EventEntry:
    is_complete = len(looked) >= facts["count"]
    properties: list[PropertyEntry] = []
    documents = {path.segments for path in map(Path.parse, history.schema.json)}
    scalars = {column: place for place, column in enumerate(_scalars(history))}
    for column, type_ in history.columns.items():
        tallies: dict[tuple[str, ...], Tally] = defaultdict(Tally)
        is_document = type_.kind is Kind.JSON or (column,) in documents
        for row in looked:
            if row[column] is not None:
                for segments, scalar in walk(row[column], type_, is_document).items():
                    tallies[segments].add(scalar)
        if column in scalars:
            found = _scalar_entry(column, type_, facts, scalars[column], tallies[()], is_complete)
            properties += [found] if found.filled else []
        else:
            properties += [
                tally.entry(Path((column, *segments)), len(looked), is_complete=is_complete)
                for segments, tally in sorted(tallies.items())
            ]
    return EventEntry(
        name=name,
        count=facts["count"],
        sessions=facts.get("sessions"),
        first=_time(facts["first"]),
        last=_time(facts["last"]),
        per_day=per_day,
        properties=tuple(properties),
        looked=len(looked),
    )


def _scalar_entry(
    column: str,
    type_: ValueType,
    facts: Mapping[str, Any],
    place: int,
    tally: Tally,
    is_complete: bool,
) -> PropertyEntry:
    """A column of plain values: counted over all rows, its top values from those looked at."""
    distinct = len(tally.values) if is_complete else facts[f"distinct_{place}"]
    return PropertyEntry(
        path=str(Path((column,))),
        type="text" if type_.kind is Kind.TEXT else type_.name,
        filled=facts[f"filled_{place}"] / facts["count"] if facts["count"] else 0.0,
        distinct=distinct or 0,
        top=tally.top(is_complete=is_complete),
        low=_range_end(facts.get(f"min_{place}")),
        high=_range_end(facts.get(f"max_{place}")),
        seen=tally.rows,
    )


def _range_end(value: Any) -> Any:
    return value_text(value) if isinstance(value, str) else value


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


def _notes(history: History, sampled: int, listed: int) -> list[str]:
    notes = []
    if sampled:
        notes.append(
            f"of {sampled} of {listed} events up to {ROWS_OF_EVENT:,} rows each were looked at for top"
            " values and for what JSON, structs, maps and lists hold: shares there are within"
            f" {100 * share_bound(ROWS_OF_EVENT):.1f} points at {ROWS_OF_EVENT:,} rows, and rare keys may be missing"
        )
        notes.append(
            f"numbers of sessions and of different values are estimates, within {100 * DISTINCT_BOUND:.0f} %"
        )
    if history.schema.sessionizer is not None:
        notes.append(
            "sessions are made from gaps when streams are matched; they are not counted here"
        )
    return notes
