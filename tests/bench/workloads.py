"""The workloads of the benchmark: what is timed, and what it is held against.

`python -m tests.bench.workloads NAME OUT EVENTS RUNS [SIDE]` runs one in a process of its own; its
sides take turns, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import polars as pl  # noqa: F401 # loaded before anything is timed

from streamkit import Backtest, History, Schema, Sessionizer, Stream, backtest, event, exclude, prop
from tests.bench import histories
from tests.bench.streams import dense, funnels, scan_of, sparse, together

__all__ = ["WORKLOADS", "Goal", "Workload"]

NOW = datetime(2026, 4, 1, tzinfo=UTC)
ROLES: dict[str, Any] = {
    "time": "event_time",
    "name": "event_name",
    "session": "session_id",
    "user": "user_id",
    "id": "event_id",
}
SCHEMA = Schema(**ROLES, json=["properties"])
Side: TypeAlias = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """How one side shall compare with another.

    Args:
        side: What is measured.
        per: What it is held against.
        most: The largest ratio of their seconds.
    """

    side: str
    per: str
    most: float


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that is timed in several ways.

    Args:
        make: Given the folder of histories and the number of events, what each side does.
        goals: How they shall compare.
    """

    make: Callable[[Path, int], dict[str, Side]]
    goals: tuple[Goal, ...]


def matched(
    streams: list[Stream], folder: Path | list[Path], schema: Schema = SCHEMA
) -> Callable[[], int]:
    """A cold backtest; its answer is what `streamkit backtest --json` tells, all of it counted."""
    history = history_of(folder, schema)
    return lambda: counted(backtest(streams, history, now=NOW))


def described(streams: list[Stream], folder: Path) -> Callable[[], int]:
    """A cold backtest, and the table of its matches: each with its id, its key and its events."""
    history = history_of(folder, SCHEMA)
    return lambda: backtest(streams, history, now=NOW).matches.height


def history_of(folder: Path | list[Path], schema: Schema) -> History:
    files = [str(file) for file in folder] if isinstance(folder, list) else folder
    return History(files, schema, keep=0)


def counted(result: Backtest) -> int:
    return sum(each["matches"] for each in result.summary["streams"])


def scanned(sql: str) -> Side:
    return lambda: duckdb.sql(sql).to_arrow_table().num_rows


def asked_clickhouse(sql: str) -> Side:
    def ask() -> str:
        import chdb

        return str(chdb.query(sql, "CSV")).strip()

    return ask


def on_shop(make: Callable[[], list[Stream]]) -> Callable[[Path, int], dict[str, Side]]:
    def sides(out: Path, events: int) -> dict[str, Side]:
        folder = histories.history(out, events)
        return {
            "backtest": matched(make(), folder),
            "with its table": described(make(), folder),
            "bare scan": scanned(scan_of(folder, make())),
            "chdb": asked_clickhouse(funnels(folder, make())),
        }

    return sides


def many(out: Path, events: int) -> dict[str, Side]:
    sides = on_shop(together)(out, events)
    return sides | {"one dense stream": matched(dense(), histories.history(out, events))}


def halves(
    make: Callable[[Path], Path], streams: list[Stream]
) -> Callable[[Path, int], dict[str, Side]]:
    def sides(out: Path, _: int) -> dict[str, Side]:
        files = sorted(make(out).glob("*.parquet"))
        schema = Schema(**ROLES)
        return {
            "backtest": matched(streams, files, schema),
            "half of it": matched(streams, files[:1], schema),
        }

    return sides


def json_paths(out: Path, events: int) -> dict[str, Side]:
    folder = histories.plain_columns(out, histories.history(out, events))

    def stream(kind: str, load: str, referrer: str) -> list[Stream]:
        view = event("page_view").where(prop(kind) == "category", prop(load) > 300)
        return [Stream("s", [view, event("page_view").where(prop(referrer).exists())], within="1h")]

    paths = [f"properties.{path}" for path in ("page.kind", "page.load_ms", "referrer")]
    return {
        "JSON paths": matched(stream(*paths), folder),
        "plain columns": matched(stream("kind", "load_ms", "referrer"), folder, Schema(**ROLES)),
    }


def sessions(out: Path, events: int) -> dict[str, Side]:
    folder = histories.history(out, events)
    roles = {role: column for role, column in ROLES.items() if role != "session"}
    made = Schema(**roles, sessionizer=Sessionizer(by="user_id", inactivity="30m"))
    return {
        "sessionizer": matched(sparse(), folder, made),
        "session column": matched(sparse(), folder),
    }


def again(out: Path, events: int) -> dict[str, Side]:
    folder = histories.history(out, events)
    histories_of_run: list[History] = []

    def cold() -> int:
        histories_of_run[:] = [History(folder, SCHEMA)]
        return rerun(price=20)

    def rerun(**changed: Any) -> int:
        return counted(backtest(sparse(**changed), histories_of_run[0], now=NOW))

    return {
        "cold": cold,
        "criterion": lambda: rerun(price=30),
        "window": lambda: rerun(price=20, within="30m"),
        "frequency": lambda: rerun(price=20, frequency="every"),
    }


def catalogue(out: Path, events: int) -> dict[str, Side]:
    folder = histories.history(out, events)
    read = f"FROM read_parquet('{folder}/*.parquet')"
    columns = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * {read}").fetchall()]
    largest = ", ".join(f"CAST(max({column}) AS VARCHAR)" for column in columns)
    return {
        "catalogue": lambda: len(History(folder, SCHEMA).catalog(now=NOW).events),
        "bare scan": scanned(f"SELECT {largest} {read}"),
    }


def start(_: Path, __: int) -> dict[str, Side]:
    def run(*arguments: str) -> Side:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return {
        "import streamkit": run("-c", "import streamkit"),
        "streamkit --help": run("-m", "streamkit", "--help"),
        "bare python": run("-c", "pass"),
    }


A_THEN_B = [
    Stream(
        "s",
        [event("page_view"), exclude(event("search")), event("add_to_cart")],
        within="30m",
        frequency="every",
    )
]
HUNDRED = [Stream("s", [event("page_view").at_least(100)], within="1h", frequency="every")]
WORKLOADS = {
    "sparse stream": Workload(
        on_shop(sparse),
        (
            Goal("backtest", "bare scan", 2.0),
            Goal("backtest", "chdb", 0.8),
            Goal("with its table", "bare scan", 2.0),
        ),
    ),
    "dense stream": Workload(
        on_shop(dense), (Goal("backtest", "chdb", 1.0), Goal("with its table", "chdb", 1.0))
    ),
    "25 streams": Workload(
        many,
        (
            Goal("backtest", "one dense stream", 3.0),
            Goal("backtest", "chdb", 0.35),
            Goal("with its table", "chdb", 0.35),
        ),
    ),
    "one key of 10 million events": Workload(
        halves(histories.one_key, A_THEN_B), (Goal("backtest", "half of it", 2.5),)
    ),
    "10 million keys of one event": Workload(
        halves(histories.single_events, A_THEN_B), (Goal("backtest", "half of it", 2.5),)
    ),
    "at_least: 100": Workload(
        halves(histories.one_key, HUNDRED), (Goal("backtest", "half of it", 2.5),)
    ),
    "three JSON paths": Workload(json_paths, (Goal("JSON paths", "plain columns", 3.0),)),
    "sessionizer": Workload(sessions, (Goal("sessionizer", "session column", 2.0),)),
    "re-run": Workload(
        again, tuple(Goal(side, "cold", 0.5) for side in ("criterion", "window", "frequency"))
    ),
    "catalogue": Workload(catalogue, (Goal("catalogue", "bare scan", 3.0),)),
    "start": Workload(
        start,
        (
            Goal("import streamkit", "bare python", 3.0),
            Goal("streamkit --help", "bare python", 6.0),
        ),
    ),
}


def timed(work: Side) -> tuple[float, float, Any]:
    """Seconds of wall clock and of processor, and what came of it."""
    spent = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    began = time.perf_counter()
    answer = work()
    wall = time.perf_counter() - began
    now = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return wall, now - spent, answer


def main(name: str, out: Path, events: int, runs: int, only: str | None = None) -> dict[str, Any]:
    """Run the sides of a workload in turn, once more than counted, so that caches are warm."""
    sides = WORKLOADS[name].make(out, events)
    chosen = [only] if only else list(sides)
    wall: dict[str, list[float]] = {side: [] for side in chosen}
    cpu: dict[str, list[float]] = {side: [] for side in chosen}
    answers = {}
    for run in range(runs + (0 if only else 1)):
        for side in chosen:
            seconds, spent, answers[side] = timed(sides[side])
            if run or only:
                wall[side].append(seconds)
                cpu[side].append(spent)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = {side: answer for side, answer in answers.items() if isinstance(answer, int)}
    return {"wall": wall, "cpu": cpu, "peak_megabytes": peak, "answers": counts}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5]), *sys.argv[5:])))
