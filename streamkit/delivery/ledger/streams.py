"""What a ledger remembers of a stream: how far it was sent, and what its ids were made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from streamkit.delivery.ledger.tables import MATCHES, STREAMS, digest
from streamkit.duration import Duration
from streamkit.matching.identity import compact

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.delivery.routes import Route
    from streamkit.events import Schema

__all__ = [
    "UNKNOWN_DEDUPE",
    "Known",
    "count_waiting",
    "identity",
    "reach",
    "read_known",
    "remember",
]

UNKNOWN_DEDUPE = 24 * 3_600 * 1_000_000
"""What schemas say by default, in microseconds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a ledger knows of a stream; a row of its table.

    Args:
        name: Its name.
        version: The version that was last handed over.
        identity: Digest of what ids are made of besides the name.
        payload: Digest of its payload.
        target: Fingerprint of its destination.
        horizon: How far it was handed over, in microseconds.
    """

    name: str
    version: str
    identity: str
    payload: str
    target: str
    horizon: int | None


def identity(stream: Stream, schema: Schema) -> str:
    """A digest of what makes the ids of a stream's matches, besides its name."""
    per = stream.per if isinstance(stream.per, str) else list(stream.per)
    sessionizer: Any = None
    if schema.sessionizer is not None and "session" in (per if isinstance(per, list) else [per]):
        made = schema.sessionizer
        sessionizer = [made.by, str(made.inactivity), str(made.max)]
    return digest(compact([per, sessionizer]))


def payload_digest(stream: Stream) -> str:
    """A digest of a stream's payload."""
    return digest(json.dumps(stream.payload, sort_keys=True, default=str))


def reach(stream: Stream, dedupe: int) -> int | None:
    """How far before a match's time a rule looks, in microseconds; None is without bound."""
    cooldown = 0 if stream.cooldown is None else stream.cooldown.for_.microseconds
    if stream.frequency in ("once", "every"):
        return cooldown
    if stream.within == "unbounded":
        return None
    within = stream.within.microseconds if isinstance(stream.within, Duration) else 0
    wait = 0 if stream.wait is None else stream.wait.microseconds
    return max(cooldown, within + wait + dedupe)


def read_known(connection: sa.Connection) -> dict[str, Known]:
    """What the ledger knows of all streams, by name."""
    c = STREAMS.c
    columns = (c.name, c.version, c.identity, c.payload, c.target, c.horizon)
    return {row.name: Known(*row) for row in connection.execute(sa.select(*columns))}


def remember(
    connection: sa.Connection,
    stream: Stream,
    route: Route,
    schema: Schema | None,
    horizon: int | None,
) -> None:
    """Remember that a stream was handed over up to a time.

    Args:
        connection: A connection that holds the ledger's lock.
        stream: The stream.
        route: Where it goes.
        schema: What ids are made by; None where that is not known.
        horizon: How far time was known, in microseconds; None where it goes on.
    """
    dedupe = UNKNOWN_DEDUPE if schema is None else schema.dedupe.microseconds
    values: Mapping[str, Any] = {
        "version": stream.version,
        "identity": "" if schema is None else identity(stream, schema),
        "payload": payload_digest(stream),
        "target": route.destination.fingerprint,
        "frequency": stream.frequency,
        "reach": reach(stream, dedupe),
        "max_age": route.destination.max_age.microseconds,
    }
    c = STREAMS.c
    before = connection.execute(sa.select(c.horizon).where(c.name == stream.name)).first()
    if before is None:
        connection.execute(STREAMS.insert().values(name=stream.name, horizon=horizon, **values))
        return
    if schema is None:
        values = {name: value for name, value in values.items() if name != "identity"}
    known = [each for each in (before.horizon, horizon) if each is not None]
    connection.execute(
        STREAMS.update()
        .where(c.name == stream.name)
        .values(horizon=max(known, default=None), **values)
    )


def count_leased(connection: sa.Connection, names: Iterable[str], now: int) -> tuple[int, int]:
    """How many matches of streams senders hold, and until when at the latest (microseconds)."""
    query = sa.select(sa.func.count(), sa.func.max(MATCHES.c.leased_until)).where(
        MATCHES.c.state == "waiting",
        MATCHES.c.stream.in_(list(names)),
        MATCHES.c.leased_until > now,
    )
    count, until = connection.execute(query).one()
    return int(count), int(until or now)


def count_waiting(connection: sa.Connection, names: Iterable[str]) -> int:
    """How many matches of streams wait, those of paused streams left out."""
    paused = sa.select(STREAMS.c.name).where(STREAMS.c.is_paused)
    query = (
        sa.select(sa.func.count())
        .select_from(MATCHES)
        .where(
            MATCHES.c.state == "waiting",
            MATCHES.c.stream.in_(list(names)),
            MATCHES.c.stream.not_in(paused),
        )
    )
    return int(connection.execute(query).scalar_one())
