"""Sinks that are files: NDJSON, and folders of Parquet."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from streamkit.errors import EventsError
from streamkit.matching.row_values import micros_text
from streamkit.running import Match, match_table

__all__ = ["NdjsonSink", "ParquetSink", "file_sink"]


def file_sink(path: str | os.PathLike[str]) -> NdjsonSink | ParquetSink:
    """The sink that a path stands for: a folder of Parquet (it ends in `/`, or is one), or NDJSON.

    Raises:
        EventsError: It is neither.
    """
    text = os.fspath(path)
    if text.endswith(("/", os.sep)) or Path(text).is_dir():
        return ParquetSink(text)
    if Path(text).suffix in (".ndjson", ".jsonl", ".json"):
        return NdjsonSink(text)
    raise EventsError(
        f"no telling whether {text!r} is to be NDJSON or a folder of Parquet",
        code="bad-sink",
        hint="end it in .ndjson, or in / for a folder",
    )


class NdjsonSink:
    """One JSON object a line, each match exactly once if there is a state file.

    How long the file is goes into the state; what a crash left behind that is cut off on restart.
    Without a state file lines are added at the end.

    Args:
        path: The file; made if it is not there.

    Raises:
        EventsError: It cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self.path.open("ab").close()
        except OSError as error:
            raise _not_writable(self.path, error) from None
        self._file: IO[bytes] | None = None

    def resume(self, mark: Any | None) -> None:
        """Cut off what the state does not know of.

        Raises:
            EventsError: The file is shorter than the state says.
        """
        length = self.path.stat().st_size
        if mark is not None and length < mark:
            raise EventsError(
                f"{str(self.path)!r} has {length:,} bytes and the state knows of {mark:,}",
                code="other-file",
                hint="this file and this state do not belong together: give the right one, or"
                " begin with a new state",
            )
        self._file = self.path.open("ab")
        if mark is not None:
            self._file.truncate(mark)

    def mark(self) -> Any:
        """How many bytes there are."""
        return self.path.stat().st_size

    def put(self, batch: int, matches: Sequence[Match]) -> None:  # noqa: ARG002 # the length tells repeats
        """Write the matches to the disk."""
        assert self._file is not None, "a sink is told where to go on before it is given matches"
        self._file.write(b"".join(_line(match) for match in matches))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _line(match: Match) -> bytes:
    row: dict[str, Any] = match.to_row()
    for name in ("started_at", "matched_at", "fired_at"):
        row[name] = micros_text(row[name])
    row["events"] = [each | {"time": micros_text(each["time"])} for each in row["events"]]
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


class ParquetSink:
    """One Parquet file a batch, with the columns that a backtest's table of matches has.

    A file is `matches-<run>-<number>.parquet`: the run is drawn once for a state file, so that a
    batch that comes again after a crash takes its own file's place, and no other's.

    Args:
        folder: The folder; made if it is not there.

    Raises:
        EventsError: It cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(self.folder, error) from None
        self._run = secrets.token_hex(4)

    def resume(self, mark: Any | None) -> None:
        """Go on with the run's name; what a crash left half-written is removed."""
        if mark is not None:
            if not re.fullmatch(r"[0-9a-f]{8}", str(mark)):
                raise EventsError(f"{mark!r} is no mark of a folder of matches", code="other-sink",
                                  hint="this state is of another kind of sink")  # fmt: skip
            self._run = mark
        for half in self.folder.glob(f".matches-{self._run}-*"):
            half.unlink()

    def mark(self) -> Any:
        """The run's name."""
        return self._run

    def put(self, batch: int, matches: Sequence[Match]) -> None:
        """Write a file, which is there whole or not at all."""
        name = f"matches-{self._run}-{batch:010}.parquet"
        half = self.folder / f".{name}"
        with half.open("wb") as file:
            match_table(matches).write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        half.rename(self.folder / name)

    def close(self) -> None:
        """Nothing is open between two batches."""


def _not_writable(path: Path, error: OSError) -> EventsError:
    return EventsError(
        f"{str(path)!r} cannot be written: {error.strerror}",
        code="not-writable",
        hint="name a file in a folder that can be written",
    )
