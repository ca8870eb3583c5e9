"""Streams, and events in files, that the tests of live runs share."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streamkit import Schema, Stream
from tests.running.examples import START

SCHEMA = Schema(time="at", name="event", session="sid", user="uid", id="id")
WAIT = {"exclude": {"event": "X"}, "for": "10m"}
DEFINITIONS = [
    {"name": "pair", "steps": [{"event": "A"}, {"event": "B"}], "within": "20m"},
    {"name": "wait", "steps": [{"event": "A"}, WAIT], "frequency": "every"},
    {"name": "ever", "per": "user", "steps": [{"exclude": {"event": "X"}}, {"event": "C"}]},
    {"name": "rare", "steps": [{"event": "A"}, {"event": "C"}], "within": "unbounded",
     "frequency": "non_overlapping", "cooldown": {"for": "1h", "by": "user"}},
]  # fmt: skip
STREAMS = [Stream.from_dict(definition) for definition in DEFINITIONS]
LATENESS = timedelta(minutes=30)


def event_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Events of 25 users, a little out of order and often at equal times."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        disorder = chance.randrange(LATENESS // timedelta(minutes=1))
        user = chance.randrange(25)
        rows.append(
            {
                "at": START + timedelta(minutes=number // 3 - disorder),
                "event": chance.choice("AABCX"),
                "sid": f"s{user}-{number // 600}",
                "uid": f"u{user}",
                "id": f"i{number if chance.random() < 0.95 else number - 1}",
            }
        )
    return rows


def write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def as_line(row: dict[str, Any]) -> str:
    return json.dumps(row | {"at": row["at"].isoformat()}) + "\n"


def write_files(rows: list[dict[str, Any]], folder: Path, size: int = 100) -> list[Path]:
    """The events as Parquet files, named so that their order is the rows'."""
    folder.mkdir(exist_ok=True)
    paths = []
    for start in range(0, len(rows), size):
        paths.append(folder / f"{start:08}.parquet")
        write_parquet(rows[start : start + size], paths[-1])
    return paths


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
