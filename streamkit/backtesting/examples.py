"""Some real matches with their events, to be looked at one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from streamkit.backtesting.event_rows import columns_at
from streamkit.backtesting.measures import step_label
from streamkit.definition import Step, Stream
from streamkit.events import History
from streamkit.events.cataloguing.walking import value_text
from streamkit.matching import StreamMatches
from streamkit.matching.binding import paths_of
from streamkit.matching.row_paths import Faults, RowReaders

__all__ = ["EXAMPLE_SCHEMA", "example_table"]

MOST_PROPERTIES = 4
VALUE = pl.Struct({"path": pl.String, "value": pl.String})
EXAMPLE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "stream": pl.String,
    "match_id": pl.String,
    "step": pl.Int32,
    "stage": pl.String,
    "name": pl.String,
    "time": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "properties": pl.List(VALUE),
}
"""Columns of a table of examples."""
EXAMPLE_SCHEMA = pl.Schema(EXAMPLE_COLUMNS)


def example_table(history: History, found: StreamMatches, count: int) -> pl.DataFrame:
    """A row for each event of some matches; see `Backtest.examples`.

    Args:
        history: The events.
        found: One stream's matches.
        count: How many matches: the first, the last, and others spread evenly between them.
    """
    stream = found.plan.stream
    height = found.count
    chosen = np.unique(np.linspace(0, height - 1, min(count, height)).round().astype(int))
    tables = found.tables_of(chosen)
    matches = tables.matches
    paths = _paths(stream)
    read = _reader(history, sorted({path for listed in paths for path in listed}))
    positions = tables.positions
    values = read(positions.T.ravel())
    rows = []
    for number, match in enumerate(matches.iter_rows(named=True)):
        for event in match["events"]:
            step = event["step"]
            told = values[number * len(paths) + step]
            rows.append(
                {
                    "stream": stream.name,
                    "match_id": match["match_id"],
                    "step": step,
                    "stage": step_label(stream.positive_steps[step]),
                    "name": event["name"],
                    "time": event["time"],
                    "seconds": (event["time"] - match["started_at"]).total_seconds(),
                    "properties": [
                        {"path": path, "value": told[path]} for path in paths[step] if path in told
                    ],
                }
            )
    return pl.DataFrame(rows, schema=EXAMPLE_SCHEMA)


def _paths(stream: Stream) -> list[list[str]]:
    """For each positive step the paths that its criteria read, the step's own before the rest."""
    shared = [str(path) for place, path in paths_of(stream) if place.startswith("where.")]
    by_step = []
    for number, item in enumerate(stream.steps):
        if isinstance(item, Step):
            own = [
                str(path)
                for place, path in paths_of(stream)
                if place.startswith(f"steps[{number}].where.")
            ]
            by_step.append(list(dict.fromkeys([*own, *shared]))[:MOST_PROPERTIES])
    return by_step


def _reader(history: History, paths: Sequence[str]) -> Callable[[Any], Sequence[Mapping[str, str]]]:
    """Reads paths of the events at some positions, as text."""
    readers = RowReaders(faults=Faults())
    reads = {path: readers.value(history.bind(path)) for path in paths}
    columns = sorted(readers.columns)

    def read(positions: Any) -> Sequence[Mapping[str, str]]:
        if not columns or not len(positions):
            return [{} for _ in positions]
        rows = columns_at(history, positions, columns).to_dicts()
        found = [{path: read(row) for path, read in reads.items()} for row in rows]
        return [
            {path: value_text(value) for path, value in each.items() if value is not None}
            for each in found
        ]

    return read
