"""What a ledger forgets, and what it has to remember so that no rule is broken later."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import sqlalchemy as sa

from streamkit.delivery.ledger.handing_over import in_pieces
from streamkit.delivery.ledger.tables import ATTEMPTS, MATCHES, QUOTA, STREAMS, digest
from streamkit.errors import DeliveryError
from streamkit.matching.identity import compact

__all__ = ["Purged", "forget", "purge", "scrub"]

HASHED = ("key", "first_row", "last_row", "cooldown_value")
EMPTIED = {
    "session": None,
    "user": None,
    "body": None,
    "secrets": None,
    "destination": None,
    "is_purged": True,
}


class Purged(NamedTuple):
    """What a purge did.

    Args:
        tombstones: Matches of which only what rules need is left.
        removed: Matches that are gone.
    """

    tombstones: int
    removed: int


def purge(connection: sa.Connection, before: int, now: int, *, hashed: bool) -> Purged:
    """Reduce what was settled before a time, and remove what no rule can need."""
    streams = connection.execute(sa.select(STREAMS)).mappings().all()
    removed = sum(_remove(connection, stream, now) for stream in streams)
    c = MATCHES.c
    settled = [c.state != "waiting", c.settled_at < before, sa.not_(c.is_purged)]
    numbers = list(connection.execute(sa.select(c.number).where(*settled)).scalars())
    _empty(connection, numbers, hashed=hashed)
    return Purged(len(numbers), removed)


def _remove(connection: sa.Connection, known: sa.RowMapping, now: int) -> int:
    """Remove tombstones of a stream that nothing found from now on can come near.

    What is found later and is older than `max_age` is not sent, so a rule can only need what lies
    within its reach before that.
    """
    c = MATCHES.c
    oldest = now - (known["max_age"] or 0)
    gone = [c.stream == known["name"], c.is_purged, c.fired_at < oldest]
    is_lasting = known["frequency"] == "once" or known["reach"] is None
    gone.append(sa.not_(c.is_taken) if is_lasting else c.last_time < oldest - known["reach"])
    gone.append(c.fired_at < oldest - (known["reach"] or 0))
    return int(connection.execute(MATCHES.delete().where(*gone)).rowcount)


def forget(connection: sa.Connection, user: str, now: int) -> int:
    """Reduce everything about a user to digests; what waited is not sent."""
    c = MATCHES.c
    numbers = list(
        connection.execute(
            sa.select(c.number).where(sa.or_(c.user == compact(user), c.key == compact([user])))
        ).scalars()
    )
    for piece in in_pieces(numbers):
        waiting = sa.and_(c.number.in_(piece), c.state == "waiting")
        reserved = connection.execute(
            sa.select(c.month, sa.func.sum(c.units))
            .where(waiting, c.month.is_not(None))
            .group_by(c.month)
        ).all()
        for month, units in reserved:
            connection.execute(
                QUOTA.update().where(QUOTA.c.month == month).values(units=QUOTA.c.units - units)
            )
        connection.execute(
            MATCHES.update()
            .where(waiting)
            .values(
                state="skipped", reason="forgotten", settled_at=now, month=None, lease=None,
                leased_until=None,
            )
        )  # fmt: skip
    _empty(connection, numbers, hashed=True)
    return len(numbers)


def _empty(connection: sa.Connection, numbers: list[int], *, hashed: bool) -> None:
    """Take from matches all that no rule needs."""
    c = MATCHES.c
    for piece in in_pieces(numbers):
        ids = sa.select(c.match_id).where(c.number.in_(piece))
        connection.execute(ATTEMPTS.delete().where(ATTEMPTS.c.match_id.in_(ids)))
        connection.execute(MATCHES.update().where(c.number.in_(piece)).values(EMPTIED))
        if not hashed:
            continue
        rows = connection.execute(
            sa.select(c.number, *(c[name] for name in HASHED)).where(c.number.in_(piece))
        ).mappings()
        connection.execute(
            MATCHES.update()
            .where(c.number == sa.bindparam("row"))
            .values({name: sa.bindparam(f"new_{name}") for name in HASHED}),
            [
                {"row": row["number"]} | {f"new_{name}": _hashed(row[name]) for name in HASHED}
                for row in rows
            ],
        )


def _hashed(text: str | None) -> str | None:
    return text if text is None or text.startswith("sha256:") else digest(text)


def scrub(engine: sa.Engine) -> None:
    """Overwrite what was removed from an SQLite file; PostgreSQL's own vacuum does it there."""
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            cursor.execute(statement)
        cursor.close()
    except sqlite3.Error as error:
        raise DeliveryError(
            f"what was removed could not be overwritten: {error}",
            code="ledger-busy",
            hint="do it again when no sender is running",
        ) from None
    finally:
        raw.close()
