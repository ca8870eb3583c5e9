"""Matches in a history: scan once, order each key once, one sequence pass per stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import duckdb
import numpy as np
import polars as pl

from streamkit.definition import Stream
from streamkit.events.history import History
from streamkit.events.schema import Sessionizer
from streamkit.events.sql import Query
from streamkit.events.values import FIRST_TIME, LAST_TIME
from streamkit.matching.binding import check_bindings
from streamkit.matching.buckets import Hashes
from streamkit.matching.census import Census, census_query, take_census
from streamkit.matching.facts import Facts
from streamkit.matching.firing import Stage, find_firings
from streamkit.matching.plan import StreamPlan, compile_streams
from streamkit.matching.reading import read_touching
from streamkit.matching.scan import Scan
from streamkit.matching.sessions import Sessions, read_sessions
from streamkit.matching.table import MatchTables, match_tables
from streamkit.matching.touching import Touching, any_flag
from streamkit.times import to_microseconds

__all__ = ["Census", "Found", "StreamMatches", "find_matches"]

DAY_AHEAD = timedelta(hours=24)
"""Times further ahead than this are a broken clock's, not an event's."""
ROWS_WITH_FACTS = 10_000_000
RARE = 0.25
"""Up to so many rows the scan brings at once what matches tell of them, and up to twice as many where
no more than this share of all rows touch a stream: a second look would read much for little. Where more
do, the rows that are in a match are read a second time."""


@dataclass(frozen=True, slots=True)
class StreamMatches:
    """One stream's part of what was found.

    Args:
        plan: The stream.
        tables: Its matches.
        funnel: For each step, then for the firing events: how far the keys came.
        lacking: Touching rows of the time range that lack a part of the key, by event name.
        duplicates: Touching rows of the time range that were dropped as duplicates.
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
        was_on_disk: Whether more rows touch the streams than memory should hold.
        begin: Rows before it were not read, because no match of the range depends on them, in
            microseconds; None if all were.
    """

    census: Census
    streams: tuple[StreamMatches, ...]
    unproven_sessions: int
    tied_rows: bool
    queries: Mapping[str, Query]
    was_on_disk: bool = False
    begin: int | None = None


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
    latest = to_microseconds(now + DAY_AHEAD)
    attempts = (
        _find(
            Scan(plan, history, until_us, latest, salt),
            connection,
            since_us,
            undecided=undecided,
            report=report,
        )
        for salt in count()
    )
    return next(found for found in attempts if found is not None)


def _find(
    scan: Scan,
    connection: duckdb.DuckDBPyConnection,
    since: int | None,
    *,
    undecided: bool,
    report: Callable[[str], None],
) -> Found | None:
    """What is found if numbers stand for texts as the scan makes them; None if two share one."""
    report("counting the rows")
    going_on = None if since is None else _matters_from(scan, since, undecided=undecided)
    counting = census_query(scan, going_on)
    census, share, is_exact = take_census(connection, scan, counting)
    if not is_exact:
        return None
    if since is not None and going_on is not None and since <= (census.horizon or 0):
        scan.begin = going_on if census.reach is None else min(census.reach, going_on)
    report("reading the events that touch a stream")
    if not census.skipped["future_time"]:
        scan.latest = LAST_TIME  # no row is later, so that what is read depends on no clock
    is_told = share * census.rows <= ROWS_WITH_FACTS * (2 if share <= RARE else 1)
    query = scan.touching(with_facts=is_told)
    sessionizer = scan.history.schema.sessionizer
    sessions = None if sessionizer is None else _sessions(connection, scan, sessionizer, census)
    touching = Touching(scan, census.rows, FIRST_TIME if since is None else since, sessions)
    read_touching(connection, touching, query, is_told=is_told)
    report("matching")
    firings = find_firings(touching, census.horizon or 0, since, undecided=undecided)
    was_on_disk = touching.is_on_disk
    touching.buckets.clear()  # what follows needs their memory
    report("describing the matches")
    positions = [touching.lacking_positions(), firings.repeats]
    for firing in firings.streams:
        positions += [firing.events.ravel(), firing.starts if undecided else firing.starts[:0]]
    named = [firing.events[-1] for firing in firings.streams]
    named += [firing.starts for firing in firings.streams if undecided]
    facts = Facts(connection, touching, np.concatenate(positions), np.concatenate(named))
    touching.facts.clear()
    if not _is_one_to_one(firings.repeated, facts.of(firings.repeats, ["id"])["id"]):
        return None
    tables = match_tables(
        connection, facts, touching, firings.streams, since, census.begin, undecided=undecided
    )
    return Found(
        _complete(census, touching, scan),
        tuple(
            StreamMatches(
                firing.plan,
                table,
                firing.funnel,
                _lacking(touching, firing.plan, facts),
                firing.duplicates,
            )
            for firing, table in zip(firings.streams, tables, strict=True)
        ),
        sessions.unproven(sessionizer, census.begin) if sessions and sessionizer else 0,
        firings.has_ties,
        {"census": counting, "touching": query},
        was_on_disk,
        scan.begin,
    )


def _matters_from(scan: Scan, since: int, *, undecided: bool) -> int | None:
    """What ends before it, in microseconds, cannot change a match of the range; None if it can.

    It cannot where all that a match depends on lies in its session.
    """
    if scan.history.schema.sessionizer is not None:
        return None
    for plan in scan.plan.streams:
        cooldown = None if undecided else plan.stream.cooldown
        if "session" not in plan.key or (cooldown and cooldown.by not in ("key", "session")):
            return None
    return since - max(plan.wait for plan in scan.plan.streams)


def _sessions(
    connection: duckdb.DuckDBPyConnection, scan: Scan, sessionizer: Sessionizer, census: Census
) -> Sessions:
    """The sessions of all events, from memory if they were made of them before."""
    made: Sessions = scan.history.kept.answer(
        scan.identity,
        (scan.of_users().text, sessionizer),
        lambda: read_sessions(connection, scan, sessionizer, census.rows),
        lambda sessions: 2 * sessions.starts.nbytes,
    )
    return made


def _is_one_to_one(numbers: Hashes, texts: pl.Series) -> bool:
    """Whether equal numbers stand for equal texts."""
    pairs = pl.DataFrame({"number": numbers, "text": texts})
    return pairs["number"].n_unique() == pairs.n_unique()


def _lacking(touching: Touching, plan: StreamPlan, facts: Facts) -> dict[str, int]:
    """Rows that touch a stream and lack a part of its key, by event name."""
    masks = touching.scan.masks(plan.flags)
    rows = [rows["position"][any_flag(rows, masks)] for rows in touching.lacking[plan.key]]
    names = facts.of(np.concatenate([np.empty(0, np.int64), *rows]), ["name"])["name"]
    counted = names.fill_null("").value_counts(name="rows")
    return dict(counted.sort(["rows", names.name], descending=[True, False]).iter_rows())


def _complete(census: Census, touching: Touching, scan: Scan) -> Census:
    """The census with what only the scan could count."""
    keys = dict(census.keys)
    if touching.sessions is not None and ("session",) in keys:
        keys[("session",)] = len(touching.sessions)
    missing = {
        "unreadable_json": touching.counts[scan.unreadable_flag],
        "failed_casts": touching.counts[scan.uncast_flag],
    }
    return replace(census, keys=keys, missing={k: v for k, v in missing.items() if v})
