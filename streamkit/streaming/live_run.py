"""`live`: a source, a matcher and a sink at work in a thread.

One batch after the other: read, match, commit, and only then tell the source that its events are
safe and the sink what was found. Whatever happens in between happens again after a restart, from
the last commit on; matches have the same ids then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any

from streamkit.arguments import read_length
from streamkit.definition import Stream
from streamkit.duration import Duration
from streamkit.errors import EventsError
from streamkit.running import Match, Matcher
from streamkit.running.event_types import EventTypes, SchemaLike
from streamkit.streaming.asking_thread import AskedThread
from streamkit.streaming.given import as_sink, as_source
from streamkit.streaming.keeping import InMemory, Keeping, OnDisk
from streamkit.streaming.late_log import LateLog
from streamkit.streaming.live_stats import Counts, LiveStats
from streamkit.streaming.sink import AskingSink
from streamkit.streaming.source import AnsweringSource, Arrived, ColumnSource, EndOfEvents, Source

if TYPE_CHECKING:
    from streamkit.matching.contexts import Needs

__all__ = ["LiveRun", "live"]

log = logging.getLogger("streamkit.streaming")

MAX_DELAY = 0.5
"""Longest time between reading an event and committing it, in seconds, while more come."""
MAX_EVENTS = 50_000
LAST_KEPT = 10
READ_SECONDS = 0.1
"""How long a source is waited for at a time; a stop or a question is answered in between."""


def _clock() -> datetime:
    return datetime.now(UTC)


def live(
    streams: Stream | Sequence[Stream],
    source: Any,
    schema: SchemaLike,
    *,
    sink: Any,
    state: str | PathLike[str] | None = None,
    allowed_lateness: str | Duration = "5s",
    idle_after: str | Duration | None = "1s",
    now: Callable[[], datetime] = _clock,
    forget_after: str | Duration | None = None,
    needs: Mapping[str, Needs] | None = None,
    late_log: str | PathLike[str] | None = None,
) -> LiveRun:
    """Match events as they come, in a thread of its own, until the source ends or you stop it.

    With a state file the run can be killed at any instant and started again: it goes on where it
    was committed last, at most half a second before. Sources that can go back (folders, Kafka,
    histories) then lose nothing and repeat nothing. Without one it works in memory.

    Args:
        streams: One definition or several with names of their own; those that are not enabled
            are left out.
        source: A `Source`; an iterator or async iterator of events; or a `History`, which is
            gone through as fast as possible.
        schema: What `Matcher` takes: the `History` whose column types shall hold, or a `Schema`.
        sink: A `Sink`, or a function that takes each match: at least once, always with the
            same `match_id`.
        state: An SQLite file for what must survive; made if it is not there.
        allowed_lateness: How much older than the newest event one may be when it arrives. A source
            that says itself how far time is known is told this in another place.
        idle_after: After so long without events everything held is decided, and waits go on by
            the wall clock; None to wait for events whatever happens.
        now: The clock.
        forget_after: How long a lasting fact is kept after its key was last touched; None for ever.
        needs: What payloads ask of matches, by the stream's name; a sink that renders payloads
            says it itself.
        late_log: A file to which events that come too late are added, as NDJSON; without it they
            are counted only.

    Returns:
        The run, which has begun.

    Raises:
        DefinitionError: Two streams of one name, or none at all.
        EventsError: A stream asks for what the events do not have, or the state file cannot be
            used: it is in use, of another version or schema, or damaged.

    Example:
        >>> from streamkit.definition import event
        >>> from streamkit.events import Schema
        >>> stream = Stream("rescue", [event("add_to_cart"), event("checkout_error")], within="1h")
        >>> events = [
        ...     {"at": "2026-03-01T10:00:00Z", "event": "add_to_cart", "sid": "s1"},
        ...     {"at": "2026-03-01T10:05:00Z", "event": "checkout_error", "sid": "s1"},
        ... ]
        >>> found = []
        >>> schema = Schema(time="at", name="event", session="sid")
        >>> live(stream, iter(events), schema, sink=found.append).wait()
        True
        >>> [match.key for match in found]
        [('s1',)]
    """
    return LiveRun(
        streams,
        as_source(source),
        EventTypes.of(schema),
        sink=as_sink(sink),
        state=state,
        idle_after=None if idle_after is None else read_length(idle_after, "idle_after") / 1e6,
        now=now,
        needs=needs,
        late_log=None if late_log is None else LateLog(late_log),
        options={"allowed_lateness": allowed_lateness, "forget_after": forget_after},
    )


class LiveRun:
    """A live run; made by `live`.

    Attributes:
        streams: The definitions at work.
        notes: What a user should know about how it began: what does not go on, what is not kept.
        last: The newest matches, at most ten, the newest last.
    """

    def __init__(
        self,
        streams: Stream | Sequence[Stream],
        source: Source,
        types: EventTypes,
        *,
        sink: Any,
        state: str | PathLike[str] | None,
        idle_after: float | None,
        now: Callable[[], datetime],
        needs: Mapping[str, Needs] | None,
        late_log: LateLog | None,
        options: Mapping[str, Any],
    ) -> None:
        self._source = source
        self._sink = sink
        self._types = types
        self._now = now
        self._needs = needs
        self._idle_after = idle_after
        self._late_log = late_log
        self._options = dict(options)
        if late_log is not None:
            self._options["late_kept"] = None
        if _keeps_time(source):
            self._options["allowed_lateness"] = None
        enabled, left_out = _enabled(streams)
        matcher = self._new_matcher(enabled)
        self._keeping: Keeping = InMemory(sink) if state is None else OnDisk(sink, state)
        try:
            self.notes = left_out + self._keeping.begin(matcher)
            self._matcher = matcher
            self._before = Counts.of(matcher.stats)
            if isinstance(source, ColumnSource):
                source.choose(matcher.intake.columns)
            source.open(self._keeping.position)
        except BaseException:
            self._keeping.close()
            source.close()
            sink.close()
            self._close_late_log()
            raise
        self.streams = matcher.streams
        if state is not None and not getattr(source, "can_go_back", True):
            self.notes += ("cannot go back: a crash loses what was read and not yet committed",)
        for note in self.notes:
            log.warning(note)
        self.last: tuple[Match, ...] = ()
        self._matches: list[Match] = []
        self._uncommitted = 0
        self._position: Any = None
        self._began = time.monotonic()
        self._heard = time.monotonic()
        self._stopping = threading.Event()
        self._going_on = threading.Event()
        self._going_on.set()
        self._thread = AskedThread(self._work, name="streamkit-live")
        self._thread.start()

    def __repr__(self) -> str:
        return f"LiveRun({len(self.streams)} streams, {self._state()})"

    def _state(self) -> str:
        if not self.running:
            return "ended"
        return "paused" if self.paused else "running"

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def paused(self) -> bool:
        """Whether it takes no events until `resume`."""
        return not self._going_on.is_set()

    def pause(self) -> None:
        """Commit what was read and take no more events; nothing is decided and no wait ends meanwhile."""
        self._going_on.clear()

    def resume(self) -> None:
        """Take events again, from where it paused."""
        self._going_on.set()

    def stop(self) -> None:
        """End after a last commit; returns once it has ended.

        Raises:
            Exception: Whatever had ended the run before.
        """
        self._stopping.set()
        self.wait()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the source has nothing more, or the run was stopped.

        Args:
            timeout: Longest time to wait, in seconds; None for as long as it takes.

        Returns:
            Whether it has ended.

        Raises:
            Exception: What ended the run, if it was an error.
        """
        return self._thread.wait(timeout)

    @property
    def stats(self) -> LiveStats:
        """What has been done so far."""
        return self._thread.ask(self._stats)

    @property
    def pending(self) -> list[Match]:
        """Matches whose last exclude could still happen, in the order they would fire."""
        return self._thread.ask(lambda: self._matcher.pending)

    def reload(self, streams: Stream | Sequence[Stream]) -> tuple[str, ...]:
        """Go on with changed definitions.

        A stream whose `version` changed, or that is new, begins afresh; the others go on.

        Args:
            streams: All definitions from now on.

        Returns:
            What does not go on, one sentence for each stream.

        Raises:
            StreamkitError: They cannot be used; the run goes on with the old ones.
        """
        return self._thread.ask(lambda: self._reload(streams))

    # In the thread

    def _work(self) -> None:
        try:
            self._keeping.catch_up()
            while not self._stopping.is_set():
                self._thread.answer()
                if self.paused:
                    self._end_batch()
                    self._going_on.wait(READ_SECONDS)
                    self._heard = time.monotonic()
                    continue
                try:
                    arrived = self._source.read(0 if self._uncommitted else READ_SECONDS)
                except EndOfEvents:
                    self._matches += self._matcher.flush()
                    break
                if arrived is None:
                    self._rest()
                    continue
                self._heard = time.monotonic()
                if not self._uncommitted:
                    self._began = self._heard
                self._push(arrived)
                if arrived.watermark is not None:
                    self._matches += self._matcher.advance_watermark(arrived.watermark)
                self._position = arrived.position
                if not arrived.events:  # the source is not idle, and yet has nothing
                    self._end_batch()
                    continue
                self._uncommitted += len(arrived.events)
                if self._uncommitted >= MAX_EVENTS or time.monotonic() - self._began >= MAX_DELAY:
                    self._commit()
            else:
                if not self._keeping.survives:
                    self._matches += self._matcher.flush()
            self._commit()
        finally:
            self._source.close()
            self._keeping.close()
            self._sink.close()
            self._close_late_log()

    def _push(self, arrived: Arrived) -> None:
        """Let the matcher take events, and the source know which of them take no part."""
        matcher = self._matcher
        first = matcher.intake.arrivals + 1
        self._matches += matcher.push_many(arrived.events, arrived.positions)
        skips = matcher.tallies.skips
        if skips and isinstance(self._source, AnsweringSource):
            self._source.skipped([(arrival - first, reason) for arrival, reason in skips])
            skips.clear()

    def _close_late_log(self) -> None:
        if self._late_log is not None:
            self._late_log.close()

    def _rest(self) -> None:
        """Nothing came: commit what did before, and let the wall clock go on if that was long ago."""
        if self._uncommitted:
            self._commit()
        elif self._idle_after is not None and time.monotonic() - self._heard >= self._idle_after:
            had_held = bool(self._matcher.held)
            self._matches += self._matcher.idle(self._now())
            if self._matches or had_held:
                self._commit()

    def _end_batch(self) -> None:
        """Commit what came before, if anything did."""
        if self._uncommitted or self._matches:
            self._commit()

    def _commit(self) -> None:
        matches, self._matches = self._matches, []
        self._uncommitted = 0
        self.last = (*self.last, *matches[-LAST_KEPT:])[-LAST_KEPT:]
        if self._late_log is not None:
            self._late_log.write(self._matcher.take_late_events())
        self._keeping.commit(
            self._position, matches, lambda: self._source.committed(self._position)
        )

    def _reload(self, streams: Stream | Sequence[Stream]) -> tuple[str, ...]:
        if not self._thread.is_current():
            raise EventsError("the run has ended", code="ended", hint="start another one")
        given, left_out = _enabled(streams)
        before = self.streams
        self._commit()
        if isinstance(self._sink, AskingSink):
            self._sink.reload(given)
        try:
            matcher = self._new_matcher(given)
        except BaseException:
            if isinstance(self._sink, AskingSink):
                self._sink.reload(before)
            raise
        old = self._matcher
        done = Counts.of(old.stats).less(self._before)
        notes = left_out + self._keeping.move(old, matcher)
        # a stream that begins afresh counts anew
        self._before = Counts.of(matcher.stats).less(done)
        matcher.tallies.samples = old.tallies.samples
        matcher.tallies.late_events = old.tallies.late_events
        self._matcher, self.streams = matcher, matcher.streams
        if isinstance(self._source, ColumnSource):
            self._source.choose(matcher.intake.columns)
        log.info("streams reloaded", extra={"streams": [each.name for each in self.streams]})
        for note in notes:
            log.warning(note)
        return notes

    def _new_matcher(self, streams: Sequence[Stream]) -> Matcher:
        needs = self._sink.needs if isinstance(self._sink, AskingSink) else self._needs
        matcher = Matcher(streams, self._types, now=self._now, needs=needs, **self._options)
        if isinstance(self._source, AnsweringSource):
            matcher.tallies.skips = []
        return matcher

    def _stats(self) -> LiveStats:
        return LiveStats.of(
            self._matcher.stats,
            commits=self._keeping.commits,
            sent=self._keeping.sent,
            queue=getattr(self._source, "queue_length", None),
            wall_time=self._now(),
            before=self._before,
        )


def _enabled(streams: Stream | Sequence[Stream]) -> tuple[tuple[Stream, ...], tuple[str, ...]]:
    """The streams that are switched on, and what to say about the others."""
    given = (streams,) if isinstance(streams, Stream) else tuple(streams)
    off = [each.name for each in given if isinstance(each, Stream) and not each.enabled]
    enabled = tuple(each for each in given if not isinstance(each, Stream) or each.enabled)
    return enabled, tuple(f"{name!r} is not enabled and is left out" for name in off)


def _keeps_time(source: Source) -> bool:
    """Whether a source says itself how far time is known."""
    return bool(getattr(source, "keeps_time", False))
