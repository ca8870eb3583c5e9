"""Events that came too late, in a file: what a matcher may not use is not lost either."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streamkit.errors import EventsError
from streamkit.matching.json_values import to_json
from streamkit.matching.row_values import micros_text
from streamkit.running import LateEvent

__all__ = ["LateLog"]


class LateLog:
    """One JSON object a line: `time`, `watermark` and `position` of an event, and the `event`.

    Lines are on the disk before the state is committed that has seen their events; after a crash
    some may be there twice, with the same position.

    Args:
        path: The file; lines are added at its end.

    Raises:
        EventsError: It cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._file = Path(path).open("ab")  # noqa: SIM115 # it stays open; see close
        except OSError as error:
            raise EventsError(
                f"{os.fspath(path)!r} cannot be written: {error.strerror}",
                code="not-writable",
                hint="name a file in a folder that is there and can be written",
            ) from None

    def write(self, events: Iterable[LateEvent]) -> None:
        """Add events, and bring them to the disk."""
        lines = b"".join(_line(event) for event in events)
        if lines:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(late: LateEvent) -> bytes:
    row: dict[str, Any] = {
        "time": micros_text(late.time),
        "watermark": micros_text(late.watermark),
        "position": to_json(late.position),
        "event": to_json(late.event),
    }
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
