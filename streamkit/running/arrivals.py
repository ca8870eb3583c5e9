"""A history as events that arrive: in order of time, or in a disorder of a chosen size."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from streamkit.events.history import History
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters
from streamkit.events.types import Kind
from streamkit.matching.raw_columns import raw_column, raw_values

__all__ = ["arrivals"]

BATCH_ROWS = 10_000
NO_TIME = "no time"


def arrivals(
    history: History, columns: Collection[str], *, shuffle: int = 0, seed: int = 0
) -> Iterator[tuple[list[dict[str, Any]], list[int]]]:
    """The events of a history in batches, as a source would hand them over.

    Args:
        history: The events.
        columns: The columns to read.
        shuffle: Each event arrives up to so many microseconds after its time.
        seed: Decides which how much.

    Yields:
        Events as mappings, and their positions in the source.
    """
    values = RowValues(parameters := Parameters())
    time = history.time_sql(values)
    role = history.role("time")
    raw = values.column(role)
    chosen = [column for column in history.columns if column in columns]
    selected = [f"{raw_column(history, column)} AS _column_{n}" for n, column in enumerate(chosen)]
    jitter = "0"
    if shuffle:
        chance = f"hash(_position, {parameters.bind(seed)})"
        jitter = f"CAST({chance} % CAST({parameters.bind(shuffle + 1)} AS UBIGINT) AS BIGINT)"
    is_odd = "false"
    if not role.accesses and role.type.kind in (Kind.TIMESTAMP, Kind.DATE):
        is_odd = f"{raw} IS NOT NULL AND ({time}) IS NULL"
    sql = (
        f"{history.steps_sql(values)}\n"
        f"SELECT {', '.join(selected)}, _position, {is_odd} AS _is_odd\n"
        f"FROM valued\nORDER BY coalesce({time}, 0) + {jitter}, _position"
    )
    with history.connect() as connection:
        relation = connection.sql(sql, params=parameters.values)
        for batch in relation.arrow(BATCH_ROWS):
            lists = [
                raw_values(batch.column(place).to_pylist(), history.columns[column].kind)
                for place, column in enumerate(chosen)
            ]
            events = [dict(zip(chosen, row, strict=True)) for row in zip(*lists, strict=True)]
            for place, is_odd_time in enumerate(batch.column("_is_odd").to_pylist()):
                if is_odd_time:
                    events[place][role.column] = NO_TIME
            yield events, batch.column("_position").to_pylist()
