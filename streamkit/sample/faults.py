"""What goes wrong with the rows on their way in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

__all__ = ["BAD_PROPERTIES", "NO_ID", "NO_PROPERTIES", "NO_SESSION", "with_faults"]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

NO_SESSION, NO_ID, NO_PROPERTIES, BAD_PROPERTIES = 1, 2, 4, 8
FAULT_SHARES = {NO_SESSION: 0.0015, NO_ID: 0.003, NO_PROPERTIES: 0.01, BAD_PROPERTIES: 0.0008}
"""Bits of a row's `fault`, and how many rows have each."""

FAR_FUTURE = int(datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * SECOND


def with_faults(random: np.random.Generator, rows: pl.DataFrame, *, absurd: bool) -> pl.DataFrame:
    """Make the rows as bad as rows are: late, twice, with holes, from broken clocks.

    Args:
        random: Where chance comes from.
        rows: The rows as they should have been; see `history.Day`.
        absurd: Let one row be of the far future.
    """
    count = len(rows)
    chance = random.random(count)
    delays = np.select(
        [chance < 0.0015, chance < 0.012, chance < 0.15],
        [
            random.integers(HOUR, 30 * HOUR, count),
            random.integers(30 * SECOND, 40 * MINUTE, count),
            random.integers(0, 2 * SECOND, count),
        ],
        0,
    )
    bits = np.zeros(count, dtype=np.uint8)
    for fault, share in FAULT_SHARES.items():
        bits[random.random(count) < share] |= fault
    times = rows["time"].to_numpy()
    untimed = random.random(count) < 0.00004
    stamped = np.where(np.arange(count) == count // 2, FAR_FUTURE, times) if absurd else times
    rows = rows.with_columns(
        time=pl.when(pl.Series(untimed)).then(None).otherwise(pl.Series(stamped)),
        arrival=times + delays,
        fault=pl.Series(bits),
    )
    again = rows.filter(pl.Series(random.random(count) < 0.003))
    pauses = pl.Series((random.exponential(70, len(again)) * 1000).astype(np.int64) * 1000)
    restamped = pl.Series(random.random(len(again)) < 0.5)
    again = again.with_columns(
        time=pl.when(restamped).then(pl.col("time") + pauses).otherwise(pl.col("time")),
        arrival=pl.col("arrival") + pauses,
    )
    return pl.concat([rows, again])
