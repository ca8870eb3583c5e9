"""Matches in a history: scan once, order each key once, one sequence pass per stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import duckdb

from streamkit.definition import Stream
from streamkit.errors import EventsError
from streamkit.events.asking import ask
from streamkit.events.history import History
from streamkit.events.sql import Query
from streamkit.matching.binding import check_bindings
from streamkit.matching.plan import StreamPlan, compile_streams
from streamkit.matching.scan import Scan
from streamkit.matching.table import MatchTables, match_tables
from streamkit.matching.touching import Stage, Touching
from streamkit.times import to_microseconds

__all__ = ["Census", "Found", "StreamMatches", "find_matches"]

DAY_AHEAD = timedelta(hours=24)
"""Times further ahead than this are a broken clock's, not an event's."""


@dataclass(frozen=True, slots=True)
class Census:
    """What all rows of the input tell.

    Args:
        rows: How many there are.
        skipped: Rows that take no part, by reason.
        horizon: How far time is known, in microseconds; None where no time is.
        begin: The oldest time, in microseconds.
        keys: The keys seen, by the parts of the key.
        missing: Values that count as missing, by reason, in the rows a stream looked into.
    """

    rows: int
    skipped: Mapping[str, int]
    horizon: int | None
    begin: int
    keys: Mapping[tuple[str, ...], int]
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamMatches:
    """One stream's part of what was found.

    Args:
        plan: The stream.
        tables: Its matches.
        funnel: For each step, then for the firing events: how far the keys came.
        lacking: Touching rows that lack a part of the key, by event name.
        duplicates: Touching rows that were dropped as duplicates.
    """

    plan: StreamPlan
    tables: MatchTables
    funnel: Sequence[Stage]
    lacking: Mapping[str, int]
    duplicates: int


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that one pass over a history found.

    Args:
        census: What all rows tell.
        streams: The matches of each stream, in the order the streams were given.
        unproven_sessions: Sessions made from gaps that may have begun before the input does.
        tied_rows: Whether rows with equal time met in an input that has no order of its own.
        queries: The queries that were asked, by what they are for.
    """

    census: Census
    streams: tuple[StreamMatches, ...]
    unproven_sessions: int
    tied_rows: bool
    queries: Mapping[str, Query]


def find_matches(
    streams: Sequence[Stream],
    history: History,
    connection: duckdb.DuckDBPyConnection,
    *,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
    undecided: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Found:
    """Find all matches of all streams.

    Args:
        streams: The definitions.
        history: The events.
        connection: A connection made by the history.
        since: Only matches that fire at or after it.
        until: Only events before it, and matches that fire before it.
        now: The present: times more than a day after it are skipped.
        undecided: Whether frequency and cooldown are left to the caller: `matches` are then all
            confirmed firing events, and `runs` holds what these rules go by.
        report: Told what is being done, when it begins.

    Raises:
        EventsError: A path or role that the events do not have.
    """
    check_bindings(streams, history)
    plan = compile_streams(streams)
    until_us = None if until is None else to_microseconds(until)
    since_us = None if since is None else to_microseconds(since)
    scan = Scan(plan, history, until_us, to_microseconds(now + DAY_AHEAD))
    report("counting the rows")
    counted = _census(connection, scan, until_us)
    if counted.rows and counted.skipped["unparsable_time"] == counted.rows:
        raise EventsError(
            f"no row has a time that can be read in {history.schema.time!r}",
            code="unparsable-time",
            path="schema.time",
            hint="times are timestamps, RFC 3339 text, or integers with a time_unit",
        )
    horizon = counted.horizon if counted.horizon is not None else 0
    report("reading the events that touch a stream")
    query = scan.touching()
    touching = Touching(ask(connection, query), scan, counted.begin)
    firings = []
    for stream in plan.streams:
        report(f"matching {stream.stream.name}")
        firings.append(touching.firing(stream, horizon, since_us, undecided=undecided))
    report("describing the matches")
    tables = match_tables(connection, scan, touching, firings, since_us, undecided=undecided)
    return Found(
        _complete(counted, touching, scan),
        tuple(
            StreamMatches(
                firing.plan,
                table,
                firing.funnel,
                touching.lacking(firing.plan),
                firing.duplicates,
            )
            for firing, table in zip(firings, tables, strict=True)
        ),
        touching.sessions.unproven if touching.sessions else 0,
        not history.source.is_ordered and touching.has_ties(),
        {"census": scan.census(), "touching": query},
    )


def _census(connection: duckdb.DuckDBPyConnection, scan: Scan, until: int | None) -> Census:
    query = scan.census()
    counts = ask(connection, query).row(0)
    rows, timeless, unparsable, future, newest, oldest, null_key, *keys = counts
    return Census(
        rows=rows,
        skipped={
            "null_key": null_key,
            "null_time": timeless,
            "unparsable_time": unparsable,
            "future_time": future,
        },
        horizon=newest if until is None or newest is None else min(until, newest),
        begin=oldest or 0,
        keys=dict(zip(scan.keys, keys, strict=True)),
    )


def _complete(census: Census, touching: Touching, scan: Scan) -> Census:
    """The census with what only the scan could count."""
    keys = dict(census.keys)
    if touching.sessions is not None and ("session",) in keys:
        keys[("session",)] = touching.sessions.count
    missing = {
        "unreadable_json": touching.count(scan.unreadable_flag),
        "failed_casts": touching.count(scan.uncast_flag),
    }
    return replace(census, keys=keys, missing={k: v for k, v in missing.items() if v})
