"""Rows of the input looked up again by their positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import polars as pl

from streamkit.events import History
from streamkit.events.asking import ask_arrow
from streamkit.events.row_values import RowValues
from streamkit.matching import StreamMatches
from streamkit.matching.chains import Ints
from streamkit.matching.scan import part_sql

__all__ = ["columns_at", "full_rows", "texts_at"]


def full_rows(history: History, found: StreamMatches) -> pl.DataFrame:
    """Every column of the events behind a stream's matches; see `Backtest.rows`."""
    positions, matches = found.tables.positions, found.tables.matches
    steps, count = positions.shape
    ids = pl.DataFrame(
        {
            "stream": pl.repeat(found.plan.stream.name, steps * count, eager=True),
            "match_id": pl.concat([matches["match_id"]] * steps),
            "step": np.repeat(np.arange(steps, dtype=np.int32), count),
        }
    )
    full = columns_at(history, positions.ravel(), list(history.columns))
    order = np.arange(steps * count).reshape(steps, count).T.ravel()
    return pl.concat([ids, full], how="horizontal")[order]


def columns_at(history: History, positions: Ints, names: Sequence[str]) -> pl.DataFrame:
    """Columns of the input as they are, a row for each position."""
    aliases = {f"_column_{place}": name for place, name in enumerate(names)}

    def columns(values: RowValues) -> Mapping[str, str]:
        return {alias: values.column(history.bind_column(name)) for alias, name in aliases.items()}

    return _look_up(history, positions, columns).rename(aliases)


def texts_at(history: History, positions: Ints, by: str) -> pl.Series:
    """A property, or a role, as the text that values are told apart by."""

    def columns(values: RowValues) -> Mapping[str, str]:
        return {"value": part_sql(history, by, values)}

    return _look_up(history, positions, columns)["value"]


def _look_up(
    history: History, positions: Ints, columns: Callable[[RowValues], Mapping[str, str]]
) -> pl.DataFrame:
    query = history.lookup(columns)
    wanted = np.unique(positions)
    with history.connect() as connection:
        connection.register("wanted", pl.DataFrame({"position": wanted}).to_arrow())
        found = ask_arrow(connection, query)
    # Arrow's take, because Polars cannot gather maps from a column in several chunks
    order = np.argsort(found["position"].to_numpy())[np.searchsorted(wanted, positions)]
    rows = found.drop_columns("position").combine_chunks().take(order)
    return cast("pl.DataFrame", pl.from_arrow(rows))
