"""Work on many things at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_threads"]

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The outcomes of work, in order; most of it runs outside the interpreter's lock."""
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="streamkit-match") as pool:
        yield from pool.map(work, items)
