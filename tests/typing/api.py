"""What users write, as the type checker sees it. Checked, never run."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from streamkit import (
    Backtest,
    History,
    Schema,
    Sessionizer,
    Stream,
    backtest,
    cooldown,
    event,
    exclude,
    load,
    prop,
)

stream = Stream(
    name="checkout-rescue",
    steps=[
        event("add_to_cart").where(prop("price") > 20),
        exclude(event("remove_from_cart")),
        (
            event("checkout_start") | event("page_view").where(prop("url").contains("/checkout"))
        ).within("10m"),
        event("checkout_error").at_least(2),
        exclude(event("purchase"), for_="30m"),
    ],
    within="1h",
    cooldown=cooldown("24h", by="user"),
)
sentence: str = stream.sentence
version: str = stream.version
text: str = stream.to_yaml() + stream.to_python()

schema = Schema(
    time="event_time",
    name="event_name",
    user="user_id",
    json=["properties"],
    sessionizer=Sessionizer(by="user_id", inactivity="30m"),
)
history = History("events/", schema=schema)
result: Backtest = backtest(
    [stream, *load("streams/")], history, since="2026-03-01", until=datetime(2026, 4, 1, tzinfo=UTC)
)
matches: pl.DataFrame = result.matches
pending: pl.DataFrame = result.pending
funnel: pl.DataFrame = result.funnel("checkout-rescue")
counts: pl.DataFrame = result.counts(every="1d", by="country")
queries: str = result.sql
