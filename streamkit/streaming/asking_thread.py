"""A thread that answers questions about what it works on, between two pieces of its work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["AskedThread"]

T = TypeVar("T")


class AskedThread:
    """A thread whose error is not lost, and whose things others only see while it holds still.

    Args:
        work: What it does; it calls `answer` now and then.
        name: The thread's name.
    """

    def __init__(self, work: Callable[[], None], *, name: str) -> None:
        self._work = work
        self._questions: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]]
        self._questions = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.start = self._thread.start
        self.is_alive = self._thread.is_alive

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 # `wait` raises it
            self._error = error
        finally:
            with self._lock:
                self._ended = True
            self.answer()

    def is_current(self) -> bool:
        """Whether it is this thread that asks."""
        return threading.current_thread() is self._thread

    def answer(self) -> None:
        """Answer what was asked since the last time."""
        while not self._questions.empty():
            future, question = self._questions.get()
            try:
                future.set_result(question())
            except BaseException as error:  # noqa: BLE001 # raised where it was asked
                future.set_exception(error)

    def ask(self, question: Callable[[], T]) -> T:
        """The answer of the thread, or once it has ended, of this one."""
        future: Future[T] = Future()
        with self._lock:
            if not self._ended:
                self._questions.put((future, question))
                ended = False
            else:
                ended = True
        return question() if ended else future.result()

    def wait(self, timeout: float | None) -> bool:
        """Wait for the thread's end; whether it has come. Raises what ended it."""
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()
