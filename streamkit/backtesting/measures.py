"""What is counted of matches: how far keys came, when, how fast, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from streamkit.definition import Defined, Step, Stream
from streamkit.matching import StreamMatches

__all__ = [
    "BUDGET",
    "activations",
    "cost_table",
    "counts_table",
    "durations_table",
    "funnel_table",
    "step_label",
]

BUDGET = 1_000
"""Activations a UTC calendar month, unless a project sets another."""
SINGLE_EVENTS_PER_ACTIVATION = 100
TIME = pl.Datetime("us", "UTC")


def activations(stream: Stream, matches: int) -> float:
    """What matches cost: 1 for a pattern or a wait, 1/100 for a single event."""
    return matches if stream.is_pattern else matches / SINGLE_EVENTS_PER_ACTIVATION


def step_label(step: Step) -> str:
    """A step in a few words."""
    names = [
        each.name if isinstance(each, Defined) else (each.event or "any event")
        for each in step.alternatives
    ]
    label = " or ".join(dict.fromkeys(names))
    return f"{label} × {step.at_least}" if step.at_least > 1 else label


def funnel_table(chosen: Sequence[StreamMatches]) -> pl.DataFrame:
    """How far keys came; see `Backtest.funnel`."""
    rows = [row for found in chosen for row in _funnel_rows(found)]
    return pl.DataFrame(
        rows,
        schema={
            "stream": pl.String,
            "step": pl.Int32,
            "stage": pl.String,
            "keys": pl.Int64,
            "events": pl.Int64,
            "median_seconds": pl.Float64,
        },
        orient="row",
    ).select(
        pl.exclude("median_seconds"),
        of_first=_share("keys", pl.col("keys").first().over("stream")),
        of_previous=_share("keys", pl.col("keys").shift(1).over("stream")),
        median_seconds="median_seconds",
    )


def _funnel_rows(found: StreamMatches) -> list[tuple[Any, ...]]:
    stream, matches = found.plan.stream, found.confirmed
    *steps, fired = found.funnel
    rows: list[tuple[Any, ...]] = []
    for place, (step, stage) in enumerate(zip(stream.positive_steps, steps, strict=True)):
        before = matches.times[place - 1] if place else matches.started_at
        takes_time = found.count and (place or step.at_least > 1)
        seconds = float(np.median(matches.times[place] - before)) / 1e6 if takes_time else None
        rows.append((stream.name, place, step_label(step), stage.keys, stage.events, seconds))
    wait = None if stream.wait is None else stream.wait.microseconds / 1e6
    rows.append((stream.name, None, "fired", fired.keys, fired.events, wait))
    rows.append((stream.name, None, "matched", found.matched_keys, found.count, None))
    return rows


def _times(found: StreamMatches) -> pl.DataFrame:
    """When the matches fire, as a column."""
    return pl.DataFrame({"fired_at": found.confirmed.fired_at}).cast(TIME)


def _share(column: str, of: pl.Expr) -> pl.Expr:
    return pl.when(of > 0).then(pl.col(column) / of)


def counts_table(
    found: StreamMatches, first: int, last: int, step: int, by: tuple[str, pl.Series] | None
) -> pl.DataFrame:
    """Matches in each period; see `Backtest.counts`.

    Args:
        found: One stream's matches.
        first: A time in the first period, in microseconds.
        last: A time in the last period, in microseconds.
        step: Length of a period, in microseconds.
        by: A name and a value for each match, to count each value apart.
    """
    fired = found.confirmed.fired_at
    periods = np.arange(first // step, max(last // step, first // step) + 1) * step
    whole = pl.DataFrame({"period": periods})
    counted = pl.DataFrame({"period": fired // step * step})
    value = []
    if by is not None:
        name, values = by
        counted = counted.with_columns(values.alias(name))
        whole = whole.join(counted.select(name).unique(maintain_order=True), how="cross")
        value = [name]
    counts = counted.group_by("period", *value).len("matches")
    joined = whole.join(counts, on=["period", *value], how="left", nulls_equal=True)
    return joined.sort("period", *value, nulls_last=True).select(
        pl.lit(found.plan.stream.name).alias("stream"),
        pl.col("period").cast(TIME),
        *value,
        pl.col("matches").fill_null(0).cast(pl.Int64),
    )


def durations_table(found: StreamMatches) -> pl.DataFrame:
    """How long each match took; see `Backtest.durations`."""
    window = found.plan.within
    took = (pl.col("matched_at") - pl.col("started_at")).dt.total_microseconds()
    return found.tables.matches.select(
        "stream",
        "match_id",
        seconds=took / 1e6,
        # the edge itself is inside, and a quotient is rounded
        of_window=(took / window).clip(0, 1) if window else pl.lit(None, pl.Float64),
    )


def cost_table(
    found: StreamMatches, first: datetime, last: datetime, budget: float
) -> pl.DataFrame:
    """Activations by calendar month; see `Backtest.cost`.

    Args:
        found: One stream's matches.
        first: A time in the first month.
        last: A time in the last month.
        budget: Activations a month.
    """
    stream, matches = found.plan.stream, _times(found)
    ends = pl.Series([first, last], dtype=TIME).dt.truncate("1mo")
    months = pl.datetime_range(ends[0], ends[1], "1mo", eager=True, time_unit="us")
    counted = matches.group_by(pl.col("fired_at").dt.truncate("1mo").alias("month")).len("matches")
    cost = pl.col("matches") * activations(stream, 1)
    return (
        pl.DataFrame({"month": months})
        .join(counted, on="month", how="left")
        .sort("month")
        .select(
            pl.lit(stream.name).alias("stream"),
            pl.col("month").dt.date(),
            pl.col("matches").fill_null(0).cast(pl.Int64),
        )
        .with_columns(activations=cost.cast(pl.Float64), of_budget=(cost / budget).cast(pl.Float64))
    )
