"""What a matcher knows now and did not know before: what a file of its state has to be told.

A matcher that is watched notes which keys change. Keys that only hold lasting facts need not stay
in memory once the file has them: they are looked for there when an event touches them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from streamkit.running.contents import pack_common, pack_held
from streamkit.running.packing import Events, pack_key, pack_state, unpack_state
from streamkit.running.runs import Key, State
from streamkit.running.stream_state import StreamState
from streamkit.running.totals import SessionTotals, Total

if TYPE_CHECKING:
    from streamkit.running.matcher import Matcher

__all__ = ["ChangedId", "ChangedKey", "Changes", "KeyStore", "Watch", "key_text"]

encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
ABSENT_KEPT = 100_000
"""Of so many keys at most is it remembered that the file does not have them."""


def key_text(key: Key) -> str:
    """A key as text, so that different keys have different texts."""
    return encode(pack_key(key))


class KeyStore(Protocol):
    """Where keys lie that are not in memory."""

    def state(self, stream: str, key: str) -> str | None:
        """The state of a stream's key as `ChangedKey.state` gave it; None if there is none."""
        ...

    def cooldown(self, stream: str, by: str) -> int | None:
        """When a match of a cooldown value was last kept."""
        ...

    def total(self, session: str) -> str | None:
        """A session as `Changes.totals` gave it."""
        ...


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A key of a stream.

    Args:
        stream: The stream's name.
        key: The key as text.
        state: Its state; None if it has none any more.
        rests_until: Until when it may lie unread, in microseconds; None for a state that must be
            in memory.
    """

    stream: str
    key: str
    state: str | None
    rests_until: int | None


@dataclass(frozen=True, slots=True)
class ChangedId:
    """An event's id.

    Args:
        kind: The parts of the kind of key that it was seen in, as text.
        key: The key, as text.
        id: The id.
        time: When it was seen, in microseconds.
        streams: The streams that it touched, as bits, as text: there may be any number.
    """

    kind: str
    key: str
    id: str
    time: int
    streams: str


@dataclass(frozen=True)
class Changes:
    """What changed.

    Args:
        common: What is small, all of it.
        keys: Keys of streams.
        cooldowns: Stream, cooldown value, when a match of it was last kept.
        sessions: Users with their session; None for one that is over.
        totals: Sessions as a whole, each with the time of its last event; None for one that
            nobody can ask for any more.
        ids: Ids that were seen.
        held: Events that wait for the watermark: arrival, time and the rest.
        watermark: Events before it wait no longer.
        flushed: Nor do events that had arrived before so many.
    """

    common: str
    keys: list[ChangedKey] = field(default_factory=list)
    cooldowns: list[tuple[str, str, int]] = field(default_factory=list)
    sessions: list[tuple[str, str | None]] = field(default_factory=list)
    totals: list[tuple[str, str | None, int]] = field(default_factory=list)
    ids: list[ChangedId] = field(default_factory=list)
    held: list[tuple[int, int, str]] = field(default_factory=list)
    watermark: int = 0
    flushed: int = 0


class Watch:
    """Notes what changes in a matcher.

    Args:
        matcher: The matcher, new or restored from the store.
        store: Where keys lie that are not in memory.
    """

    def __init__(self, matcher: Matcher, store: KeyStore) -> None:
        self.matcher = matcher
        self._arrivals = matcher.intake.arrivals
        decider = matcher.decider
        decider.is_watched = True
        self._cold = {stream.plan.stream.name: _Cold(stream, store) for stream in decider.streams}
        for stream in decider.streams:
            stream.changed = set()
            stream.resting = {}
            if stream.cooldown is not None:
                stream.cooldown.changed = set()
                stream.cooldown.recall = _cooldowns(stream.plan.stream.name, store)
        for seen in decider.seen or ():
            seen.changed = []
        if decider.sessions is not None:
            decider.sessions.changed = set()
        if decider.totals is not None:
            decider.totals.changed = set()
            decider.totals.recall = _totals(decider.totals, store)

    def look_in_store(self, stream: str) -> None:
        """Some keys of a stream lie in the store alone."""
        cold = self._cold[stream]
        cold.stream.recall = cold.recall
        self.matcher.decider.in_file = True

    def take(self) -> Changes:
        """What changed since the last time."""
        matcher, decider = self.matcher, self.matcher.decider
        common = encode(pack_common(matcher))
        keys = [key for stream in decider.streams for key in _changed_keys(stream)]
        cooldowns = [row for stream in decider.streams for row in _changed_cooldowns(stream)]
        sessions = []
        if decider.sessions is not None:
            changed, decider.sessions.changed = decider.sessions.changed or set(), set()
            for user in changed:
                session = decider.sessions.of_user.get(user)
                sessions.append((user, None if session is None else encode(session.row())))
        held = [
            (each[3], each[0], encode(pack_held(each)))
            for each in matcher.held
            if each[3] > self._arrivals
        ]
        self._arrivals = matcher.intake.arrivals
        return Changes(
            common,
            keys,
            cooldowns,
            sessions,
            _changed_totals(decider.totals),
            list(self._changed_ids()),
            held,
            matcher.intake.watermark,
            matcher.flushed,
        )

    def mark_all(self) -> None:
        """Take ids and held events for changed, because what stands for the streams moved."""
        self._arrivals = 0
        for seen in self.matcher.decider.seen or ():
            seen.changed = list(seen.entries())

    def evict(self, limit: int) -> None:
        """Let go of keys that the store has, until only so many that rest are in memory.

        To be called when everything that changed is in the store.
        """
        for stream in self.matcher.decider.streams:
            evicted = stream.evict(limit)
            if evicted:
                self._cold[stream.plan.stream.name].absent.difference_update(evicted)
                self.look_in_store(stream.plan.stream.name)
            if stream.cooldown is not None and len(stream.cooldown.kept) > limit:
                stream.cooldown.kept.recent, stream.cooldown.kept.older = {}, {}
        totals = self.matcher.decider.totals
        if totals is not None:
            totals.evict(limit)

    def _changed_ids(self) -> Iterator[ChangedId]:
        decider = self.matcher.decider
        for kind, seen in zip(decider.keys, decider.seen or (), strict=False):
            changed, seen.changed = seen.changed or [], []
            kind_text = encode(kind)
            for key, event_id, time, streams in changed:
                yield ChangedId(kind_text, key_text(key), event_id, time, str(streams))


def _changed_keys(stream: StreamState) -> Iterator[ChangedKey]:
    name = stream.plan.stream.name
    changed, stream.changed = stream.changed or set(), set()
    for key in changed:
        state = stream.records.part(key, stream.number)
        if state is None:
            yield ChangedKey(name, key_text(key), None, None)
            continue
        events = Events(name)
        packed = pack_state(stream, state, events)
        text = encode([events.rows(), packed])
        yield ChangedKey(name, key_text(key), text, stream.rests_until(key, state))


def _changed_cooldowns(stream: StreamState) -> Iterator[tuple[str, str, int]]:
    if stream.cooldown is not None:
        changed, stream.cooldown.changed = stream.cooldown.changed or set(), set()
        for by in changed:
            fired = stream.cooldown.kept.get(by)
            if fired is not None:
                yield stream.plan.stream.name, key_text(by), fired


def _changed_totals(totals: SessionTotals | None) -> list[tuple[str, str | None, int]]:
    if totals is None:
        return []
    changed, totals.changed = totals.changed or set(), set()
    rows: list[tuple[str, str | None, int]] = []
    for session in changed:
        total = totals.of_session.get(session)
        rows.append((session, encode(total.row()), total.latest) if total else (session, None, 0))
    return rows


class _Cold:
    """The keys of a stream that are in the store and not in memory."""

    def __init__(self, stream: StreamState, store: KeyStore) -> None:
        self.stream = stream
        self.absent: set[Key] = set()
        """Keys that the store does not have."""
        self._store = store

    def recall(self, key: Key) -> State | int | None:
        """Bring a key back into memory, if the store has it."""
        stream = self.stream
        if key in self.absent or (stream.changed is not None and key in stream.changed):
            return None  # what the store has of a changed key is no longer true
        name = stream.plan.stream.name
        found = self._store.state(name, key_text(key))
        if found is None:
            if len(self.absent) >= ABSENT_KEPT:
                self.absent.clear()
            self.absent.add(key)
            return None
        rows, packed = json.loads(found)
        state = unpack_state(stream, key, packed, Events(name, rows))
        stream.put_back(key, state)
        return state


def _cooldowns(stream: str, store: KeyStore) -> Callable[[Key], int | None]:
    return lambda by: store.cooldown(stream, key_text(by))


def _totals(totals: SessionTotals, store: KeyStore) -> Callable[[str], Total | None]:
    def recall(session: str) -> Total | None:
        if totals.changed is not None and session in totals.changed:
            return None
        found = store.total(session)
        return None if found is None else Total(*json.loads(found))

    return recall
