"""The streams that are measured, and ClickHouse's way of asking the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamkit import Stream, event, exclude, prop
from streamkit.definition import All, Condition
from streamkit.duration import Duration
from streamkit.matching.plan import compile_streams

__all__ = ["dense", "funnels", "scan_of", "sparse", "together"]


def sparse(price: float | None = None, within: str = "1h", frequency: str = "once") -> list[Stream]:
    """Three steps and an exclude on rare events."""
    first = event("add_to_cart")
    return [
        Stream(
            "sparse",
            [
                first if price is None else first.where(prop("price") > price),
                exclude(event("remove_from_cart")),
                event("checkout_start"),
                event("checkout_error"),
            ],
            within=within,
            frequency=frequency,
        )
    ]


def dense() -> list[Stream]:
    """Three steps and an exclude on the commonest events."""
    return [
        Stream(
            "dense",
            [
                event("page_view"),
                exclude(event("add_to_cart")),
                event("product_view"),
                event("page_view"),
            ],
            within="30m",
        )
    ]


def together() -> list[Stream]:
    """25 streams as a shop has them: half on rare events, some with criteria, all one scan."""
    rare = ("checkout_error", "rage_click", "wishlist_add", "cart_view", "purchase")
    streams = []
    for number, last in enumerate(rare * 5):
        first = ("product_view", "search", "add_to_cart", "login", "checkout_start")[number // 5]
        streams.append(
            Stream(
                f"stream-{number}",
                [
                    event(first).where(prop("country") != "FR") if number % 2 else event(first),
                    exclude(event("logout")),
                    event(last),
                ],
                within=f"{10 + number}m",
                frequency="once" if number % 3 else "non_overlapping",
            )
        )
    return streams


def scan_of(folder: Path, streams: Sequence[Stream]) -> str:
    """DuckDB bringing out the same columns of the rows that touch, and nothing else."""
    names = compile_streams(streams).flags.names or ()
    wanted = ", ".join(f"'{name}'" for name in sorted(names))
    return (
        "SELECT session_id, epoch_us(event_time) AS time, event_id, event_name"
        f" FROM read_parquet('{folder}/*.parquet') WHERE event_name IN ({wanted})"
    )


def funnels(folder: Path, streams: Sequence[Stream]) -> str:
    """`windowFunnel` of all the streams in one query, their excludes left out.

    It answers less: no ids, no times, no frequency, no duplicates dropped, and a longer run that
    begins late is lost.
    """
    names = sorted(compile_streams(streams).flags.names or ())
    levels, counts = [], []
    for number, stream in enumerate(streams):
        steps = [step.alternatives[0] for step in stream.positive_steps]
        assert isinstance(stream.within, Duration)
        conditions = ", ".join(_condition(each) for each in steps if isinstance(each, Condition))
        levels.append(
            f"windowFunnel({stream.within.microseconds})(time, {conditions}) AS l{number}"
        )
        counts.append(f"countIf(l{number} = {len(steps)})")
    wanted = ", ".join(f"'{name}'" for name in names)
    return (
        f"SELECT {', '.join(counts)} FROM (SELECT session_id, {', '.join(levels)} FROM"
        " (SELECT session_id, event_name, country,"
        " toUInt64(toUnixTimestamp64Micro(event_time)) AS time"
        f" FROM file('{folder.resolve()}/*.parquet', Parquet) WHERE event_name IN ({wanted}))"
        " GROUP BY session_id)"
    )


def _condition(condition: Condition) -> str:
    named = f"event_name = '{condition.event}'"
    if condition.where == All():
        return named
    return f"{named} AND (country IS NULL OR country != 'FR')"
