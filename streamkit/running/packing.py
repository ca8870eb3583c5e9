"""What a matcher knows as plain data, and back: lists, texts and numbers only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from streamkit.errors import EventsError
from streamkit.running.asking import LAST
from streamkit.running.firing import Firing
from streamkit.running.runs import Key, Run, State
from streamkit.running.stream_state import StreamState

__all__ = [
    "Events",
    "pack_key",
    "pack_order",
    "pack_state",
    "unpack_key",
    "unpack_order",
    "unpack_state",
]


class Events:
    """The events that a stream's runs hold, each once, by ordinal.

    Args:
        stream: The stream's name; of what payloads ask, only its own is kept.
        known: What `rows` gave.
    """

    def __init__(self, stream: str, known: Iterable[Sequence[Any]] = ()) -> None:
        self.stream = stream
        self.known: dict[int, Run] = {}
        self._runs: dict[tuple[int, ...], Run] = {}
        for time, ordinal, name, event_id, *values in known:
            kept = {stream: values[0]} if values else None
            self.known[ordinal] = Run(time, ordinal, name, event_id, kept)

    def pack(self, event: Run) -> int:
        """Note an event; returns what stands for it."""
        self.known[event.ordinal] = event
        return event.ordinal

    def run(self, ordinals: tuple[int, ...]) -> Run:
        """The run of a first event and the events of its steps; the same for the same."""
        found = self._runs.get(ordinals)
        if found is None:
            first, *steps = ordinals
            found = self.known[steps[-1]]
            if found.ordinal != first or len(steps) > 1:
                before = self.run(ordinals[:-1]) if len(steps) > 1 else None
                found = found._replace(start=self.known[first], before=before)
            self._runs[ordinals] = found
        return found

    def rows(self) -> list[list[Any]]:
        """All events noted, in order."""
        return [self._row(self.known[ordinal]) for ordinal in sorted(self.known)]

    def _row(self, event: Run) -> list[Any]:
        kept = None if event.values is None else event.values.get(self.stream)
        row = [event.time, event.ordinal, event.name, event.id]
        return row if kept is None else [*row, {k: v for k, v in kept.items() if k != LAST}]


def pack_key(key: Key | None) -> Any:
    """A key as plain data: text, or a list of its parts."""
    return list(key) if isinstance(key, tuple) else key


def unpack_key(packed: Any) -> Any:
    """What `pack_key` was given."""
    return tuple(packed) if isinstance(packed, list) else packed


def pack_order(value: Any) -> Any:
    """A sequence or position as plain data."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"last": True}
    if isinstance(value, tuple):
        return [pack_order(each) for each in value]
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if value is None or isinstance(value, int | float | str):
        return value
    raise EventsError(
        f"a position of type {type(value).__name__} cannot be kept in a snapshot",
        code="bad-position",
        hint="use whole numbers, text, bytes, or tuples of them",
    )


def unpack_order(packed: Any) -> Any:
    """What `pack_order` was given."""
    if isinstance(packed, list):
        return tuple(unpack_order(each) for each in packed)
    if isinstance(packed, dict):
        return bytes.fromhex(packed["bytes"]) if "bytes" in packed else math.inf
    return packed


def _pack_run(run: Run | None, events: Events) -> Any:
    """A run as its first event, then the events of its steps."""
    if run is None:
        return None
    return [events.pack(run.first), *(events.pack(event) for event in run.events())]


def _unpack_run(packed: Any, events: Events) -> Run | None:
    return None if packed is None else events.run(tuple(packed))


def pack_state(stream: StreamState, state: State | int, events: Events) -> Any:
    """A stream's part of a key's record as plain data, or when the stream was done."""
    if not isinstance(state, list):
        return state
    layout = stream.layout
    steps = len(layout.plan.steps) - 1
    taken = None if layout.taken is None else state[layout.taken]
    fired = None if layout.fired is None else state[layout.fired]
    return [
        [_pack_run(run, events) for run in state[:steps]],
        [
            None if state[ring] is None else _pack_ring(state[ring], events)
            for ring in layout.rings
            if ring is not None
        ],
        [state[block] for block in layout.blocks],
        list(taken) if taken else None,
        [_pack_firing(firing, events) for firing in stream.waits.of(state, 0)],
        list(fired or ()),
        0 if layout.touched is None else state[layout.touched],
    ]


def _pack_ring(ring: list[Run | None], events: Events) -> list[Any]:
    """Runs of a ring with how often each stands in it, because most stand there many times."""
    packed: list[Any] = []
    last: object = ring
    for run in ring:
        if run is last:
            packed[-1][0] += 1
        else:
            packed.append([1, _pack_run(run, events)])
        last = run
    return packed


def _pack_firing(firing: Firing, events: Events) -> list[Any]:
    return [
        _pack_run(firing.run, events),
        firing.is_kept,
        firing.session,
        firing.user,
        pack_key(firing.by),
        firing.nth,
        firing.is_proven,
    ]


def _unpack_firing(packed: list[Any], key: Key, events: Events) -> Firing:
    run, is_kept, session, user, by, nth, is_proven = packed
    found = _unpack_run(run, events)
    assert found is not None
    return Firing(found, key, is_kept, session, user, unpack_key(by), nth, is_proven)


def unpack_state(stream: StreamState, key: Key, packed: Any, events: Events) -> State | int:
    """What `pack_state` was given of a key."""
    if isinstance(packed, int):
        return packed
    layout = stream.layout
    runs, rings, blocks, taken, waiting, fired, touched = packed
    state: State = [None] * layout.size
    state[: len(runs)] = [_unpack_run(run, events) for run in runs]
    places = [ring for ring in layout.rings if ring is not None]
    for place, ring in zip(places, rings, strict=True):
        if ring is not None:
            state[place] = []
            for count, run in ring:
                state[place] += [_unpack_run(run, events)] * count
    for place, block in zip(layout.blocks, blocks, strict=True):
        state[place] = block
    if layout.taken is not None:
        state[layout.taken] = tuple(taken) if taken else None
    stream.waits.set(state, 0, [_unpack_firing(firing, key, events) for firing in waiting])
    if layout.fired is not None:
        state[layout.fired] = tuple(fired) or None
    if layout.touched is not None:
        state[layout.touched] = touched
    return state
