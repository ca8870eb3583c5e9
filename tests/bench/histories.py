"""The histories that are measured: the generated shop, and shapes that could be a cliff."""

from __future__ import annotations

from pathlib import Path

import duckdb

from streamkit.sample import generate

__all__ = ["history", "one_key", "plain_columns", "single_events"]

HALF = 5_000_000
"""Events of each of the two files of a shape: one file is half of the work."""


def history(out: Path, events: int) -> Path:
    """The shop's history of so many events, made once."""
    folder = out / f"events_{events}"
    if not folder.exists():
        print(f"making {events:,} events in {folder} …", flush=True)
        generate(folder, events=events, days=30, profile="bench")
    return folder


def one_key(out: Path) -> Path:
    """Two files of one session that never ends, an event a second."""
    return _two_files(out / "one_key", "'only'")


def single_events(out: Path) -> Path:
    """Two files of sessions of one event."""
    return _two_files(out / "single_events", "printf('s%012d', n * 7919 % 99999989)")


def _two_files(folder: Path, session: str) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        for place in range(2):
            duckdb.sql(
                f"COPY (SELECT printf('e%015d', n) AS event_id,"
                f" TIMESTAMPTZ '2025-06-01 00:00:00+00' + to_seconds(n) AS event_time,"
                f" ['page_view', 'product_view', 'search', 'add_to_cart'][CAST(1 + hash(n) % 4 AS BIGINT)] AS event_name,"
                f" {session} AS session_id, 'u' AS user_id"
                f" FROM range({place * HALF}, {(place + 1) * HALF}) AS numbers(n))"
                f" TO '{folder}/{place}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
    return folder


def plain_columns(out: Path, folder: Path) -> Path:
    """The searches and page views of a history, three of their JSON values as columns too."""
    made = out / f"{folder.name}_plain"
    if not made.exists():
        made.mkdir(parents=True)
        for file in sorted(folder.glob("*.parquet")):
            duckdb.sql(
                "COPY (SELECT event_id, event_time, event_name, session_id, user_id, properties,"
                " json_extract_string(properties, '$.page.kind') AS kind,"
                " TRY_CAST(json_extract_string(properties, '$.page.load_ms') AS BIGINT) AS load_ms,"
                " json_extract_string(properties, '$.referrer') AS referrer"
                f" FROM '{file}' WHERE event_name IN ('page_view', 'search')"
                " AND json_valid(properties))"
                f" TO '{made}/{file.name}' (FORMAT parquet, COMPRESSION zstd)"
            )
    return made
