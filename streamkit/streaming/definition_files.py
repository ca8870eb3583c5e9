"""Stream files that change while a run is at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

__all__ = ["DefinitionFiles"]

LOOK_EVERY = 1.0
SUFFIXES = (".yaml", ".yml", ".json")

State: TypeAlias = "dict[str, tuple[int, int]]"


class DefinitionFiles:
    """Files and folders of definitions, looked at now and then.

    Args:
        paths: Files or folders.
        clock: Seconds that go by.
    """

    def __init__(
        self, paths: Sequence[Path], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = [Path(path) for path in paths]
        self._clock = clock
        self._looked = clock()
        self._seen = self._state()
        self._changing: State | None = None

    def have_changed(self) -> bool:
        """Whether files are others than when it last said so, and have been left alone since.

        A file is often written in pieces, so a change counts when two looks find it the same.
        """
        now = self._clock()
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        state = self._state()
        if state == self._seen:
            self._changing = None
            return False
        if state != self._changing:
            self._changing = state
            return False
        self._seen, self._changing = state, None
        return True

    def _state(self) -> State:
        """When each file was written and how large it is; named conditions beside it too."""
        files = set()
        for path in self._paths:
            folder = path if path.is_dir() else path.parent
            files |= {path} if path.is_file() else set()
            files |= {each for each in folder.glob("events.*") if each.suffix in SUFFIXES}
            if path.is_dir():
                files |= {each for each in path.rglob("*") if each.suffix in SUFFIXES}
        found = {}
        for file in files:
            try:
                status = file.stat()
            except OSError:
                continue
            found[str(file)] = (status.st_mtime_ns, status.st_size)
        return found
