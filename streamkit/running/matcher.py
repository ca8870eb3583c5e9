"""`Matcher`: the same streams, one event at a time, with the same answer."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import repeat
from typing import Any

from streamkit.arguments import read_length
from streamkit.definition import Stream
from streamkit.duration import Duration
from streamkit.errors import EventsError
from streamkit.events.values import FIRST_TIME
from streamkit.matching.contexts import Needs
from streamkit.matching.plan import check_names
from streamkit.matching.row_values import time_value
from streamkit.running.deciding import Decider, Held
from streamkit.running.event_types import EventTypes, SchemaLike
from streamkit.running.intake import Intake
from streamkit.running.matches import Match
from streamkit.running.tallies import LATE_KEPT, LateEvent, Stats, Tallies
from streamkit.times import parse_time, to_microseconds

__all__ = ["Matcher"]

MANY = 64


def _clock() -> datetime:
    return datetime.now(UTC)


class Matcher:
    """Matches streams while events arrive.

    An event is decided, in order, once its time is before the watermark: the newest time seen
    less the allowed lateness. So events may arrive in any order whose disorder is at most that,
    and the matches are those of a backtest over the same events.

    Args:
        streams: One definition or several with names of their own.
        schema: The `History` whose column types shall hold for live events too, or a `Schema`,
            or its plain data: then a value is what it is in JSON or in Python.
        allowed_lateness: How much older than the newest event one may be when it arrives; None
            where only `advance_watermark` says how far time is known.
        now: The clock. Times more than a day after it are skipped.
        forget_after: How long a lasting fact (fired once, unbounded windows) is kept after its
            key was last touched; None for ever.
        needs: What payloads ask of matches, by the stream's name; `Match.context` then holds it.
            A stream that asks about the session as a whole makes every event count.

    Raises:
        DefinitionError: Two streams of one name, or none at all.
        EventsError: A stream asks for what the events do not have.

    Example:
        >>> from streamkit.definition import event
        >>> from streamkit.events import Schema
        >>> stream = Stream("rescue", [event("add_to_cart"), event("checkout_error")], within="1h")
        >>> matcher = Matcher(stream, Schema(time="at", name="event", session="sid"))
        >>> matcher.push({"at": "2026-03-01T10:00:00Z", "event": "add_to_cart", "sid": "s1"})
        []
        >>> matcher.push({"at": "2026-03-01T10:05:00Z", "event": "checkout_error", "sid": "s1"})
        []
        >>> [match.key for match in matcher.flush()]
        [('s1',)]
    """

    def __init__(
        self,
        streams: Stream | Sequence[Stream],
        schema: SchemaLike,
        *,
        allowed_lateness: str | Duration | None = "5s",
        now: Callable[[], datetime] = _clock,
        forget_after: str | Duration | None = None,
        needs: Mapping[str, Needs] | None = None,
        late_kept: int | None = LATE_KEPT,
    ) -> None:
        self.streams = (streams,) if isinstance(streams, Stream) else tuple(streams)
        check_names(self.streams)
        self.types = EventTypes.of(schema)
        lateness = _length(allowed_lateness, "allowed_lateness")
        self.tallies = Tallies(late_kept)
        names = {stream.name for stream in self.streams}
        asked = {name: each for name, each in (needs or {}).items() if name in names}
        self.intake = Intake(self.streams, self.types, lateness, now, self.tallies, asked)
        self.decider = Decider(
            self.intake.plan,
            self.types.schema,
            self.intake.facts,
            self.tallies,
            _length(forget_after, "forget_after"),
            asked,
        )
        self.held: list[Held] = []
        """A heap: what is held of the events that are not decided, the first in order first."""
        self.flushed = 0
        """How many events had arrived when everything held was decided for the last time."""
        self._next_deadline: int | None = None

    def __repr__(self) -> str:
        return f"Matcher({len(self.streams)} streams, {self.tallies.events:,} events)"

    def push(self, event: Any, position: Any = None) -> list[Match]:
        """Take one event, and decide what it makes known.

        Args:
            event: A mapping, or a JSON object as text or bytes.
            position: Its place in its source, for events of equal time: anything that orders
                with the other positions. Without, events of equal time keep the order of arrival.

        Returns:
            The matches that are sure now, in the order of `fired_at`.
        """
        self.tallies.events += 1
        held = self.intake.read(event, position)
        if held is not None:
            heappush(self.held, held)
        watermark = self.intake.watermark
        if (self.held and self.held[0][0] < watermark) or (
            self._next_deadline is not None and self._next_deadline < watermark
        ):
            return self._release(watermark, 1)
        return []

    def push_many(
        self, events: Iterable[Any], positions: Iterable[Any] | None = None
    ) -> list[Match]:
        """Take events as they arrived, and decide what they make known.

        Args:
            events: Mappings, or JSON objects as text or bytes.
            positions: For each its place in its source.

        Returns:
            The matches that are sure now, in the order of `fired_at`.
        """
        read, hold = self.intake.read, self.held.append
        before = self.intake.arrivals
        for event, position in zip(events, repeat(None) if positions is None else positions):  # noqa: B905 # repeat has no end
            held = read(event, position)
            if held is not None:
                hold(held)
        self.held.sort()  # a sorted list is a heap
        count = self.intake.arrivals - before
        self.tallies.events += count
        return self._release(self.intake.watermark, count)

    def advance_watermark(self, time: datetime | str | int) -> list[Match]:
        """Take the source's word that no event before a time will come.

        Args:
            time: A datetime (without a zone it is UTC), RFC 3339 text, or microseconds.

        Returns:
            The matches that are sure now.
        """
        self.intake.watermark = max(self.intake.watermark, _micros(time))
        return self._release(self.intake.watermark, 0)

    def flush(self) -> list[Match]:
        """Decide everything held, and fire the waits that ended before the newest event.

        At the end of the input this leaves exactly the pendings of a backtest.

        Returns:
            The matches that are sure now.
        """
        if self.intake.newest is not None:
            self.intake.watermark = max(self.intake.watermark, self.intake.newest)
        return self._release(self.intake.watermark, len(self.held), everything=True)

    def idle(self, wall_time: datetime | str | int) -> list[Match]:
        """Go on by the wall clock, because the source says that nothing comes.

        Everything held is decided, as `flush` does. Then the wall clock counts as an event's time
        would: waits fire that ended before it less the allowed lateness. The watermark stays, so
        an event of the newest time or later is still taken; what it would have excluded among
        those waits has fired, and `stats.wall_clock_firings` counts them.

        Args:
            wall_time: The wall clock's time.

        Returns:
            The matches that are sure now.
        """
        matches = self.flush()
        horizon = _micros(wall_time) - (self.intake.lateness or 0)
        fired = self.decider.with_sessions(self.decider.end_waits(horizon))
        self._next_deadline = self.decider.next_deadline()
        self.tallies.wall_clock_firings += len(fired)
        return matches + self.decider.let_through(fired)

    def _release(self, watermark: int, events: int, *, everything: bool = False) -> list[Match]:
        """Decide what is held before the watermark, and fire what waited for it."""
        decider = self.decider
        chosen = self._take(watermark, everything=everything)
        fired = decider.decide(chosen, self.intake.oldest) if chosen else []
        if chosen:
            self.intake.decided = decider.last
            self._next_deadline = decider.next_deadline()
        if self._next_deadline is not None and self._next_deadline < watermark:
            fired += decider.with_sessions(decider.end_waits(watermark))
            self._next_deadline = decider.next_deadline()
        decider.forget(watermark, events)
        return decider.let_through(fired) if fired else []

    def _take(self, watermark: int, *, everything: bool) -> list[Held]:
        """Held events before the watermark, in order."""
        held = self.held
        if everything:
            self.held = []
            self.flushed = self.intake.arrivals
            return sorted(held)
        if not held or held[0][0] >= watermark:
            return []
        if len(held) > MANY:
            held.sort()
            end = bisect_left(held, (watermark,))
            self.held = held[end:]
            return held[:end]
        chosen = []
        while held and held[0][0] < watermark:
            chosen.append(heappop(held))
        return chosen

    @property
    def watermark(self) -> datetime | None:
        """How far time is decided; None before the first event."""
        known = self.intake.watermark >= FIRST_TIME
        return time_value(self.intake.watermark) if known else None

    @property
    def pending(self) -> list[Match]:
        """Matches whose last exclude could still happen, in the order they would fire.

        `fired_at` is when each will fire if it does not.
        """
        found = [match for stream in self.decider.streams for match in stream.pending()]
        return sorted(found, key=lambda match: (match.fired, match.match_id))

    @property
    def late_events(self) -> Sequence[LateEvent]:
        """The newest events that came too late."""
        return tuple(self.tallies.late_events)

    def take_late_events(self) -> Iterator[LateEvent]:
        """Hand over the late events, so that a sink can keep all of them."""
        while self.tallies.late_events:
            yield self.tallies.late_events.popleft()

    @property
    def stats(self) -> Stats:
        """What has been done so far."""
        tallies, decider, faults = self.tallies, self.decider, self.intake.faults
        streams = {each.plan.stream.name: each for each in decider.streams}
        known = self.intake.watermark >= FIRST_TIME
        return Stats(
            events=tallies.events,
            decided=tallies.decided,
            held=len(self.held),
            late=tallies.late,
            skipped=dict(tallies.skipped),
            without_key=decider.without_key(),
            duplicates=tallies.duplicates,
            missing={
                "unreadable_json": faults.unreadable_json,
                "failed_casts": faults.failed_casts,
            },
            matches={name: each.matched for name, each in streams.items()},
            held_back={name: each.held_back for name, each in streams.items()},
            pending=len(self.pending),
            keys={name: each.keys for name, each in streams.items()},
            dropped=sum(each.dropped for each in decider.streams),
            forgotten=sum(each.forgotten for each in decider.streams),
            ids=sum(len(seen) for seen in decider.seen or ()),
            sessions=decider.sessions.count if decider.sessions else 0,
            unproven_sessions=decider.sessions.unproven if decider.sessions else 0,
            wall_clock_firings=tallies.wall_clock_firings,
            watermark=self.intake.watermark if known else None,
            newest=self.intake.newest,
            samples=tuple(tallies.samples),
        )

    def snapshot(self) -> bytes:
        """Everything that is known, as bytes; the same calls give the same bytes."""
        from streamkit.running.snapshots import write_snapshot

        return write_snapshot(self)

    def restore(self, snapshot: bytes) -> tuple[str, ...]:
        """Go on from a snapshot; this matcher must not have seen an event.

        A stream whose definition changed, or that is new, begins afresh; the others go on.

        Args:
            snapshot: What `snapshot` gave, of this or another process.

        Returns:
            What does not go on, one sentence for each stream.

        Raises:
            EventsError: It is no snapshot, of a version this one cannot read, damaged, or of a
                matcher with another schema.
        """
        from streamkit.running.snapshots import read_snapshot

        notes = read_snapshot(self, snapshot)
        self.look_again()
        return notes

    def look_again(self) -> None:
        """See when the next wait ends, because state was put back."""
        self._next_deadline = self.decider.next_deadline()


def _length(value: str | Duration | None, argument: str) -> int | None:
    return None if value is None else read_length(value, argument)


def _micros(time: datetime | date | str | int) -> int:
    if isinstance(time, int):
        return time
    try:
        return to_microseconds(parse_time(time))
    except ValueError as error:
        raise EventsError(f"{str(time)[:80]!r} is not a time: {error}", code="bad-time") from None
