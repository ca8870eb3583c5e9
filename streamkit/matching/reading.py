"""Reading the rows that touch a stream: from the source, or from what was read of it before.

What a history keeps in memory are the rows of the names that streams ask for, without the flags.
A changed window or frequency reads nothing again; a changed criterion reads the columns that the
criteria look at, and nothing else.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from streamkit.events.asking import ask_arrow, ask_batches
from streamkit.events.sql import Query
from streamkit.matching.touching import Touching

__all__ = ["read_touching"]


def read_touching(
    connection: duckdb.DuckDBPyConnection, touching: Touching, query: Query, *, is_told: bool
) -> None:
    """Read the rows that touch a stream.

    Args:
        connection: Where the source can be scanned.
        touching: Takes the rows.
        query: What brings them, if they are not known.
        is_told: Whether it brings as well what matches tell of them.
    """
    scan, kept = touching.scan, touching.scan.history.kept
    if not is_told or scan.identity is None or not kept.most:
        ask_batches(connection, query, touching.take)
        return
    lasting, again = scan.lasting(), scan.touching_again()
    asked = (lasting, again.text)
    known = kept.get(lasting)
    if known is None:
        batches: list[pa.RecordBatch] = []

        def take(batch: pa.RecordBatch) -> None:
            touching.take(batch)
            if touching.facts:
                batches.append(batch)

        ask_batches(connection, query, take)
        if touching.facts:
            words = [name for name in batches[0].schema.names if name.startswith("flags_")]
            flags = pa.Table.from_batches(batches).select(["position", *words])
            bare = [batch.drop_columns(words) for batch in batches]
            kept.put(lasting, bare, sum(batch.nbytes for batch in bare))
            kept.put(asked, flags, flags.nbytes)
    else:
        flags = kept.get(asked)
        if flags is None:
            flags = ask_arrow(connection, again)
            kept.put(asked, flags, flags.nbytes)
        positions = flags["position"].to_numpy()
        order = np.argsort(positions, kind="stable")
        for batch in known:
            touching.take(_with_flags(batch, flags, positions[order], order))


def _with_flags(
    batch: pa.RecordBatch, flags: pa.Table, positions: np.ndarray, order: np.ndarray
) -> pa.RecordBatch:
    """Rows with their flags, 0 for those that are not among the flags."""
    wanted = batch.column("position").to_numpy()
    places = np.minimum(np.searchsorted(positions, wanted), max(len(positions) - 1, 0))
    for name in flags.column_names[1:]:
        words = np.zeros(batch.num_rows, flags.schema.field(name).type.to_pandas_dtype())
        if len(positions):
            found = positions[places] == wanted
            words[found] = flags[name].to_numpy()[order[places[found]]]
        batch = batch.append_column(name, pa.array(words))
    return batch
