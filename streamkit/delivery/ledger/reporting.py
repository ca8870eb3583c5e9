"""A ledger as numbers and histories."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from streamkit.delivery.ledger.notices import Notice, latest_notices
from streamkit.delivery.ledger.tables import ATTEMPTS, DESTINATIONS, MATCHES, QUOTA, STREAMS
from streamkit.delivery.quota import UNITS, Budget, month_of
from streamkit.errors import DeliveryError
from streamkit.times import format_time, from_microseconds

__all__ = ["Status", "read_dead_letters", "read_history", "read_status"]

STATES = ("delivered", "dead", "skipped", "waiting")
NOTICES_SHOWN = 10


@dataclass(frozen=True, repr=False)
class Status:
    """Where the matches of a ledger are.

    Args:
        streams: For each stream `matched`, `delivered`, `dead`, `skipped`, `waiting`, `leased`,
            `reasons` (of dead and skipped), `next_due`, `horizon` and `paused`.
        destinations: For each destination whether it is `paused` or `parked` and why, until when
            it is `held`, and how many `failures` it has in a row.
        month: The month, such as 2026-03.
        used: Activations reserved in it.
        budget: How many there are; None where none was given.
        notices: The last ones, newest first.
        matched: Rows of the ledger, counted apart from their states.
    """

    streams: Mapping[str, Mapping[str, Any]]
    destinations: Mapping[str, Mapping[str, Any]]
    month: str
    used: float
    budget: float | None
    notices: Sequence[Notice]
    matched: int

    @property
    def counts(self) -> dict[str, int]:
        """All streams together."""
        total = {state: sum(each[state] for each in self.streams.values()) for state in STATES}
        return {"matched": self.matched, **total}

    @property
    def adds_up(self) -> bool:
        """Whether matched = delivered + dead + skipped + waiting."""
        return self.matched == sum(self.counts[state] for state in STATES)

    @property
    def needs_person(self) -> bool:
        """Whether there are dead letters, a parked destination, or a budget that is used up."""
        is_spent = self.budget is not None and self.used >= self.budget
        return (
            not self.adds_up
            or any(each["dead"] for each in self.streams.values())
            or any(each["parked"] for each in self.destinations.values())
            or (is_spent and self.counts["waiting"] > 0)
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data: what `streamkit status --json` prints."""
        return {
            **self.counts,
            "adds_up": self.adds_up,
            "needs_person": self.needs_person,
            "streams": {name: dict(each) for name, each in self.streams.items()},
            "destinations": {name: dict(each) for name, each in self.destinations.items()},
            "month": self.month,
            "activations": self.used,
            "budget": self.budget,
            "notices": [
                {**each._asdict(), "at": format_time(from_microseconds(each.at))}
                for each in self.notices
            ],
        }

    def __repr__(self) -> str:
        from streamkit.delivery.showing import status_text

        return status_text(self)

    def _repr_html_(self) -> str:
        from streamkit.delivery.showing import status_html

        return status_html(self)


def read_status(connection: sa.Connection, budget: Budget | None, now: int) -> Status:
    """The numbers of a ledger."""
    c = MATCHES.c
    streams: dict[str, dict[str, Any]] = defaultdict(_empty)
    counted = connection.execute(
        sa.select(c.stream, c.state, c.reason, sa.func.count())
        .where(c.state != "waiting")
        .group_by(c.stream, c.state, c.reason)
    )
    for name, state, reason, count in counted:
        streams[name][state] += count
        if reason:
            streams[name]["reasons"][f"{state}: {reason}"] += count
    waiting = connection.execute(
        sa.select(
            c.stream,
            sa.func.count(),
            sa.func.sum(sa.case((c.leased_until > now, 1), else_=0)),
            sa.func.min(c.due_at),
            sa.func.sum(sa.case((c.tries > 0, 1), else_=0)),
        )
        .where(c.state == "waiting")
        .group_by(c.stream)
    )
    for name, count, leased, due, tried in waiting:
        streams[name] |= {
            "waiting": count,
            "leased": leased,
            "next_due": _time(due),
            "tried": tried,
        }
    for row in connection.execute(sa.select(STREAMS)):
        streams[row.name] |= {"horizon": _time(row.horizon), "paused": bool(row.is_paused)}
    for each in streams.values():
        each["matched"] = sum(each[state] for state in STATES)
        each["reasons"] = dict(each["reasons"].most_common(20))
    month = month_of(now)
    used = connection.execute(sa.select(QUOTA.c.units).where(QUOTA.c.month == month)).scalar()
    return Status(
        streams=dict(sorted(streams.items())),
        destinations=_destinations(connection, now),
        month=month,
        used=(used or 0) / UNITS,
        budget=None if budget is None else budget.activations,
        notices=latest_notices(connection, NOTICES_SHOWN),
        matched=connection.execute(sa.select(sa.func.count()).select_from(MATCHES)).scalar_one(),
    )


def _empty() -> dict[str, Any]:
    counts: dict[str, Any] = dict.fromkeys(("matched", *STATES, "leased", "tried"), 0)
    return {**counts, "reasons": Counter(), "next_due": None, "horizon": None, "paused": False}


def _destinations(connection: sa.Connection, now: int) -> dict[str, dict[str, Any]]:
    found = {}
    for row in connection.execute(sa.select(DESTINATIONS).order_by(DESTINATIONS.c.label)):
        label = row.label if row.label not in found else f"{row.label} ({row.id})"
        found[label] = {
            "id": row.id,
            "paused": bool(row.is_paused),
            "parked": row.parked_why if row.parked_at is not None else None,
            "parked_at": _time(row.parked_at),
            "needs_person": bool(row.needs_person),
            "held_until": _time(row.held_until) if row.held_until > now else None,
            "failures": row.failures,
        }
    return found


def read_history(connection: sa.Connection, match_id: str) -> dict[str, Any]:
    """What became of one match."""
    c = MATCHES.c
    row = connection.execute(sa.select(MATCHES).where(c.match_id == match_id)).one_or_none()
    if row is None:
        raise DeliveryError(
            f"the ledger knows no match {match_id[:80]!r}",
            code="unknown-match",
            hint="it may not have been handed over, or not be confirmed yet",
        )
    query = sa.select(ATTEMPTS).where(ATTEMPTS.c.match_id == match_id).order_by(ATTEMPTS.c.number)
    attempts = [
        {
            "at": _time(each.at),
            "seconds": each.seconds,
            "outcome": each.outcome,
            "status": each.status,
            "reason": each.reason,
            "answer": each.answer,
            "destination": each.destination,
        }
        for each in connection.execute(query)
    ]
    return {**_plain(row), "attempts": attempts}


def read_dead_letters(
    connection: sa.Connection, streams: Sequence[str], reason: str | None
) -> list[dict[str, Any]]:
    """The dead letters, oldest first."""
    c = MATCHES.c
    query = sa.select(MATCHES).where(c.state == "dead").order_by(c.fired_at, c.number)
    if streams:
        query = query.where(c.stream.in_(streams))
    if reason is not None:
        query = query.where(c.reason.contains(reason, autoescape=True))
    return [_plain(row) for row in connection.execute(query)]


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    """A match as plain data, without its body."""
    return {
        "match_id": row.match_id,
        "stream": row.stream,
        "version": row.version,
        "key": row.key if row.key.startswith("sha256:") else json.loads(row.key),
        "fired_at": _time(row.fired_at),
        "state": row.state,
        "reason": row.reason,
        "tries": row.tries,
        "due_at": _time(row.due_at) if row.state == "waiting" else None,
        "settled_at": _time(row.settled_at),
        "destination": row.destination,
        "bytes": None if row.body is None else len(row.body),
        "rerender_of": row.rerender_of,
    }


def _time(micros: int | None) -> str | None:
    return None if micros is None else format_time(from_microseconds(micros))
