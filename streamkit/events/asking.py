"""Queries that can be watched while they run, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from streamkit.events.sql import Query

__all__ = ["ask", "ask_arrow", "ask_batches", "watching"]

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds between two looks at how far a query is."""


def ask(connection: duckdb.DuckDBPyConnection, query: Query) -> pl.DataFrame:
    """The answer to a query as a frame.

    The query runs in a thread of its own, because DuckDB notices Ctrl-C only between queries:
    so the calling thread hears it at once, stops the query and goes on with the interrupt.
    """
    frame = pl.from_arrow(ask_arrow(connection, query))
    assert isinstance(frame, pl.DataFrame)
    return frame


def ask_arrow(connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
    """The answer to a query as an Arrow table."""
    return _watched(connection, lambda: _asked(connection, query).to_arrow_table())


def ask_batches(
    connection: duckdb.DuckDBPyConnection, query: Query, take: Callable[[pa.RecordBatch], None]
) -> None:
    """Hand on the answer to a query batch by batch as it is found, in no order.

    Args:
        connection: Where to ask.
        query: What to ask.
        take: Called in the query's own thread, first with a batch without rows.
    """

    def handed_on() -> None:
        with _asked(connection, query).to_arrow_reader() as reader:
            take(pa.RecordBatch.from_pylist([], reader.schema))
            for batch in reader:
                if batch.num_rows:
                    take(batch)

    _watched(connection, handed_on)


def _asked(connection: duckdb.DuckDBPyConnection, query: Query) -> duckdb.DuckDBPyRelation:
    return connection.sql(query.sql, params=query.values)


def _watched(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """The outcome of work with a connection, which Ctrl-C stops."""
    with ThreadPoolExecutor(1, thread_name_prefix="streamkit-query") as pool:
        asked = pool.submit(work)
        try:
            while not wait([asked], timeout=INTERVAL).done:
                pass  # woken to let the interpreter look for Ctrl-C
        except KeyboardInterrupt:
            connection.interrupt()
            raise
        return asked.result()


@contextmanager
def watching(
    connection: duckdb.DuckDBPyConnection,
    report: Callable[[str, float | None], None] | None,
) -> Iterator[Callable[[str], None]]:
    """Tell how far a connection's queries are.

    Args:
        connection: The connection.
        report: Called with what is being done and how far it is (0 to 1, None if unknown), from
            a thread of its own some times a second.

    Yields:
        A function to call with what is being done, when it begins.
    """
    if report is None:
        yield lambda _: None
        return
    stages = ["starting"]
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(INTERVAL):
            percent = connection.query_progress()
            report(stages[-1], percent / 100 if percent > 0 else None)

    def stage(name: str) -> None:
        stages.append(name)
        report(name, None)

    watcher = threading.Thread(target=watch, name="streamkit-progress", daemon=True)
    watcher.start()
    try:
        yield stage
    finally:
        finished.set()
        watcher.join()
