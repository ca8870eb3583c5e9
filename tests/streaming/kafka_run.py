"""A live run over a topic in a process of its own, to be killed; `test_kafka_kills.py` starts it.

It prints a dot for each batch that it reads, and at the end what it counted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streamkit import Match, Stream
from streamkit.streaming import kafka_member, live_run
from streamkit.streaming.kafka import KafkaSource
from streamkit.streaming.source import Arrived
from tests.streaming.brokers import QUICK

SCHEMA = {"time": "at", "name": "event", "session": "sid", "user": "uid"}
START = datetime(2026, 1, 1, tzinfo=UTC)
LATENESS = "5s"
STREAMS = [
    Stream.from_dict({"name": "twice", "steps": [{"event": "A"}, {"exclude": {"event": "X"}}, {"event": "B"}],
                      "within": "60s", "frequency": "every"}),
    Stream.from_dict({"name": "waits", "steps": [{"event": "B"}, {"exclude": {"event": "A"}, "for": "20s"}],
                      "frequency": "every", "cooldown": {"for": "90s", "by": "user"}}),
    Stream.from_dict({"name": "once", "steps": [{"event": "A"}, {"event": "B"}, {"event": "X"}], "within": "10m"}),
]  # fmt: skip


class Slow(KafkaSource):
    """Takes its time, so that there are many points to be killed at."""

    def read(self, timeout: float) -> Arrived | None:
        arrived = super().read(timeout)
        if arrived is not None and arrived.events:
            time.sleep(0.005)
            print(".", end="", flush=True)  # noqa: T201 # read by the test
        return arrived


def main(servers: str, topic: str, folder: str, events: int, newest: float) -> None:
    """Run until so many events have been counted, over all runs."""
    kafka_member.BATCH = 20  # type: ignore[misc]
    live_run.MAX_DELAY = 0.03  # type: ignore[misc]
    present = START + timedelta(seconds=newest)
    source = Slow(topic, servers=servers, group="killed", schema=SCHEMA, allowed_lateness=LATENESS,
                  config=QUICK, now=lambda: present)  # fmt: skip
    file = os.open(Path(folder) / "matches.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(match: Match) -> None:
        row: dict[str, Any] = match.to_row()
        os.write(file, json.dumps(row).encode() + b"\n")

    run = live_run.live(STREAMS, source, SCHEMA, sink=write, state=Path(folder) / "state.db",
                        now=lambda: present)  # fmt: skip
    while run.stats.matcher.events < events or run.stats.matcher.held:
        run.wait(0.05)
    run.stop()
    stats = run.stats.matcher
    print(json.dumps({"events": stats.events, "late": stats.late, "pending": stats.pending}))  # noqa: T201 # same


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
