"""What a user may give for a source or a sink, and what it stands for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import Any

from streamkit.errors import EventsError
from streamkit.events import History
from streamkit.running import Match
from streamkit.streaming.history_source import HistorySource
from streamkit.streaming.iterators import IteratorSource
from streamkit.streaming.sink import Sink
from streamkit.streaming.source import Source

__all__ = ["CallableSink", "as_sink", "as_source"]


class CallableSink:
    """Calls a function with each match: at least once, always with the same `match_id`.

    Args:
        function: What to call.
    """

    def __init__(self, function: Callable[[Match], object]) -> None:
        self._function = function

    def put(self, batch: int, matches: Sequence[Match]) -> None:  # noqa: ARG002 # ids tell repeats
        """Call the function with each of the matches."""
        for match in matches:
            self._function(match)

    def close(self) -> None:
        """Nothing to let go of."""


def as_sink(given: Any) -> Sink:
    """A sink, or a function as one.

    Raises:
        EventsError: It is neither.
    """
    if isinstance(given, Sink):
        return given
    if callable(given):
        return CallableSink(given)
    raise EventsError(
        f"matches cannot go to {type(given).__name__}",
        code="bad-sink",
        hint="give a function that takes a match, or a Sink",
    )


def as_source(given: Any) -> Source:
    """A source; an iterator, async iterator or history as one.

    Raises:
        EventsError: It is none of these.
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, History):
        return HistorySource(given)
    if isinstance(given, Iterable | AsyncIterable) and not isinstance(given, str | bytes | Mapping):
        return IteratorSource(given)
    raise EventsError(
        f"events cannot come from {type(given).__name__}",
        code="bad-source",
        hint="give a Source, an iterator of events, or a History",
    )
