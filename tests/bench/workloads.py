"""The workloads of the benchmark, and the bare scan that each is held against."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from streamkit import History, Schema, Stream, backtest, event, exclude, prop

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SCHEMA = Schema(
    time="event_time",
    name="event_name",
    session="session_id",
    user="user_id",
    id="event_id",
    json=["properties"],
)
SPARSE = ("add_to_cart", "remove_from_cart", "checkout_start", "checkout_error")
DENSE = ("page_view", "add_to_cart", "product_view")


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


WORKLOADS: dict[str, tuple[Callable[[], list[Stream]], tuple[str, ...] | None]] = {
    "sparse": (sparse, SPARSE),
    "dense": (dense, DENSE),
    "25 streams": (together, None),
}
"""Streams, and the event names that the bare scan filters by (None takes those of the streams)."""


def bare_scan(folder: Path, names: tuple[str, ...]) -> tuple[float, int]:
    """DuckDB bringing out the same columns of the same rows, and nothing else."""
    wanted = ", ".join(f"'{name}'" for name in names)
    began = time.perf_counter()
    rows = (
        duckdb.sql(
            "SELECT session_id, epoch_us(event_time) AS time, event_id, event_name"
            f" FROM read_parquet('{folder}/*.parquet') WHERE event_name IN ({wanted})"
        )
        .to_arrow_table()
        .num_rows
    )
    return time.perf_counter() - began, rows


def main(name: str, folder: Path) -> dict[str, float]:
    """Run a workload once, between two bare scans."""
    make, names = WORKLOADS[name]
    streams = make()
    if names is None:
        from streamkit.matching.plan import compile_streams

        names = tuple(sorted(compile_streams(streams).flags.names or ()))
    before, touching = bare_scan(folder, names)
    began = time.perf_counter()
    result = backtest(streams, History(folder, SCHEMA), now=NOW)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    after, _ = bare_scan(folder, names)
    return {
        "seconds": seconds,
        "scan_seconds": (before + after) / 2,
        "peak_megabytes": peak,
        "matches": result.matches.height,
        "touching_share": touching / result.summary["rows"],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
