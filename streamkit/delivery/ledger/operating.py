"""What a person does to a ledger: hold and let go, try dead letters again."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from streamkit.delivery.ledger.handing_over import in_pieces
from streamkit.delivery.ledger.tables import DESTINATIONS, MATCHES, STREAMS
from streamkit.errors import DeliveryError
from streamkit.suggest import did_you_mean

__all__ = ["pause", "retry"]

CLEARED = {
    "parked_at": None,
    "parked_why": None,
    "needs_person": False,
    "failures": 0,
    "opened_at": 0,
    "probe_at": 0,
    "held_until": 0,
}


def pause(connection: sa.Connection, name: str, *, is_paused: bool) -> str:
    """Hold or let go whatever goes by a name; what is let go forgets its trouble as well."""
    streams = connection.execute(
        STREAMS.update().where(STREAMS.c.name == name).values(is_paused=is_paused)
    )
    if streams.rowcount:
        return f"stream {name}"
    is_named = sa.or_(DESTINATIONS.c.label == name, DESTINATIONS.c.id == name)
    values = {"is_paused": is_paused} | ({} if is_paused else CLEARED)
    destinations = connection.execute(DESTINATIONS.update().where(is_named).values(values))
    if destinations.rowcount:
        return f"destination {name}"
    known = [
        *connection.execute(sa.select(STREAMS.c.name)).scalars(),
        *connection.execute(sa.select(DESTINATIONS.c.label)).scalars(),
    ]
    listed = f"it knows {', '.join(known)}" if known else "nothing was sent with it yet"
    raise DeliveryError(
        f"the ledger knows no stream and no destination {name[:200]!r}",
        code="unknown-name",
        hint=did_you_mean(name, known) or listed,
    )


def retry(connection: sa.Connection, match_ids: Sequence[str], now: int) -> int:
    """Let dead letters that have a body wait again."""
    c = MATCHES.c
    count = 0
    for ids in in_pieces(match_ids):
        done = connection.execute(
            MATCHES.update()
            .where(c.match_id.in_(ids), c.state == "dead", c.body.is_not(None))
            .values(state="waiting", reason="", settled_at=None, due_at=now, age_from=now, tries=0)
        )
        count += done.rowcount
    return count
