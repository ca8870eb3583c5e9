"""A progress bar for what takes longer than a second, where somebody is looking."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from streamkit.markup import tag

__all__ = ["Report", "progress"]

Report: TypeAlias = Callable[[str, float | None], None]
"""Told what is being done and how far it is: 0 to 1, None if unknown."""

SILENT_SECONDS = 1.0


@contextmanager
def progress() -> Iterator[Report | None]:
    """Show progress in a notebook, or on standard error if that is a terminal.

    The bar appears after the first second and is gone when the work is done.

    Yields:
        A function to report to; None where nobody is looking.
    """
    if _is_notebook():
        bar: _Bar = _NotebookBar()
    elif sys.stderr.isatty():
        bar = _TerminalBar()
    else:
        yield None
        return
    began = time.monotonic()
    lock = threading.Lock()  # stages are told by the caller, fractions by a watching thread

    def report(stage: str, fraction: float | None) -> None:
        with lock:
            if time.monotonic() - began > SILENT_SECONDS:
                bar.show(stage, fraction)

    try:
        yield report
    finally:
        bar.remove()


class _Bar(Protocol):
    def show(self, stage: str, fraction: float | None) -> None:
        """Show the bar, or bring it up to date."""

    def remove(self) -> None:
        """Take the bar away if it was shown."""


class _TerminalBar:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def show(self, stage: str, fraction: float | None) -> None:
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=stage, total=total, completed=fraction or 0.0)
        self._bar.start()

    def remove(self) -> None:
        self._bar.stop()


class _NotebookBar:
    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, stage: str, fraction: float | None) -> None:
        value = {} if fraction is None else {"value": f"{fraction:.2f}"}
        html = tag("div", tag("progress", **value), f" {stage}", role="status")
        self._display(html)

    def remove(self) -> None:
        if self._handle is not None:
            self._display("")

    def _display(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))


def _is_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
