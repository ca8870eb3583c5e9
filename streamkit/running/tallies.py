"""What a matcher counts: every event that took no part is in one of these numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["LATE_KEPT", "NAMES_KEPT", "OTHERS", "BadEvent", "LateEvent", "Stats", "Tallies"]

NAMES_KEPT = 1000
"""Of more event names than these only the number of events is kept."""
OTHERS = "(other names)"
SHOWN = 500
SAMPLES = 20
LATE_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class LateEvent:
    """An event that came after its time had been decided.

    Args:
        event: The event as it was given.
        time: Its time, in microseconds.
        watermark: How far time was known when it came, in microseconds.
        position: Its position, if it was given one.
    """

    event: Any
    time: int
    watermark: int
    position: Any


@dataclass(frozen=True, slots=True)
class BadEvent:
    """An event that could not be used.

    Args:
        reason: What is wrong with it.
        shown: The beginning of it, as text.
    """

    reason: str
    shown: str


@dataclass(frozen=True)
class Stats:
    """What a matcher has done so far.

    Args:
        events: Events that were given.
        decided: Events that were held and then decided; most never need to be.
        held: Events that wait for the watermark.
        late: Events older than the watermark when they came.
        skipped: Events that take no part, by reason.
        without_key: For each stream the events that touch it and lack a part of its key, by name.
        duplicates: Events dropped for an id that was seen before.
        missing: Values that count as missing, by reason.
        matches: Matches of each stream.
        held_back: Matches that the cooldown held back, of each stream.
        pending: Waits that have not ended.
        keys: Keys with a state, of each stream.
        dropped: States that were dropped because nothing could come of them any more.
        forgotten: Lasting states that were dropped because their session ended or, with
            `forget_after`, because the user wanted it.
        ids: Ids that are remembered to find duplicates.
        sessions: Sessions made from gaps.
        unproven_sessions: Those that may have begun before the first event.
        wall_clock_firings: Waits that ended by the wall clock.
        watermark: How far time is decided, in microseconds.
        newest: The newest time seen, in microseconds.
        samples: Some of the events that could not be used.
    """

    events: int
    decided: int
    held: int
    late: int
    skipped: Mapping[str, int]
    without_key: Mapping[str, Mapping[str, int]]
    duplicates: int
    missing: Mapping[str, int]
    matches: Mapping[str, int]
    held_back: Mapping[str, int]
    pending: int
    keys: Mapping[str, int]
    dropped: int
    forgotten: int
    ids: int
    sessions: int
    unproven_sessions: int
    wall_clock_firings: int
    watermark: int | None
    newest: int | None
    samples: tuple[BadEvent, ...] = field(default=(), repr=False)


class Tallies:
    """Counts while a matcher runs.

    Args:
        late_kept: How many of the newest late events are kept; None for all of them.
    """

    def __init__(self, late_kept: int | None = LATE_KEPT) -> None:
        self.events = 0
        self.decided = 0
        self.late = 0
        self.duplicates = 0
        self.wall_clock_firings = 0
        self.skipped: dict[str, int] = {}
        self.samples: deque[BadEvent] = deque(maxlen=SAMPLES)
        self.late_events: deque[LateEvent] = deque(maxlen=late_kept)
        self.skips: list[tuple[int, str]] | None = None
        """The number of arrival and the reason of each event skipped, until they are taken; None
        where nobody takes them."""

    def skip(self, reason: str, event: Any, arrival: int) -> None:
        """Count an event that takes no part, and keep a sample."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        if self.skips is not None:
            self.skips.append((arrival, reason))
        self.samples.append(BadEvent(reason, _shown(event)))


def _shown(event: Any) -> str:
    """The beginning of an event; what cannot be shown is named by its type."""
    if isinstance(event, bytes | bytearray):
        return bytes(event[:SHOWN]).decode(errors="replace")
    if isinstance(event, str):
        return event[:SHOWN]
    try:
        if isinstance(event, dict):
            items = list(event.items())[:SAMPLES]
            return "{" + ", ".join(f"{str(k)[:40]!r}: {_short(v)}" for k, v in items)[:SHOWN] + "}"
        return _short(event)[:SHOWN]
    except Exception:  # noqa: BLE001 # a repr of somebody else's may do anything
        return f"<{type(event).__name__}>"


def _short(value: Any) -> str:
    if isinstance(value, str | bytes):
        return repr(value[:40])
    if isinstance(value, int | float | bool | None):
        return repr(value)[:40]
    if isinstance(value, dict | list | tuple):
        return f"<{type(value).__name__} of {len(value)}>"
    return repr(value)[:80]
