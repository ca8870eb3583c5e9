"""`IteratorSource`: events that some iterator gives, standard input among them."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from streamkit.streaming.source import Arrived, EndOfEvents

__all__ = ["IteratorSource", "lines_of_standard_input"]

AHEAD = 20_000
"""Events that are read before the matcher wants them."""
BATCH = 10_000
END = object()


class IteratorSource:
    """Events of an iterator or async iterator, read ahead in a thread.

    An iterator cannot go back: what was read and not committed when the process dies is lost, at
    most the last half second and what was read ahead. An async iterator runs in an event loop of
    its own.

    Args:
        events: Mappings, or JSON objects as text or bytes.

    Example:
        >>> source = IteratorSource([{"event": "add_to_cart"}])
        >>> source.open(None)
        >>> source.read(timeout=10).events
        [{'event': 'add_to_cart'}]
    """

    def __init__(self, events: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._events = events
        self._read: queue.Queue[Any] = queue.Queue(AHEAD)
        self._closed = threading.Event()
        self._failure: BaseException | None = None
        self._ended = False

    def __repr__(self) -> str:
        return f"IteratorSource({type(self._events).__name__})"

    can_go_back = False

    @property
    def queue_length(self) -> int:
        """Events that were read ahead."""
        return self._read.qsize()

    def open(self, position: Any | None) -> None:  # noqa: ARG002 # an iterator cannot go back
        """Begin to read."""
        threading.Thread(target=self._run, name="streamkit-iterator", daemon=True).start()

    def _run(self) -> None:
        try:
            if isinstance(self._events, AsyncIterable):
                asyncio.run(self._read_async(aiter(self._events)))
            else:
                self._take_all(iter(self._events))
        except BaseException as error:  # noqa: BLE001 # raised by `read`
            self._failure = error
        self._put(END)

    def _take_all(self, events: Iterator[Any]) -> None:
        for event in events:
            if not self._put(event):
                return

    async def _read_async(self, events: AsyncIterator[Any]) -> None:
        async for event in events:
            if not await asyncio.to_thread(self._put, event):
                return

    def _put(self, event: Any) -> bool:
        """Hand over an event when there is room; False once nobody reads any more."""
        while not self._closed.is_set():
            try:
                self._read.put(event, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def read(self, timeout: float) -> Arrived | None:
        """The events that were read ahead.

        Raises:
            EndOfEvents: The iterator has ended.
            Exception: What the iterator raised.
        """
        if self._ended:
            self._end()
        events: list[Any] = []
        try:
            events.append(self._read.get(block=timeout > 0, timeout=timeout))
            while len(events) < BATCH:
                events.append(self._read.get_nowait())
        except queue.Empty:
            pass
        if events and events[-1] is END:
            events.pop()
            self._ended = True
            if not events:
                self._end()
        return Arrived(events) if events else None

    def _end(self) -> None:
        if self._failure is not None:
            raise self._failure
        raise EndOfEvents

    def committed(self, position: Any) -> None:
        """Nothing to tell an iterator."""

    def close(self) -> None:
        """Stop reading ahead."""
        self._closed.set()


def lines_of_standard_input(
    lines: Callable[[], Iterable[bytes]] = lambda: sys.stdin.buffer,
) -> Iterator[bytes]:
    """NDJSON from standard input: the lines that are not blank."""
    for line in lines():
        if line.strip():
            yield line
