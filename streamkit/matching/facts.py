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
from streamkit.matching.touching import Touching

__all__ = ["Facts", "ask_with"]


class Facts:
    """Name, id, session, user, key parts and cooldown values of some events, as texts.

    The session of a sessionizer is its user here.

    Args:
        connection: Where the source can be scanned.
        touching: The rows that touch a stream; if the scan brought their facts, nothing is read.
        positions: Source positions of the events.
        lasts: Those of firing events, of which alone more than name and id is told.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        touching: Touching,
        positions: Ints,
        lasts: Ints,
    ) -> None:
        ordered = np.sort(positions)  # some fifty times faster than numpy's unique
        self.positions: Ints = ordered[group_starts(ordered)]
        if touching.facts:
            found = _picked(touching.facts, self.positions)
        else:
            is_last = np.zeros(len(self.positions), bool)
            is_last[self.places(lasts)] = True
            wanted = pl.DataFrame({"position": self.positions, "_is_last": is_last})
            found = ask_with(connection, touching.scan.described(), wanted)
        self._order = np.argsort(found["position"].to_numpy())  # of numbers: texts stay in place
        self._frame = found.rename(lambda name: name.removeprefix("fact_"))

    def places(self, positions: Ints) -> Ints:
        """Where in `positions` some positions are."""
        places: Ints = np.searchsorted(self.positions, positions)
        return places

    def of(self, positions: Ints, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The facts of some events, in their order; all of them, or some columns."""
        frame = self._frame if columns is None else self._frame.select(columns)
        facts: pl.DataFrame = frame[self._order[self.places(positions)]]
        return facts


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
