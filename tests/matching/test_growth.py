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
GROWTH = LARGE / SMALL
PROBE = """
import json, resource, sys
from pathlib import Path
import streamkit.events.asking as asking
import streamkit.matching.find as find
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
folder, name, since, until, told = sys.argv[1:]
find.ROWS_WITH_FACTS = int(told)
history = History(Path(folder), SCHEMA, keep=0)
found = backtest(
    getattr(streams, name)(), history, since=since or None, until=until or None, now=NOW
)
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


@pytest.mark.parametrize("told", [0, 10_000_000], ids=["read again", "told at once"])
@pytest.mark.parametrize("name", ["sparse", "dense", "together"])
def test_cost_grows_with_the_events_and_no_faster(
    shops: dict[int, Path], name: str, told: int
) -> None:
    """Bytes read, rows that leave DuckDB, and memory; columns that nobody looks at stay unread."""
    small, large = (probe(shops[events], name, told=told) for events in (SMALL, LARGE))
    assert large["matches"] > small["matches"] > 0
    assert large["read"] <= 1.1 * GROWTH * small["read"]
    assert large["rows"] <= 1.1 * GROWTH * small["rows"]
    assert large["peak"] - small["peak"] <= BYTES_OF_AN_EVENT * (LARGE - SMALL)
    size = sum(file.stat().st_size for file in shops[LARGE].iterdir())
    assert large["read"] <= size * (1.0 if told else 1.5)  # ids are read twice there


@pytest.mark.parametrize(
    ("since", "until", "most"),
    [("2026-03-28", "", 0.5), ("2026-03-10", "2026-03-12", 0.33), ("", "2026-03-03", 0.2)],
)
@pytest.mark.parametrize("told", [0, 10_000_000], ids=["read again", "told at once"])
def test_two_days_cost_little_of_a_month(
    shops: dict[int, Path], since: str, until: str, most: float, told: int
) -> None:
    """Files outside the range are not opened for it; only keys and times are read of all before."""
    whole = probe(shops[LARGE], "dense", told=told)
    part = probe(shops[LARGE], "dense", since, until, told=told)
    assert 0 < part["matches"] < whole["matches"] / 8
    assert part["read"] < most * whole["read"]
    assert part["rows"] < 0.15 * whole["rows"]


def probe(
    folder: Path, name: str, since: str = "", until: str = "", *, told: int
) -> dict[str, int]:
    """A backtest in a process of its own."""
    command = [sys.executable, "-c", PROBE, str(folder), name, since, until, str(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counted: dict[str, int] = json.loads(done.stdout)
    return counted
