"""Kill -9 at any point and start again: with Kafka nothing is missing and nothing is doubled."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import History, backtest
from tests.streaming.brokers import PARTITIONS, Cluster, cluster
from tests.streaming.kafka_run import SCHEMA, START, STREAMS

EVENTS = 4000


def topic(seed: int) -> list[list[dict[str, Any]]]:
    """Events of each partition: many of equal time, out of order by less than the lateness."""
    random_ = random.Random(seed)
    partitions: list[list[dict[str, Any]]] = [[] for _ in range(PARTITIONS)]
    for n in range(EVENTS):
        user = random_.randrange(60)
        second = max(n // 4 - random_.choice([0, 0, 0, 1, 2, 4]), 0)
        partitions[user % PARTITIONS].append(
            {
                "at": (START + timedelta(seconds=second)).isoformat(),
                "event": random_.choice("AAABBX"),
                "sid": f"{user}-{n // 1000}",
                "uid": f"u{user}",
            }
        )
    return partitions


class Process:
    """A live run in a process of its own."""

    def __init__(self, kafka: Cluster, name: str, folder: Path) -> None:
        newest = (EVENTS - 1) // 4
        words = [kafka.servers, name, str(folder), str(EVENTS), str(newest)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.streaming.kafka_run", *words], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout

    def kill_after(self, batches: int, seconds: float) -> bool:
        """Kill it so long after so many batches; whether it was still at work."""
        for _ in range(batches):
            if self._output.read(1) != b".":
                break
        time.sleep(seconds)
        was_alive = self._process.poll() is None
        self._process.kill()
        self._process.communicate()
        return was_alive

    def finish(self) -> dict[str, Any]:
        """Let it come to its end, and what it counted."""
        output, _ = self._process.communicate(timeout=100)
        assert self._process.returncode == 0
        counted: dict[str, Any] = json.loads(output.decode().lstrip("."))
        return counted


def kill_and_compare(seed: int, kills: int, folder: Path) -> None:
    """Run over a topic, killed so often, and compare with the backtest."""
    random_ = random.Random(seed)
    sent = topic(seed)
    rows = [event for partition in sent for event in partition]
    expected = backtest(STREAMS, History(pl.DataFrame(rows), SCHEMA), now=START + timedelta(days=9))
    assert all(each["matches"] > 10 for each in expected.summary["streams"])
    with cluster() as kafka:
        kafka.send("events", [(n, each) for n, part in enumerate(sent) for each in part])
        killed = 0
        for _ in range(kills):
            killed += Process(kafka, "events", folder).kill_after(
                random_.randrange(1, 30), random_.random() * 0.03
            )
        counted = Process(kafka, "events", folder).finish()
    assert killed == kills, "each time before its end"
    # an event that was read twice would be counted twice
    assert counted == {"events": EVENTS, "late": 0, "pending": expected.pending.height}
    lines = (folder / "matches.ndjson").read_text().splitlines()
    found: dict[str, Any] = {}
    for row in map(json.loads, lines):
        assert found.setdefault(row["match_id"], row) == row, "a match under its id never changes"
    wanted = {row["match_id"]: row for row in _plain(expected.matches)}
    assert found == wanted


def _plain(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table of matches as a match's own."""
    times = ("started_at", "matched_at", "fired_at")
    event = pl.element().struct.with_fields(pl.field("time").dt.epoch("us"))
    plain = table.with_columns(
        *(pl.col(name).dt.epoch("us") for name in times), pl.col("events").list.eval(event)
    )
    return plain.to_dicts()


@pytest.mark.slow
def test_a_killed_run_goes_on_with_kafka(tmp_path: Path):
    """Five times at random points; the union of matches is exactly the backtest's."""
    kill_and_compare(seed=1, kills=5, folder=tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_run_that_is_killed_again_and_again_goes_on_with_kafka(tmp_path: Path, seed: int):
    """Fifty times."""
    kill_and_compare(seed=seed, kills=5, folder=tmp_path)
