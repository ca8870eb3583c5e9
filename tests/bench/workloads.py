"""The workloads of the benchmark, and the bare scan that each is held against."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from streamkit import History, Schema, Stream, backtest, event, exclude, prop
from streamkit.matching.plan import compile_streams

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SCHEMA = Schema(
    time="event_time",
    name="event_name",
    session="session_id",
    user="user_id",
    id="event_id",
    json=["properties"],
)


def sparse() -> list[Stream]:
    """Three steps and an exclude on rare events."""
    return [
        Stream(
            "sparse",
            [
                event("add_to_cart"),
                exclude(event("remove_from_cart")),
                event("checkout_start"),
                event("checkout_error"),
            ],
            within="1h",
        )
    ]


def dense() -> list[Stream]:
    """Three steps and an exclude on the commonest events."""
    return [
        Stream(
            "dense",
            [
                event("page_view"),
                exclude(event("add_to_cart")),
                event("product_view"),
                event("page_view"),
            ],
            within="30m",
        )
    ]


def together() -> list[Stream]:
    """25 streams as a shop has them: half on rare events, some with criteria, all one scan."""
    rare = ("checkout_error", "rage_click", "wishlist_add", "cart_view", "purchase")
    streams = []
    for number, last in enumerate(rare * 5):
        first = ("product_view", "search", "add_to_cart", "login", "checkout_start")[number // 5]
        streams.append(
            Stream(
                f"stream-{number}",
                [
                    event(first).where(prop("country") != "FR") if number % 2 else event(first),
                    exclude(event("logout")),
                    event(last),
                ],
                within=f"{10 + number}m",
                frequency="once" if number % 3 else "non_overlapping",
            )
        )
    return streams


WORKLOADS: dict[str, Callable[[], list[Stream]] | None] = {
    "sparse": sparse,
    "dense": dense,
    "25 streams": together,
    "catalogue": None,
}
"""What makes the streams of a workload; None is the catalogue."""


def scan_of(folder: Path, streams: list[Stream]) -> str:
    """DuckDB bringing out the same columns of the rows that touch, and nothing else."""
    names = compile_streams(streams).flags.names or ()
    wanted = ", ".join(f"'{name}'" for name in sorted(names))
    return (
        "SELECT session_id, epoch_us(event_time) AS time, event_id, event_name"
        f" FROM read_parquet('{folder}/*.parquet') WHERE event_name IN ({wanted})"
    )


def scan_of_all(folder: Path) -> str:
    """DuckDB reading every column once."""
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{folder}/*.parquet')")
    columns = [row[0] for row in described.fetchall()]
    largest = ", ".join(f"CAST(max({column}) AS VARCHAR)" for column in columns)
    return f"SELECT {largest} FROM read_parquet('{folder}/*.parquet')"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of wall clock, and what came of it."""
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def main(name: str, folder: Path) -> dict[str, float]:
    """Run a workload once, between two bare scans."""
    make = WORKLOADS[name]
    history = History(folder, SCHEMA)
    streams = make() if make else []
    scan = scan_of(folder, streams) if make else scan_of_all(folder)
    before, scanned = timed(lambda: duckdb.sql(scan).to_arrow_table().num_rows)
    if make:
        seconds, result = timed(lambda: backtest(streams, history, now=NOW))
        matches, rows = result.matches.height, result.summary["rows"]
    else:
        seconds, catalog = timed(lambda: history.catalog(now=NOW))
        matches, rows = 0, sum(event.count for event in catalog.events)
        scanned = rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    after, _ = timed(lambda: duckdb.sql(scan).to_arrow_table().num_rows)
    return {
        "seconds": seconds,
        "scan_seconds": (before + after) / 2,
        "peak_megabytes": peak,
        "matches": matches,
        "touching_share": scanned / rows,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
