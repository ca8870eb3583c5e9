"""Candidates made by hand, streams, and what a ledger holds of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from streamkit import Stream
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import Candidate, StreamRules, cooldown_value
from streamkit.delivery.ledger.handing_over import HandedOver, hand_over
from streamkit.delivery.ledger.rules import Place, Run
from streamkit.delivery.ledger.tables import MATCHES
from streamkit.errors import PayloadError
from streamkit.matching.identity import compact, match_id
from streamkit.payload import Body
from streamkit.times import to_microseconds

START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = 1_000_000
NOW = to_microseconds(START)
YEAR = 366 * 86_400 * SECOND


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **length: float) -> None:
        self.at += timedelta(**length)


def stream(name: str = "s", **changed: Any) -> Stream:
    """A stream of one event with every match let through."""
    definition = {"name": name, "steps": [{"event": "A"}], "frequency": "every"}
    return Stream.from_dict({**definition, **changed})


def rules(of: Stream, *, dedupe: int = 0, max_age: int = YEAR) -> StreamRules:
    return StreamRules(of, dedupe, max_age)


def candidate(
    of: Stream,
    last: float,
    *,
    key: str = "k",
    first: float | None = None,
    by: str | None = None,
    user: str | None = None,
    rank: int = 0,
    first_rank: int = 0,
    row: str | None = None,
    first_row: str | None = None,
) -> Candidate:
    """A firing event so many seconds from `START`."""
    last_time = NOW + round(last * SECOND)
    first_time = last_time if first is None else NOW + round(first * SECOND)
    name = compact([last_time, "A", rank]) if row is None else compact([row])
    if first_row is not None:
        first_name = compact([first_row])
    else:
        first_name = name if first is None else compact([first_time, "A", first_rank])
    run = Run(
        Place(first_name, first_time, rank if first is None else first_rank),
        Place(name, last_time, rank),
    )
    wait = 0 if of.wait is None else of.wait.microseconds
    value = compact([key]) if of.cooldown and of.cooldown.by == "key" else by
    return Candidate(
        match_id=match_id(of.name, [key], None, time=last_time, name="A", nth=rank),
        key=(key,),
        session=key,
        user=user,
        fired_at=last_time + wait,
        run=run,
        cooldown_value=cooldown_value(of, value),
        place=0,
    )


def plain_bodies(candidates: Sequence[Candidate]) -> list[Body | PayloadError]:
    return [Body(f'{{"id":"{each.match_id}"}}'.encode()) for each in candidates]


def offer(
    ledger: Ledger, of: Stream, candidates: Sequence[Candidate], now: int = NOW, **changed: Any
) -> HandedOver:
    """Hand candidates over in one transaction, as a run does."""
    own = changed.pop("rules", None) or rules(of)
    ordered = sorted(candidates, key=lambda each: (each.fired_at, each.run.last.rank))
    render = changed.pop("render", plain_bodies)
    return ledger.write(
        lambda connection: hand_over(connection, own, ordered, render, now=now, **changed)
    )


def rows(ledger: Ledger) -> dict[str, Any]:
    """The ledger's matches by id."""
    found = ledger.read(lambda connection: connection.execute(sa.select(MATCHES)).all())
    return {row.match_id: row for row in found}


def states(ledger: Ledger, candidates: Sequence[Candidate]) -> list[str]:
    """What became of candidates: the state, and for skipped ones the reason."""
    found = rows(ledger)
    chosen = [found[each.match_id] for each in candidates]
    return [row.reason if row.state == "skipped" else row.state for row in chosen]
