"""What a matcher knows, as plain data, and back.

`pack_common` is what is small, whatever the number of keys; the rest is packed by those who keep
it: as a whole by `snapshots`, as what changed by `changes`. `restore` takes both back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from streamkit.errors import EventsError
from streamkit.running.duplicates import SeenIds
from streamkit.running.generations import Generations
from streamkit.running.packing import (
    Events,
    pack_key,
    pack_order,
    unpack_key,
    unpack_order,
    unpack_state,
)
from streamkit.running.sessions import Session
from streamkit.running.stream_state import StreamState

if TYPE_CHECKING:
    from streamkit.running.matcher import Matcher

__all__ = ["pack_common", "pack_held", "pack_seen", "restore"]


def pack_common(matcher: Matcher) -> dict[str, Any]:
    """All but keys, sessions, ids and held events."""
    intake, decider, tallies = matcher.intake, matcher.decider, matcher.tallies
    twins, sessions = decider.twins, decider.sessions
    twins.count()
    return {
        "schema": _schema(matcher),
        "questions": [repr(question) for question in intake.plan.flags.questions],
        "facts": list(intake.facts),
        "keys": [list(key) for key in decider.keys],
        "streams": [
            {
                "name": stream.plan.stream.name,
                "version": stream.plan.stream.version,
                "key": list(stream.plan.key),
                "counts": [stream.matched, stream.held_back, stream.dropped, stream.forgotten],
            }
            for stream in decider.streams
        ],
        "clock": [intake.newest, intake.oldest, intake.watermark, intake.arrivals, decider.ordinal],
        "last": None if decider.last is None else [pack_order(each) for each in decider.last],
        "twins": [
            twins.time,
            sorted(
                ([k, pack_key(key), name, n] for (k, key, name), n in twins.counts.items()),
                key=repr,
            ),
        ],
        "session_counts": None if sessions is None else [sessions.count, sessions.unproven],
        "lacking": sorted(
            ([streams, name, count] for (streams, name), count in decider.lacking.items()),
            key=repr,
        ),
        "tallies": [
            tallies.events,
            tallies.decided,
            tallies.late,
            tallies.duplicates,
            tallies.wall_clock_firings,
            sorted(tallies.skipped.items()),
            intake.faults.unreadable_json,
            intake.faults.failed_casts,
        ],
    }


def _schema(matcher: Matcher) -> Any:
    """The schema and the columns' types: what keys and flags depend on."""
    types = matcher.types
    columns = None
    if types.columns is not None:
        columns = {name: type_.name for name, type_ in sorted(types.columns.items())}
    return json.loads(json.dumps([types.schema.to_dict(), columns], sort_keys=True))


def pack_held(held: Iterable[Any]) -> list[Any]:
    """An event that is not decided."""
    time, sequence, position, *rest, values = held
    packed = [time, pack_order(sequence), pack_order(position), *rest]
    return packed if values is None else [*packed, values]


def pack_seen(seen: SeenIds) -> list[Any]:
    """The ids that were seen in keys of one kind: for each id its keys, times and streams.

    As a list between when it began and what is older, which this version does not tell apart.
    """
    found: dict[str, list[Any]] = {}
    for key, event_id, time, streams in seen.entries():
        found.setdefault(event_id, []).append([pack_key(key), time, streams])
    return [None, sorted([event_id, sorted(e, key=repr)] for event_id, e in found.items()), []]


def restore(matcher: Matcher, data: dict[str, Any]) -> tuple[str, ...]:
    """Let a new matcher know what was packed; what does not go on, in sentences.

    Raises:
        EventsError: The matcher is not new, or has another schema.
    """
    if matcher.tallies.events:
        raise EventsError("the matcher has seen events already", code="not-new",
                          hint="restore into a new Matcher")  # fmt: skip
    if data["schema"] != _schema(matcher):
        raise EventsError(
            "the state is of a matcher with another schema",
            code="other-schema",
            hint="keys and times would not mean the same: begin without it",
        )
    notes = _read_streams(matcher, data)
    _read_clock(matcher, data)
    _read_held(matcher, data)
    _read_seen(matcher, data)
    return notes


def _read_streams(matcher: Matcher, data: dict[str, Any]) -> tuple[str, ...]:
    known = {packed["name"]: packed for packed in data["streams"]}
    notes = []
    for stream in matcher.decider.streams:
        name = stream.plan.stream.name
        packed = known.pop(name, None)
        if packed is None:
            notes.append(f"{name!r} is new and begins afresh")
        elif packed["version"] != stream.plan.stream.version:
            notes.append(
                f"{name!r} was changed and begins afresh: {_dropped(packed)} of version"
                f" {packed['version']} are dropped"
            )
        else:
            _read_stream(stream, packed)
    notes += [f"{name!r} is gone: {_dropped(packed)} are dropped" for name, packed in known.items()]
    return tuple(notes)


def _dropped(packed: dict[str, Any]) -> str:
    keys = len(packed["states"]) + packed.get("resting", 0)
    return f"{keys:,} keys and {len(packed['waits']):,} waits"


def _read_stream(stream: StreamState, packed: dict[str, Any]) -> None:
    events = Events(packed["name"], packed["events"])
    for packed_key, state in packed["states"]:
        key = unpack_key(packed_key)
        stream.put_back(key, unpack_state(stream, key, state, events))
    stream.wait_again()
    if stream.cooldown is not None:
        _unpack_generations(stream.cooldown.kept, packed["cooldown"])
    stream.matched, stream.held_back, stream.dropped, stream.forgotten = packed["counts"]


def _unpack_generations(kept: Generations[Any, Any], packed: list[Any]) -> None:
    kept.began, recent, older = packed
    kept.recent = {unpack_key(key): value for key, value in recent}
    kept.older = {unpack_key(key): value for key, value in older}


def _read_clock(matcher: Matcher, data: dict[str, Any]) -> None:
    intake, decider, tallies = matcher.intake, matcher.decider, matcher.tallies
    intake.newest, intake.oldest, intake.watermark, intake.arrivals, decider.ordinal = data["clock"]
    if data["last"] is not None:
        time, sequence, position = (unpack_order(each) for each in data["last"])
        decider.last = intake.decided = (time, sequence, position)
    (tallies.events, tallies.decided, tallies.late, tallies.duplicates,
     tallies.wall_clock_firings, skipped, unreadable, failed) = data["tallies"]  # fmt: skip
    tallies.skipped = dict(skipped)
    intake.faults.unreadable_json, intake.faults.failed_casts = unreadable, failed
    sessions = decider.sessions
    if sessions is not None:
        sessions.count, sessions.unproven = data["session_counts"]
        for user, value, started, latest, is_proven in data["sessions"]:
            sessions.of_user[user] = Session(value, started, latest, is_proven=is_proven)
            sessions.deadlines.add(user, latest + sessions.inactivity)
    if decider.totals is not None:
        for session, *row in data["totals"]:
            decider.totals.put_back(session, row)


def _read_held(matcher: Matcher, data: dict[str, Any]) -> None:
    """Held events with the flags and texts of these streams; what nobody asked for is unknown."""
    intake, decider = matcher.intake, matcher.decider
    now = {repr(question): number for number, question in enumerate(intake.plan.flags.questions)}
    moved = [now.get(question) for question in data["questions"]]
    moved.append(len(now))  # the flag behind the last: can be a firing event
    places = [data["facts"].index(f) if f in data["facts"] else None for f in intake.facts]
    for time, sequence, position, arrival, name, flags, facts, event_id, *values in data["held"]:
        known = sum(
            1 << new for old, new in enumerate(moved) if new is not None and flags >> old & 1
        )
        texts = [None if place is None else facts[place] for place in places]
        matcher.held.append(
            (
                time,
                unpack_order(sequence),
                unpack_order(position),
                arrival,
                name,
                known,
                texts,
                event_id,
                values[0] if values else None,
            )
        )
    matcher.held.sort()  # a file gives them as they arrived; a sorted list is a heap
    kinds = [
        decider.keys.index(key) if (key := tuple(each)) in decider.keys else None
        for each in data["keys"]
    ]
    decider.twins.time, rows = data["twins"]
    for kind, packed, name, count in rows:
        if kinds[kind] is not None:
            decider.twins.counts[kinds[kind], unpack_key(packed), name] = count


def _read_seen(matcher: Matcher, data: dict[str, Any]) -> None:
    """Seen ids with the streams' new numbers; streams that begin afresh have seen nothing."""
    decider = matcher.decider
    numbers = {
        (stream.plan.stream.name, stream.plan.stream.version): number
        for number, stream in enumerate(decider.streams)
    }
    moved = [numbers.get((packed["name"], packed["version"])) for packed in data["streams"]]
    for streams, name, count in data["lacking"]:
        lacks = (_moved(streams, moved), name)
        if lacks[0]:
            decider.lacking[lacks] = decider.lacking.get(lacks, 0) + count
    for key, (_, *packed) in zip(data["keys"], data["seen"], strict=False):
        if decider.seen is not None and tuple(key) in decider.keys:
            seen = decider.seen[decider.keys.index(tuple(key))]
            for event_id, rows in (each for generation in packed for each in generation):
                for where, time, streams in rows:
                    if bits := _moved(streams, moved):
                        seen.new_for(unpack_key(where), event_id, time, bits)


def _moved(streams: int, numbers: list[int | None]) -> int:
    return sum(
        1 << new for old, new in enumerate(numbers) if new is not None and streams >> old & 1
    )
