"""Matches in a history: scan once, order each key once, one sequence pass per stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import duckdb
import numpy as np

from streamkit.definition import Stream
from streamkit.events.history import History
from streamkit.events.sql import Query
from streamkit.events.values import FIRST_TIME, LAST_TIME
from streamkit.matching.asked import words_of
from streamkit.matching.binding import check_bindings
from streamkit.matching.census import Census, census_query, check_times, take_census
from streamkit.matching.facts import Facts
from streamkit.matching.firing import find_firings
from streamkit.matching.matches import StreamMatches, choose_matches
from streamkit.matching.numbering import SharedNumberError
from streamkit.matching.plain_rows import PlainRows, units_of
from streamkit.matching.plan import StreamPlan, compile_streams
from streamkit.matching.reading import read_rows
from streamkit.matching.scan import Scan
from streamkit.matching.text_flags import ManyTextsError
from streamkit.matching.touching import Touching, any_flag
from streamkit.times import to_microseconds

__all__ = ["Census", "Found", "StreamMatches", "find_matches"]

DAY_AHEAD = timedelta(hours=24)
"""Times further ahead than this are a broken clock's, not an event's."""


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that one pass over a history found.

    Args:
        census: What all rows tell.
        streams: The matches of each stream, in the order the streams were given.
        unproven_sessions: Sessions made from gaps that may have begun before the input does.
        tied_rows: Whether rows with equal time met in an input that has no order of its own.
        queries: What was asked, as queries, by what they are for.
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
    salt, by_row = 0, frozenset[str]()
    while True:
        scan = Scan(plan, history, until_us, latest, salt, by_row)
        try:
            return _find(scan, connection, since_us, undecided=undecided, report=report)
        except SharedNumberError:
            salt += 1
        except ManyTextsError as error:
            by_row |= {error.column}


def _find(
    scan: Scan,
    connection: duckdb.DuckDBPyConnection,
    since: int | None,
    *,
    undecided: bool,
    report: Callable[[str], None],
) -> Found:
    """What is found.

    Raises:
        SharedNumberError: With this salt two texts share a number.
        ManyTextsError: A column's rows must be asked.
    """
    plain = PlainRows.of(scan)
    is_counted = plain is None or since is not None or scan.until is not None
    counting = census_query(scan, going_on := _matters_from(scan, since, undecided=undecided))
    census = None
    if is_counted:
        report("counting the rows")
        census = take_census(connection, scan, counting)
        if since is not None and going_on is not None and since <= (census.horizon or 0):
            scan.begin = going_on if census.reach is None else min(census.reach, going_on)
        if not census.skipped["future_time"]:
            scan.latest = LAST_TIME  # no row is later, so that what is read depends on no clock
    report("reading the events that touch a stream")
    if plain is not None and not any(units_of(scan)):
        plain = None  # no file holds anything of the range: a query tells what nothing looks like
    touching = Touching(scan, FIRST_TIME if since is None else since)
    census = read_rows(connection, touching, plain, census)
    check_times(census, scan)
    report("matching")
    firings = find_firings(touching, census.horizon or 0, since, undecided=undecided)
    touching.pieces.clear()  # what follows needs their memory
    report("describing the matches")
    matches = choose_matches(
        connection, scan, firings.streams, since, census.begin, undecided=undecided
    )
    return Found(
        _complete(census, touching, scan),
        tuple(replace(each, lacking=_lacking(connection, touching, each.plan)) for each in matches),
        _unproven(touching, census.begin),
        firings.has_ties,
        {"census": counting, "touching": scan.lasting()}
        | ({"flags": scan.asked()} if scan.questions.names() else {}),
        touching.is_on_disk,
        scan.begin,
    )


def _matters_from(scan: Scan, since: int | None, *, undecided: bool) -> int | None:
    """What ends before it, in microseconds, cannot change a match of the range; None if it can.

    It cannot where all that a match depends on lies in its session.
    """
    if since is None or scan.history.schema.sessionizer is not None:
        return None
    for plan in scan.plan.streams:
        cooldown = None if undecided else plan.stream.cooldown
        if "session" not in plan.key or (cooldown and cooldown.by not in ("key", "session")):
            return None
    return since - max(plan.wait for plan in scan.plan.streams)


def _unproven(touching: Touching, begin: int) -> int:
    """How many of the sessions made from gaps may have begun before the input does."""
    sessionizer = touching.scan.history.schema.sessionizer
    if sessionizer is None or touching.sessions is None:
        return 0
    return touching.sessions.unproven(sessionizer, begin)


def _lacking(
    connection: duckdb.DuckDBPyConnection, touching: Touching, plan: StreamPlan
) -> dict[str, int]:
    """Rows that touch a stream and lack a part of its key, by event name."""
    scan = touching.scan
    masks = scan.questions.masks(plan.flags)
    lacking = [
        {name: column[any_flag(words_of(rows, scan), masks)] for name, column in rows.items()}
        for rows in touching.lacking[plan.key]
    ]
    if scan.is_named:
        numbers = np.concatenate([np.empty(0, np.int64), *(rows["name"] for rows in lacking)])
        counts = np.bincount(numbers.astype(np.int64), minlength=len(scan.questions.numbered_names))
        names = [
            (name or "", int(count))
            for name, count in zip(scan.questions.numbered_names, counts, strict=True)
            if count
        ]
    else:
        positions = np.concatenate([np.empty(0, np.int64), *(r["position"] for r in lacking)])
        told = Facts(connection, scan, positions, positions[:0]).of(positions, ["name"])["name"]
        names = list(told.fill_null("").value_counts().iter_rows())
    return dict(sorted(names, key=lambda counted: (-counted[1], counted[0])))


def _complete(census: Census, touching: Touching, scan: Scan) -> Census:
    """The census with what only the scan could count."""
    keys = dict(census.keys)
    if touching.sessions is not None and ("session",) in keys:
        keys[("session",)] = len(touching.sessions)
    missing = {
        "unreadable_json": touching.counts[scan.questions.unreadable_flag],
        "failed_casts": touching.counts[scan.questions.uncast_flag],
    }
    return replace(census, keys=keys, missing={k: v for k, v in missing.items() if v})
