"""A progress line on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

SILENT_SECONDS = 1.0


@contextmanager
def progress() -> Iterator[Callable[[str, float | None], None] | None]:
    """Yields a function to report to; None where standard error is no terminal.

    The line appears after the first second and is gone when the work is done.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None)
    began = time.monotonic()
    lock = threading.Lock()  # stages are told by the caller, fractions by the watching thread

    def report(stage: str, fraction: float | None) -> None:
        with lock:
            total = None if fraction is None else 1.0
            bar.update(task, description=stage, total=total, completed=fraction or 0.0)
            if not bar.live.is_started and time.monotonic() - began > SILENT_SECONDS:
                bar.start()

    try:
        yield report
    finally:
        bar.stop()
