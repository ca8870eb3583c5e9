"""Asynchronous work for callers that are not, inside Jupyter's running loop or anywhere else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["run_in_own_loop"]

T = TypeVar("T")


def run_in_own_loop(
    work: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], None] = lambda: None
) -> T:
    """Run asynchronous work in a loop and a thread of its own, and wait for it.

    Args:
        work: Makes what is to be run.
        stop: Asks it to end early, when the caller is interrupted; it is waited for all the same.

    Example:
        >>> async def answer():
        ...     return 42
        >>> run_in_own_loop(answer)
        42
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            done.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 # raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=body, name="streamkit delivery")
    thread.start()
    try:
        thread.join()
    except BaseException:
        stop()
        thread.join()
        raise
    if failed:
        raise failed[0]
    return done[0]
