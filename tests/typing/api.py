"""What users write, as the type checker sees it. Checked, never run."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from streamkit import (
    Backtest,
    Builder,
    Connection,
    Connections,
    History,
    Ledger,
    LedgerSink,
    LiveRun,
    Rendering,
    Schema,
    SendReport,
    Sessionizer,
    Stream,
    Trial,
    backtest,
    cooldown,
    event,
    exclude,
    live,
    load,
    prop,
    render,
    send,
    send_test,
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
rendering: Rendering = render(stream, history, since="2026-03-01", limit=3)
bodies: list[str] = [each.text for each in rendering.rendered]
running: LiveRun = live(
    stream, iter([{"event": "add_to_cart"}]), schema, sink=lambda match: print(match.match_id)
)
notes: tuple[str, ...] = running.reload([stream])
running.stop()
connections = Connections({"crm": Connection("bearer", token="env:CRM_TOKEN")})  # noqa: S106 # a reference
connections.with_entry("erp", Connection("none")).save("connections.yaml")
missing: list[str] = [check.reference for check in connections.check() if not check.found]
trial: Trial = send_test(stream, connections, history=history, headers={"X-Source": "test"})
tried_again: Trial = send_test(stream, connections, body=trial.body)
took_it: bool = trial.delivered
report: SendReport = send(
    [stream], history, "ledger.db", connections=connections, since="2026-03-01", dry_run=True
)
needs_person: bool = report.needs_person
with Ledger("ledger.db", create=False) as ledger:
    retried: int = ledger.retry([each["match_id"] for each in ledger.dead_letters(["s"])])
    send(stream, "events/", ledger, since_last=True, late="2d", max_sends=100)
sink = LedgerSink("ledger.db", [stream], "connections.yaml", schema=schema)
live(stream, iter([{"event": "add_to_cart"}]), schema, sink=sink, state="state.db").stop()

builder = Builder(history, stream, connections={"crm": {"type": "bearer", "token": "env:CRM"}})
built: Stream = builder.stream
as_text: str = builder.to_yaml() + builder.to_python()
