"""A live run that listens, in a process of its own, to be killed; `test_http_kills.py` starts it.

It ends when its standard input does, and prints what it counted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamkit import Match, Schema, Stream
from streamkit.streaming import state_file
from streamkit.streaming.listening import HttpSource
from streamkit.streaming.live_run import live
from streamkit.streaming.state_file import StateFile
from tests.running.examples import NOW

SCHEMA = Schema(time="at", name="event", session="sid", id="id")
STREAM = Stream.from_dict(
    {"name": "pairs", "steps": [{"event": "A"}, {"event": "B"}], "within": "1m", "frequency": "every"}
)  # fmt: skip


class SlowState(StateFile):
    """A slow disk: what was read is not safe for a while, so a kill finds something to lose."""

    def commit(self, **parts: Any) -> None:
        time.sleep(0.05)
        super().commit(**parts)


def main(address: str, folder: str) -> None:
    """Run until standard input is closed."""
    state_file.StateFile = SlowState  # type: ignore[misc] # where a run with a state finds it
    file = os.open(Path(folder) / "matches.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(match: Match) -> None:
        os.write(file, json.dumps(match.to_row()).encode() + b"\n")

    run = live(STREAM, HttpSource(address), SCHEMA, sink=write, state=Path(folder) / "state.db",
               allowed_lateness="30s", idle_after=None, now=lambda: NOW + timedelta(days=1))  # fmt: skip
    sys.stdin.read()
    run.stop()
    print(json.dumps({"late": run.stats.matcher.late}))  # noqa: T201 # read by the test


if __name__ == "__main__":
    main(*sys.argv[1:])
