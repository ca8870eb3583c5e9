"""Asynchronous work for callers that are not, inside Jupyter's running loop or anywhere else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

__all__ = ["run_in_own_loop"]

T = TypeVar("T")
LOOK = 0.1
"""Seconds between looks for an interrupt, whose signal need not reach the thread that waits."""


def run_in_own_loop(
    work: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], None] | None = None
) -> T:
    """Run asynchronous work in a loop and a thread of its own, and wait for it.

    Args:
        work: Makes what is to be run.
        stop: Asks it to end early when the caller is interrupted (Ctrl-C): what it gives then is
            the answer. Without it, or at a second interrupt, the work is cancelled and the
            interrupt goes on to the caller.

    Example:
        >>> async def answer():
        ...     return 42
        >>> run_in_own_loop(answer)
        42
    """
    done: Future[T] = Future()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None, "a coroutine of a loop runs in a task"
        running.append((asyncio.get_running_loop(), task))
        return await work()

    def body() -> None:
        try:
            done.set_result(asyncio.run(cancellable()))
        except BaseException as error:  # noqa: BLE001 # raised again in the caller's thread
            done.set_exception(error)

    thread = threading.Thread(target=body, name="streamkit delivery")
    thread.start()
    try:
        try:
            return _result(done)  # not join(): once interrupted, it takes the thread for ended
        except KeyboardInterrupt:
            if stop is None:
                raise
            stop()
            return _result(done)
    except KeyboardInterrupt:
        for loop, task in running:
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()


def _result(done: Future[T]) -> T:
    while not done.done():
        wait([done], LOOK)
    return done.result()
