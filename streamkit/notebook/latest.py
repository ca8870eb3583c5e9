"""Work in a thread of which only the newest matters."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Latest"]


class Latest:
    """Runs what it was last asked to; what was asked before and has not begun is forgotten.

    Args:
        name: Of its thread.

    Example:
        >>> done = threading.Event()
        >>> worker = Latest("example")
        >>> worker.ask(done.set)
        >>> done.wait(10)
        True
        >>> worker.close()
    """

    def __init__(self, name: str) -> None:
        self._changed = threading.Condition()
        self._work: Callable[[], None] | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def ask(self, work: Callable[[], None]) -> None:
        """Have something done; returns at once."""
        with self._changed:
            if not self._is_closed and not self._thread.is_alive():
                self._thread.start()
            self._work = work
            self._changed.notify()

    def close(self) -> None:
        """End the thread when it has done what it is at."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._work is not None or self._is_closed)
                if self._is_closed:
                    return
                work, self._work = self._work, None
            if work is not None:
                work()
