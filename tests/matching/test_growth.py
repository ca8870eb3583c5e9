"""What an answer costs as the events grow: counted by DuckDB and the process, not by the clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamkit.sample import generate

pytestmark = pytest.mark.slow

SMALL, LARGE = 1_010_000, 4_040_000
"""Both above the size up to which everything comes with one scan, however much of it touches."""
GROWTH = LARGE / SMALL
PROBE = """
import json, resource, sys
from pathlib import Path
import streamkit.events.asking as asking
from streamkit import History, backtest
from tests.bench import streams
from tests.bench.workloads import NOW, SCHEMA

read, rows, asked = [], [], asking._watched

def watched(connection, work):
    connection.execute("PRAGMA enable_profiling = 'no_output'")
    answer = asked(connection, work)
    profile = json.loads(connection.get_profiling_information(format="json"))
    read.append(profile["io"]["total_bytes_read"])
    rows.append(profile["operator"][0]["children"][0]["intermediate_rows"])
    return answer

asking._watched = watched
history = History(Path(sys.argv[1]), SCHEMA, keep=0)
found = backtest(getattr(streams, sys.argv[2])(), history, now=NOW)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"read": sum(read), "rows": sum(rows), "peak": peak,
                  "matches": found.matches.height}))
"""
BYTES_OF_AN_EVENT = 200
"""What an event more may take of memory at the peak; about 55 were measured."""


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """One shop at two sizes."""
    made = {}
    for events in (SMALL, LARGE):
        made[events] = tmp_path_factory.mktemp("growth") / str(events)
        generate(made[events], events, days=30, profile="bench")
    return made


@pytest.mark.parametrize("name", ["sparse", "dense", "together"])
def test_cost_grows_with_the_events_and_no_faster(shops: dict[int, Path], name: str) -> None:
    """Bytes read, rows that leave DuckDB, and memory; columns that nobody looks at stay unread."""
    small, large = (probe(shops[events], name) for events in (SMALL, LARGE))
    assert large["matches"] > small["matches"] > 0
    assert large["read"] <= 1.1 * GROWTH * small["read"]
    assert large["rows"] <= 1.1 * GROWTH * small["rows"]
    assert large["peak"] - small["peak"] <= BYTES_OF_AN_EVENT * (LARGE - SMALL)
    size = sum(file.stat().st_size for file in shops[LARGE].iterdir())
    assert large["read"] <= size * (1.0 if name == "sparse" else 1.5)  # ids are read twice there


def probe(folder: Path, name: str) -> dict[str, int]:
    """A backtest in a process of its own."""
    command = [sys.executable, "-c", PROBE, str(folder), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counted: dict[str, int] = json.loads(done.stdout)
    return counted
