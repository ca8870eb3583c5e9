"""What a match tells of its events, by the events' source positions."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from streamkit.events.asking import ask
from streamkit.events.sql import Query
from streamkit.matching.chains import Ints, group_starts
from streamkit.matching.scan import OF_EVERY_EVENT
from streamkit.matching.touching import Touching

__all__ = ["Facts", "ask_with"]


class Facts:
    """What is told of some events: of all their name and id, of some the rest.

    The rest are session, user, key parts and cooldown values, as texts. The session of a
    sessionizer is its user here.

    Args:
        connection: Where the source can be scanned.
        touching: The rows that touch a stream; if the scan brought their facts, nothing is read.
        positions: Source positions of the events.
        lasts: Those of firing events, of which all is told.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        touching: Touching,
        positions: Ints,
        lasts: Ints,
    ) -> None:
        self.positions = _distinct(positions)
        self._last_positions = _distinct(lasts)
        places = self.places(self._last_positions)
        if touching.facts:
            found = _picked(touching.facts, self.positions)
        else:
            is_last = np.zeros(len(self.positions), bool)
            is_last[places] = True
            wanted = pl.DataFrame({"position": self.positions, "_is_last": is_last})
            found = ask_with(connection, touching.scan.described(), wanted)
        order = np.argsort(found["position"].to_numpy())
        found = found.drop("position").rename(lambda name: name.removeprefix("fact_"))
        of_all = [name for name in found.columns if f"fact_{name}" in OF_EVERY_EVENT]
        self._lasts = found.drop(of_all)[order[places]]
        self._events = found.select(of_all)[order]

    def places(self, positions: Ints) -> Ints:
        """Where in `positions` some positions are."""
        places: Ints = np.searchsorted(self.positions, positions)
        return places

    def of(self, positions: Ints, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of some events, in their order: `id`, `name` or `sequence`."""
        facts: pl.DataFrame = self._events.select(columns)[self.places(positions)]
        return facts

    def of_lasts(self, positions: Ints) -> pl.DataFrame:
        """All that is told of some firing events, in their order."""
        places = np.searchsorted(self._last_positions, positions)
        return self._events[self.places(positions)].hstack(self._lasts[places])


def _distinct(positions: Ints) -> Ints:
    """The positions sorted, each once: some fifty times faster than numpy's unique."""
    ordered = np.sort(positions)
    distinct: Ints = ordered[group_starts(ordered)]
    return distinct


def ask_with(
    connection: duckdb.DuckDBPyConnection, query: Query, wanted: pl.DataFrame
) -> pl.DataFrame:
    """Ask a query that joins a table `wanted`."""
    connection.register("wanted", wanted.to_arrow())
    try:
        return ask(connection, query)
    finally:
        connection.unregister("wanted")


def _picked(batches: Sequence[pa.RecordBatch], positions: Ints) -> pl.DataFrame:
    """The rows at some positions, in order; batches come as the scan's threads finish them."""
    pieces = [batches[0].slice(0, 0)]
    for batch in batches[1:]:
        known = batch.column("position").to_numpy()
        order = np.argsort(known, kind="stable")
        known = known[order]
        begin, end = np.searchsorted(positions, [known[0], known[-1] + 1])
        wanted = positions[begin:end]
        places = np.searchsorted(known, wanted)
        pieces.append(batch.take(pa.array(order[places[known[places] == wanted]])))
    frame = pl.from_arrow(pa.Table.from_batches(pieces))
    assert isinstance(frame, pl.DataFrame)
    return frame.cast({"fact_name": pl.String}).rechunk()
