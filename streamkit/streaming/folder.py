"""`FolderSource`: files that land in a folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from streamkit.errors import EventsError
from streamkit.events.storage import format_of
from streamkit.streaming.landed_files import (
    HalfWrittenError,
    Lines,
    array_items,
    hive_columns,
    is_array,
    parquet_rows,
    unpacked_lines,
)
from streamkit.streaming.source import Arrived, EndOfEvents

__all__ = ["FolderSource"]

log = logging.getLogger("streamkit.streaming")

Done: TypeAlias = "tuple[int, int, bool]"
"""Of a file: rows read, bytes read where it may grow, whether there is nothing more of it."""
NOTHING: Done = (0, 0, False)
LOOK_EVERY = 0.25
"""Seconds between two looks into the folder; a look that takes long is followed by a longer rest."""
REST = 10
HALF_WRITTEN_SECONDS = 60.0
"""After so long a file that is not whole is worth a warning."""


class FolderSource:
    r"""Reads each Parquet or NDJSON file that lands in a folder or below it, once.

    Files that are there together are read in the order of their paths, and their rows in their
    own order, so let the allowed lateness cover how much files overlap in time. An event's
    position is the file's path and the row, as a backtest over the folder has it. Folders such as
    `day=2026-03-01` are columns.

    A file that is not whole is left alone: Parquet until its end can be read, `.gz` until it
    unpacks, a JSON array until it closes. NDJSON is read up to its last line's end and goes on to be read as it grows; what
    stands behind that is taken for a line once the file has not grown for `settled` seconds.
    Names that begin with a dot or underscore are not looked at, so a writer may also use such a
    name and rename the file when it is done. A path that was read is never read again.

    Args:
        folder: The folder.
        once: End when everything that is there was read.
        settled: Seconds without growth after which a last line needs no end.
        clock: Seconds that go by.

    Raises:
        EventsError: It is no folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     _ = (Path(name) / "1.ndjson").write_text('{"event": "add_to_cart"}\n')
        ...     source = FolderSource(name)
        ...     source.open(None)
        ...     source.read(timeout=0).positions
        [('1.ndjson', 0)]
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        once: bool = False,
        settled: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise EventsError(
                f"{str(folder)!r} is not a folder",
                code="no-such-folder",
                hint="make it first, so that a misspelt name is not watched for ever",
            )
        self._once = once
        self._settled = settled
        self._clock = clock
        self._columns: Collection[str] | None = None
        self._done: dict[str, Done] = {}
        self._batches: Iterator[Arrived] = iter(())
        self._found: list[str] = []
        self._look_at = clock()
        self._sizes: dict[str, tuple[int, float]] = {}
        """Of files that are not whole: their size, and since when they have it."""
        self._told: set[str] = set()

    def __repr__(self) -> str:
        return f"FolderSource({str(self.folder)!r})"

    def choose(self, columns: Collection[str]) -> None:
        """Read only these columns of Parquet files."""
        self._columns = frozenset(columns)

    def open(self, position: Any | None) -> None:
        """Begin behind what was read of each file."""
        self._done = {
            path: (rows, size, bool(whole))
            for path, (rows, size, whole) in (position or {}).items()
        }

    def read(self, timeout: float) -> Arrived | None:
        """The next rows of the first file by path that has some.

        Raises:
            EndOfEvents: Everything was read, and `once` is set.
        """
        while True:
            arrived = next(self._batches, None)
            if arrived is not None:
                return arrived
            if self._found:
                self._batches = self._read_file(self._found.pop())
                continue
            now = self._clock()
            if now < self._look_at:
                time.sleep(min(timeout, self._look_at - now))
                if timeout <= 0 or self._clock() < self._look_at:
                    return None
                timeout = 0
            self._look()
            if not self._found:
                if self._once:
                    self._tell_half_written()
                    raise EndOfEvents
                if timeout <= 0:
                    return None

    def _look(self) -> None:
        """See which files have something to read; the last by path comes first in the list."""
        began = self._clock()
        found = []
        for path, size in _files(self.folder):
            rows, read, is_whole = self._done.get(path, NOTHING)
            if is_whole or (rows and size <= read):
                continue
            known = self._sizes.get(path)
            if known is None or known[0] != size:
                self._sizes[path] = (size, began)
                found.append(path)
            elif self._once:
                continue  # looked at before, and not whole
            elif began - known[1] >= self._settled:
                found.append(path)
                self._warn(path, began - known[1])
        self._found = sorted(found, key=os.fsencode, reverse=True)
        took = self._clock() - began
        self._look_at = began + took + max(LOOK_EVERY, REST * took)

    def _read_file(self, path: str) -> Iterator[Arrived]:
        """What is new of a file; nothing where it is not whole."""
        file, extra = self.folder / path, hive_columns(path)
        kind = format_of(path)
        rows, size, _ = self._done.get(path, NOTHING)
        try:
            if kind == "Parquet":
                batches: Iterator[list[Any]] = parquet_rows(file, rows, self._columns)
            elif kind == "NDJSON" and path.lower().endswith(".gz"):
                batches = unpacked_lines(file, rows)
            elif kind == "NDJSON" and path.lower().endswith(".json") and is_array(file):
                batches = array_items(file, rows)
            elif kind == "NDJSON":
                yield from self._read_lines(path, extra)
                return
            else:
                self._done[path] = (0, 0, True)
                log.warning("file left out: its name ends in nothing that is read",
                            extra={"file": path})  # fmt: skip
                return
            for batch in batches:
                yield self._arrived(path, batch, extra, size)
            self._done[path] = (self._done.get(path, NOTHING)[0], 0, True)
            self._sizes.pop(path, None)
            yield Arrived((), (), dict(self._done))
        except HalfWrittenError:
            return
        except OSError as error:
            log.warning("file could not be read", extra={"file": path, "problem": str(error)})

    def _read_lines(self, path: str, extra: dict[str, str | None]) -> Iterator[Arrived]:
        """Lines of a file that may grow."""
        size = self._done.get(path, NOTHING)[1]
        lines = Lines(self.folder / path, size)
        known = self._sizes.get(path)
        is_settled = known is not None and self._clock() - known[1] >= self._settled
        for batch in lines.read(with_rest=self._once or is_settled):
            yield self._arrived(path, batch, extra, lines.offset)

    def _arrived(
        self, path: str, batch: list[Any], extra: dict[str, str | None], offset: int
    ) -> Arrived:
        """Rows as events; blank lines have a row and are no events."""
        first = self._done.get(path, NOTHING)[0]
        self._done[path] = (first + len(batch), offset, False)
        numbered = [
            (event, (path, row))
            for row, event in enumerate(batch, first)
            if not isinstance(event, bytes) or event.strip()
        ]
        events = (
            [_with(event, extra) for event, _ in numbered] if extra else [e for e, _ in numbered]
        )
        return Arrived(events, [position for _, position in numbered], dict(self._done))

    def _warn(self, path: str, seconds: float) -> None:
        if seconds >= HALF_WRITTEN_SECONDS and path not in self._told:
            self._told.add(path)
            log.warning("file is not whole and has not grown", extra={"file": path})

    def _tell_half_written(self) -> None:
        for path in self._sizes:
            if not self._done.get(path, NOTHING)[2] and format_of(path) == "Parquet":
                log.warning("file left alone: it is not whole", extra={"file": path})

    def committed(self, position: Any) -> None:
        """Nothing to tell a folder."""

    def close(self) -> None:
        """Let go of the file that is read."""
        self._batches = iter(())


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Paths inside a folder, with `/` on every system, and how large the files are."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[:1] not in (".", "_")]
        inside = Path(place).relative_to(folder)
        for name in names:
            if name[:1] not in (".", "_"):
                try:
                    size = (folder / inside / name).stat().st_size
                except OSError:
                    continue  # renamed or removed meanwhile
                yield (inside / name).as_posix(), size


def _with(event: Any, columns: dict[str, str | None]) -> Any:
    """An event with the columns that its folders stand for."""
    if isinstance(event, bytes):
        from streamkit.matching.row_documents import parse_document

        try:
            found = parse_document(event.decode())
        except UnicodeDecodeError:
            return event
        return {**found, **columns} if isinstance(found, dict) else event
    return {**event, **columns}
