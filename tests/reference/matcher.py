"""Brute force: every run is listed and every rule is checked on it as the contract words it.

Nothing here is clever, so that it can be believed. It is meant for histories of a few dozen rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.reference.criteria import meets_where
from tests.reference.values import (
    canonical_text,
    epoch_microseconds,
    microseconds,
    moment,
    read_json,
    resolve,
    time_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["Answer", "Match", "answer"]

DAY = microseconds("24h")


class MatchedEvent(NamedTuple):
    """The event of one positive step."""

    step: int
    id: str | None
    time: int
    name: str | None


@dataclass(frozen=True, order=True)
class Match:
    """A row of the table of matches; times are microseconds since the epoch.

    `run` holds the source positions of e1 … en, copies included. It explains a row and is not
    part of it.
    """

    stream: str
    match_id: str
    key: tuple[str, ...]
    session: str | None
    user: str | None
    started_at: int
    matched_at: int
    fired_at: int
    events: tuple[MatchedEvent, ...]
    run: tuple[int, ...] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Answer:
    """All matches, all pendings, and what was skipped.

    `skipped` counts rows by reason: `null_time`, `unparsable_time`, `future_time`.
    `without_key` counts, by stream, the rows of the time range that touch it and lack a part of its
    key, by event name; None from an engine that knows no time range.
    """

    matches: list[Match]
    pending: list[Match]
    skipped: dict[str, int]
    without_key: dict[str, dict[str | None, int]] | None


@dataclass(frozen=True, eq=False)
class Row:
    """An event whose time is known, its roles read."""

    position: int
    time: int
    sequence: float
    name: str | None
    session: str | None
    user: str | None
    id: str | None
    values: dict[str, Any]

    def read(self, path: str) -> Any:
        return resolve(path, self.values)


@dataclass(frozen=True)
class Exclude:
    """An exclude of the list of steps: how many copies stand before it, and which rows meet it."""

    place: int
    rows: list[int]
    lookback: float
    wait: int


@dataclass(frozen=True)
class Firing:
    """The tightest run of a firing event, and when it fires."""

    key: tuple[str, ...]
    match_id: str
    run: tuple[Row, ...]
    fired_at: int
    confirmed: bool


def answer(
    streams: list[dict[str, Any]],
    events: list[dict[str, Any]],
    schema: dict[str, Any],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Answer:
    """What the streams match in the events, which are in source order."""
    begin = -inf if since is None else moment(since)
    end = inf if until is None else moment(until)
    skipped: Counter[str] = Counter()
    rows = list(read_rows(events, schema, moment(now) + DAY, skipped, end))
    horizon = min(max((row.time for row in rows), default=-inf), end)
    rows = sorted(
        (row for row in rows if row.time < end),
        key=lambda row: (row.time, row.sequence, row.position),
    )
    if "sessionizer" in schema:
        rows = sessionized(rows, schema["sessionizer"])

    matches: list[Match] = []
    pending: list[Match] = []
    without_key: dict[str, dict[str | None, int]] = {}
    for stream in streams:
        keys: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
        lacking: Counter[str | None] = Counter()
        for row in rows:
            key = key_of(row, stream.get("per", "session"))
            if None not in key:
                keys[key].append(row)
            elif row.time >= begin and touches(row, stream):
                lacking[row.name] += 1
        dedupe = microseconds(schema.get("dedupe", "24h"))
        taken = [
            firing
            for key, of_key in keys.items()
            for firing in frequent(firings(stream, key, of_key, dedupe, horizon), stream)
        ]
        confirmed = cooled([one for one in taken if one.confirmed], stream.get("cooldown"))
        matches += [row_of(one, stream) for one in confirmed if begin <= one.fired_at < end]
        pending += [row_of(one, stream) for one in taken if not one.confirmed]
        without_key[stream["name"]] = dict(lacking)
    return Answer(sorted(matches), sorted(pending), dict(skipped), without_key)


# Reading


def read_rows(
    events: list[dict[str, Any]],
    schema: dict[str, Any],
    newest: int,
    skipped: Counter[str],
    end: float,
) -> Iterator[Row]:
    """The rows with a usable time; those at or after `end` are seen by the horizon only."""
    columns = {column for event in events for column in event}
    for position, event in enumerate(events):
        stated = event.get(schema["time"])
        if stated is None:
            skipped["null_time"] += 1
            continue
        if isinstance(stated, int):
            time = epoch_microseconds(stated, schema["time_unit"])
        else:
            time = moment(stated)
        if time is None:
            skipped["unparsable_time"] += 1
            continue
        if time > newest:
            if time < end:
                skipped["future_time"] += 1
            continue
        values = {column: event.get(column) for column in columns}
        values |= {column: read_json(values.get(column)) for column in schema.get("json", [])}
        sequence = event.get(schema.get("sequence"))
        yield Row(
            position=position,
            time=time,
            sequence=inf if sequence is None else sequence,
            name=event.get(schema["name"]),
            session=canonical_text(event.get(schema.get("session"))),
            user=canonical_text(event.get(schema.get("user"))),
            id=canonical_text(event.get(schema.get("id"))),
            values=values,
        )


def sessionized(rows: list[Row], rule: dict[str, Any]) -> list[Row]:
    """The rows with their sessions made from the gaps between a user's events."""
    started: dict[str, int] = {}
    previous: dict[str, int] = {}
    changed = []
    for row in rows:
        by = canonical_text(row.read(rule["by"]))
        if by is not None:
            if (
                by not in previous
                or row.time - previous[by] > microseconds(rule["inactivity"])
                or (rule.get("max") and row.time - started[by] > microseconds(rule["max"]))
            ):
                started[by] = row.time
            previous[by] = row.time
        session = None if by is None else f"{by}@{time_text(started[by])}"
        changed.append(Row(**{**vars(row), "session": session}))
    return changed


def key_of(row: Row, per: str | list[str]) -> tuple[str | None, ...]:
    return tuple(value_by(row, part) for part in ([per] if isinstance(per, str) else per))


def value_by(row: Row, part: str) -> str | None:
    roles = {"session": row.session, "user": row.user}
    return roles[part] if part in roles else canonical_text(row.read(part))


# Matching


def firings(
    stream: dict[str, Any], key: tuple[str, ...], of_key: list[Row], dedupe: int, horizon: float
) -> list[Firing]:
    """The firing events of one key in order, one for each match id."""
    rows = without_duplicates([row for row in of_key if touches(row, stream)], dedupe)
    copies, excludes = places(stream, rows)
    tightest: dict[int, tuple[int, ...]] = {}
    candidates = [
        [i for i, row in enumerate(rows) if meets_step(row, copy, stream)] for copy in copies
    ]
    for run in all_runs(candidates, len(rows)):
        if valid(run, rows, stream, copies, excludes):
            latest_first = run[::-1]
            tightest[run[-1]] = max(tightest.get(run[-1], latest_first), latest_first)
    waits = [exclude.wait for exclude in excludes if exclude.place == len(copies)]
    found: dict[str, Firing] = {}
    for _, latest_first in sorted(tightest.items()):
        run = tuple(rows[i] for i in latest_first[::-1])
        fired_at = run[-1].time + max(waits, default=0)
        match_id = identity(stream["name"], key, run[-1], of_key)
        found.setdefault(
            match_id, Firing(key, match_id, run, fired_at, not waits or horizon > fired_at)
        )
    return list(found.values())


def places(stream: dict[str, Any], rows: list[Row]) -> tuple[list[dict[str, Any]], list[Exclude]]:
    """The copies of the steps, and the excludes of the list of steps."""
    copies: list[dict[str, Any]] = []
    excluding: list[tuple[int, dict[str, Any]]] = []
    for item in stream["steps"]:
        if "exclude" in item:
            excluding.append((len(copies), item))
        else:
            copies += [item] * item.get("at_least", 1)
    excludes = []
    for place, item in excluding:
        wait = item.get("for", stream.get("within")) if place == len(copies) else None
        excludes.append(
            Exclude(
                place=place,
                rows=[i for i, row in enumerate(rows) if meets_pattern(row, item["exclude"])],
                lookback=microseconds(item["lookback"]) if "lookback" in item else inf,
                wait=microseconds(wait) if wait else 0,
            )
        )
    return copies, excludes


def all_runs(candidates: list[list[int]], size: int, after: int = -1) -> Iterator[tuple[int, ...]]:
    """Every way to take distinct rows of `size` in order, one for each copy."""
    if not candidates:
        yield ()
        return
    for i in candidates[0]:
        if after < i <= size - len(candidates):
            for rest in all_runs(candidates[1:], size, i):
                yield (i, *rest)


def valid(
    run: tuple[int, ...],
    rows: list[Row],
    stream: dict[str, Any],
    copies: list[dict[str, Any]],
    excludes: list[Exclude],
) -> bool:
    first, last = run[0], run[-1]
    window = stream.get("within", "unbounded")
    if window != "unbounded" and rows[last].time - rows[first].time > microseconds(window):
        return False
    for place in range(1, len(copies)):
        gap = rows[run[place]].time - rows[run[place - 1]].time
        if "within" in copies[place] and gap > microseconds(copies[place]["within"]):
            return False
    for exclude in excludes:
        for i in exclude.rows:
            if exclude.place == 0:
                begin = rows[first].time - exclude.lookback
                forbidden = i < first and rows[i].time >= begin
            elif exclude.place == len(copies):
                forbidden = i > last and rows[i].time <= rows[last].time + exclude.wait
            else:
                forbidden = run[exclude.place - 1] < i < run[exclude.place]
            if forbidden:
                return False
    return not any(
        meets_pattern(row, exclude)
        for exclude in stream.get("exclude", [])
        for row in rows[first + 1 : last]
    )


def touches(row: Row, stream: dict[str, Any]) -> bool:
    return any(
        meets_pattern(row, item["exclude"]) if "exclude" in item else meets_step(row, item, stream)
        for item in stream["steps"]
    ) or any(meets_pattern(row, exclude) for exclude in stream.get("exclude", []))


def meets_step(row: Row, step: dict[str, Any], stream: dict[str, Any]) -> bool:
    return meets_where(stream.get("where", {}), row.read) and meets_pattern(row, step)


def meets_pattern(row: Row, pattern: dict[str, Any]) -> bool:
    return any(
        ("event" not in one or one["event"] == row.name)
        and meets_where(one.get("where", {}), row.read)
        for one in pattern.get("any_of", [pattern])
    )


def without_duplicates(rows: list[Row], dedupe: int) -> list[Row]:
    kept: dict[str, int] = {}
    different = []
    for row in rows:
        if row.id is not None:
            if row.id in kept and row.time - kept[row.id] <= dedupe:
                continue
            kept[row.id] = row.time
        different.append(row)
    return different


def identity(name: str, key: tuple[str, ...], row: Row, of_key: list[Row]) -> str:
    if row.id is not None:
        parts = [name, list(key), row.id]
    else:
        earlier = of_key[: of_key.index(row)]
        same = sum((one.time, one.name) == (row.time, row.name) for one in earlier)
        parts = [name, list(key), row.time, row.name, same]
    text = dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:32]


# What is let through


def frequent(found: list[Firing], stream: dict[str, Any]) -> list[Firing]:
    taken: list[Firing] = []
    for one in found:
        start = one.run[0]
        match stream.get("frequency", "once"):
            case "once":
                free = not taken
            case "every":
                free = True
            case "per_start":
                free = all(start is not other.run[0] for other in taken)
            case "non_overlapping":
                free = not taken or order(start) > order(taken[-1].run[-1])
        if free:
            taken.append(one)
    return taken


def order(row: Row) -> tuple[int, float, int]:
    return row.time, row.sequence, row.position


def cooled(found: list[Firing], cooldown: dict[str, str] | None) -> list[Firing]:
    if cooldown is None:
        return found
    last: dict[Any, int] = {}
    kept = []
    for one in sorted(found, key=lambda one: (one.fired_at, one.match_id)):
        by = cooldown.get("by", "key")
        value = one.key if by == "key" else value_by(one.run[-1], by)
        if value is not None:
            if value in last and one.fired_at < last[value] + microseconds(cooldown["for"]):
                continue
            last[value] = one.fired_at
        kept.append(one)
    return kept


def row_of(one: Firing, stream: dict[str, Any]) -> Match:
    copies = [
        (number, copy)
        for number, step in enumerate(step for step in stream["steps"] if "exclude" not in step)
        for copy in range(step.get("at_least", 1))
    ]
    last_copies = {number: place for place, (number, _) in enumerate(copies)}
    run = one.run
    return Match(
        stream=stream["name"],
        match_id=one.match_id,
        key=one.key,
        session=run[-1].session,
        user=run[-1].user,
        started_at=run[0].time,
        matched_at=run[-1].time,
        fired_at=one.fired_at,
        events=tuple(
            MatchedEvent(step, run[place].id, run[place].time, run[place].name)
            for step, place in last_copies.items()
        ),
        run=tuple(row.position for row in run),
    )
