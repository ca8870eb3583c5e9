"""How a live run keeps what it knows and hands over what it found: in memory, or on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from streamkit.running import Match, Matcher
from streamkit.streaming.sink import MarkingSink, Sink, StateSink

__all__ = ["InMemory", "Keeping", "OnDisk"]

log = logging.getLogger("streamkit.streaming")


class Keeping(Protocol):
    """What a run does with its matcher's state and matches.

    Attributes:
        position: Where the source begins.
        survives: Whether a restart goes on.
        commits: Commits so far.
        sent: Matches that the sink has taken.
    """

    position: Any
    survives: bool
    commits: int
    sent: int

    def begin(self, matcher: Matcher) -> tuple[str, ...]:
        """Let a new matcher know what was kept; what a user should know about it."""
        ...

    def catch_up(self) -> None:
        """Hand over what the sink has not taken for sure."""
        ...

    def commit(self, position: Any, matches: Sequence[Match], settled: Callable[[], None]) -> None:
        """Keep what is known, say so to the source by `settled`, and hand over the matches."""
        ...

    def move(self, old: Matcher, new: Matcher) -> tuple[str, ...]:
        """Let a matcher of changed streams go on, just after a commit; what does not go on."""
        ...

    def close(self) -> None:
        """Let go of the state."""
        ...


class InMemory:
    """Nothing survives.

    Args:
        sink: Where matches go.
    """

    survives = False
    position = None

    def __init__(self, sink: Sink) -> None:
        self.commits = self.sent = self._batch = 0
        self._sink = sink

    def begin(self, matcher: Matcher) -> tuple[str, ...]:  # noqa: ARG002 # the same for every matcher
        """Begin with nothing."""
        if isinstance(self._sink, MarkingSink):
            self._sink.resume(None)
        return ("works in memory: without a state file a restart begins afresh",)

    def catch_up(self) -> None:
        """Nothing was kept that could be handed over."""

    def commit(self, position: Any, matches: Sequence[Match], settled: Callable[[], None]) -> None:  # noqa: ARG002 # nothing is kept
        """Hand over the matches; the source may forget the events then."""
        self.commits += 1
        if matches:
            self._batch += 1
            self._sink.put(self._batch, matches)
            self.sent += len(matches)
        settled()

    def move(self, old: Matcher, new: Matcher) -> tuple[str, ...]:
        """From one matcher to the other."""
        return new.restore(old.snapshot())

    def close(self) -> None:
        """Nothing to let go of."""


class OnDisk:
    """A state file.

    Args:
        sink: Where matches go.
        path: The state file.
    """

    survives = True

    def __init__(self, sink: Sink, path: str | PathLike[str]) -> None:
        from streamkit.streaming.state_file import StateFile

        self.commits = self.sent = self._taken = 0
        self._sink = sink
        place = sink.path if isinstance(sink, StateSink) else None
        is_shared = place is not None and place.resolve() == Path(path).resolve()
        self._state = StateFile(path, is_shared=is_shared)
        self._batch = 0
        self.position: Any = None
        self._put_in = sink.put_in if is_shared and isinstance(sink, StateSink) else None

    def begin(self, matcher: Matcher) -> tuple[str, ...]:
        """Go on where the file is."""
        state = self._state
        notes = state.restore(matcher)
        self.position, self._batch = state.position, state.batch
        if isinstance(self._sink, MarkingSink):
            self._sink.resume(state.sink)
            state.note_taken(0, self._sink.mark())
        return notes

    def catch_up(self) -> None:
        """Hand over what is in the outbox."""
        for batch, matches in self._state.outbox:
            self._hand_over(batch, matches)

    def commit(self, position: Any, matches: Sequence[Match], settled: Callable[[], None]) -> None:
        """One transaction; then the source and the sink are told."""
        if matches:
            self._batch += 1
        self._state.commit(
            position=position,
            batch=self._batch,
            matches=matches,
            taken=self._taken,
            sink=self._mark() if self._taken else None,
            put_in=self._put_in,
        )
        self._taken = 0
        self.commits += 1
        settled()
        if matches and self._put_in is None:
            self._hand_over(self._batch, matches)
        else:
            self.sent += len(matches)

    def _hand_over(self, batch: int, matches: Sequence[Match]) -> None:
        self._sink.put(batch, matches)
        self.sent += len(matches)
        self._taken = batch

    def move(self, old: Matcher, new: Matcher) -> tuple[str, ...]:  # noqa: ARG002 # the file knows the old one
        """From the file, as a restart would."""
        return self._state.restore(new)

    def close(self) -> None:
        """Say what the sink has taken, and let go of the file."""
        try:
            if self._taken and self._state.is_sound:
                self._state.note_taken(self._taken, self._mark())
        finally:
            self._state.close()

    def _mark(self) -> Any:
        return self._sink.mark() if isinstance(self._sink, MarkingSink) else None
