"""`HistorySource`: a history as live events, at a chosen speed."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from typing import Any

from streamkit.errors import EventsError
from streamkit.events import EventSource, History
from streamkit.matching.row_paths import Faults, RowReaders
from streamkit.running.arrivals import arrivals
from streamkit.running.event_types import EventTypes
from streamkit.running.facts import time_reader
from streamkit.streaming.source import Arrived, EndOfEvents

__all__ = ["HistorySource"]


class HistorySource:
    """The events of a history in the order of time, with their positions.

    Args:
        history: The events; anything a `History` can be made from will do.
        speed: So many times as fast as they happened; None for as fast as possible.
        clock: Seconds that go by.

    Raises:
        EventsError: The speed is not above 0, or the input cannot be read.

    Example:
        >>> import polars as pl
        >>> events = pl.DataFrame({
        ...     "time": ["2026-03-01T10:00:00Z"], "event": ["add_to_cart"], "session_id": ["s1"],
        ... })
        >>> source = HistorySource(events)
        >>> source.open(None)
        >>> source.read(timeout=0).events
        [{'time': '2026-03-01T10:00:00Z', 'event': 'add_to_cart', 'session_id': 's1'}]
    """

    def __init__(
        self,
        history: History | EventSource,
        *,
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed is not None and not speed > 0:
            raise EventsError(f"a speed of {speed} leads nowhere", code="bad-speed",
                              hint="give a number above 0, such as 60 for a minute a second")  # fmt: skip
        self._history = history if isinstance(history, History) else History(history)
        self._speed = speed
        self._clock = clock
        self._columns: Collection[str] = set(self._history.columns)
        types = EventTypes.of(self._history)
        self._time = time_reader(types, RowReaders(types.documents, faults=Faults()))
        self._batches: Iterator[tuple[list[dict[str, Any]], list[int]]] = iter(())
        self._events: list[dict[str, Any]] = []
        self._positions: list[int] = []
        self._times: list[int] = []
        """For each event the newest time up to it, so that those without one do not wait."""
        self._done = 0
        self._began: tuple[float, int] | None = None

    def __repr__(self) -> str:
        speed = "as fast as possible" if self._speed is None else f"speed={self._speed:g}"
        return f"HistorySource({speed})"

    def choose(self, columns: Collection[str]) -> None:
        """Read these columns; only before `open`: streams that change later see what was read."""
        self._columns = set(columns)

    def open(self, position: Any | None) -> None:
        """Begin behind so many events."""
        self._done = position or 0
        self._batches = arrivals(self._history, self._columns)
        skipped = 0
        while skipped < self._done and self._fill():
            dropped = min(self._done - skipped, len(self._events))
            self._drop(dropped)
            skipped += dropped

    def _fill(self) -> bool:
        """Have events at hand; False if there are none."""
        while not self._events:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._events, self._positions = batch
            newest = self._times[-1] if self._times else -(2**63)
            self._times = []
            if self._speed is not None:
                for event in self._events:
                    newest = max(newest, self._time(event) or newest)
                    self._times.append(newest)
        return True

    def _drop(self, count: int) -> None:
        self._events = self._events[count:]
        self._positions = self._positions[count:]
        self._times = self._times[count:]

    def read(self, timeout: float) -> Arrived | None:
        """The events whose time has come.

        Raises:
            EndOfEvents: There are no more.
        """
        if not self._fill():
            raise EndOfEvents
        count = len(self._events)
        if self._speed is not None:
            count = self._due(timeout)
            if not count:
                return None
        events, positions = self._events[:count], self._positions[:count]
        self._drop(count)
        self._done += count
        return Arrived(events, positions, position=self._done)

    def _due(self, timeout: float) -> int:
        """How many events are due now, or after waiting for the first."""
        assert self._speed is not None
        if self._began is None:
            self._began = (self._clock(), self._times[0])
        began, first = self._began
        due_in = began + (self._times[0] - first) / 1e6 / self._speed - self._clock()
        if due_in > 0:
            time.sleep(min(due_in, timeout))
        reached = first + int((self._clock() - began) * self._speed * 1e6)
        return bisect_right(self._times, reached)

    def committed(self, position: Any) -> None:
        """Nothing to tell a history."""

    def close(self) -> None:
        """Let go of the query."""
        self._batches = iter(())
