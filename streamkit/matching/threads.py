"""Work on many things at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["in_threads"]

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The outcomes of work, in order; most of it runs outside the interpreter's lock.

    A few items are under way at a time, so that outcomes do not pile up, and so that little is
    left to wait for when something ends it early.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads, thread_name_prefix="streamkit-match") as pool:
        left = iter(items)
        under_way: deque[Future[R]] = deque(
            pool.submit(work, item) for item in islice(left, threads + 1)
        )
        try:
            while under_way:
                outcome = under_way.popleft().result()
                under_way.extend(pool.submit(work, item) for item in islice(left, 1))
                yield outcome
        finally:
            pool.shutdown(cancel_futures=True)
