"""What an answer costs as the events grow: counted by the process and by DuckDB, not by the clock."""

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
from streamkit import History, backtest
from streamkit.matching import plain_rows, touching
from tests.bench import streams
from tests.bench.workloads import NOW, SCHEMA

asked, put, queried, rows = asking._watched, touching.Touching.put, [0], [0]

def watched(connection, work):
    connection.execute("PRAGMA enable_profiling = 'no_output'")
    answer = asked(connection, work)
    profile = json.loads(connection.get_profiling_information(format="json"))
    queried.append(profile["io"]["total_bytes_read"])
    return answer

def counted(self, prepared):
    rows.append(len(prepared[0]))
    put(self, prepared)

def bytes_read():
    return int(Path("/proc/self/io").read_text().split()[1])

asking._watched, touching.Touching.put = watched, counted
folder, name, since, until, kind = sys.argv[1:]
if kind == "asked":
    plain_rows.PlainRows.of = lambda scan: None
history = History(Path(folder), SCHEMA, keep=0)
one_file = History(min(Path(folder).iterdir()), SCHEMA, keep=0)
backtest(getattr(streams, name)(), one_file, now=NOW).summary  # loads what is loaded when used
rows, queried = [0], [0]
before = bytes_read()
found = backtest(
    getattr(streams, name)(), history, since=since or None, until=until or None, now=NOW
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
matches = sum(each["matches"] for each in found.summary["streams"])
read = bytes_read() - before
described = found.matches.height
print(json.dumps({"read": read, "queried": sum(queried), "rows": sum(rows), "peak": peak,
                  "matches": matches, "described": described}))
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


KINDS = pytest.mark.parametrize("kind", ["plain", "asked"])


@KINDS
@pytest.mark.parametrize("name", ["sparse", "dense", "together"])
def test_cost_grows_with_the_events_and_no_faster(
    shops: dict[int, Path], name: str, kind: str
) -> None:
    """Bytes read, rows brought out, and memory; columns that nobody looks at stay unread."""
    small, large = (probe(shops[events], name, kind=kind) for events in (SMALL, LARGE))
    assert large["described"] == large["matches"] > small["matches"] > 0
    assert large["read"] <= 1.1 * GROWTH * small["read"]
    assert large["queried"] <= 1.1 * GROWTH * small["queried"]
    assert large["rows"] <= 1.1 * GROWTH * small["rows"]
    assert large["peak"] - small["peak"] <= BYTES_OF_AN_EVENT * (LARGE - SMALL)
    size = sum(file.stat().st_size for file in shops[LARGE].iterdir())
    assert 0 < large["read"] <= size * (0.75 if kind == "plain" else 1.0)
    if kind == "plain" and name != "together":  # names tell all: no query reads anything
        assert not large["queried"]


@pytest.mark.parametrize(
    ("since", "until", "most"),
    [("2026-03-28", "", 0.5), ("2026-03-10", "2026-03-12", 0.33), ("", "2026-03-03", 0.2)],
)
@KINDS
def test_two_days_cost_little_of_a_month(
    shops: dict[int, Path], since: str, until: str, most: float, kind: str
) -> None:
    """Files outside the range are not opened for it; only keys and times are read of all before.

    Both ways of reading are held against what a query reads of the whole month.
    """
    whole = probe(shops[LARGE], "dense", kind="asked")
    part = probe(shops[LARGE], "dense", since, until, kind=kind)
    assert 0 < part["matches"] < whole["matches"] / 8
    assert part["read"] < most * whole["read"]
    assert part["rows"] < 0.15 * whole["rows"]


def probe(
    folder: Path, name: str, since: str = "", until: str = "", *, kind: str
) -> dict[str, int]:
    """A backtest in a process of its own."""
    command = [sys.executable, "-c", PROBE, str(folder), name, since, until, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counted: dict[str, int] = json.loads(done.stdout)
    return counted
