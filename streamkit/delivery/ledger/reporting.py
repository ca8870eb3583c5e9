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
NOTICES_READ, NOTICES_SHOWN = 200, 10
RERENDERED = "sent again under a new id"


@dataclass(frozen=True, repr=False)
class Status:
    """Where the matches of a ledger are.

    Args:
        streams: For each stream `matched`, `delivered`, `dead`, `skipped`, `waiting`, `leased`,
            `reasons` (of dead and skipped), `next_due` (of those no sender holds), `waits_for` (in
            words), `destination` (the label of the last one tried), `horizon` and `paused`.
        destinations: For each destination whether it is `paused` or `parked` and why, until when
            it is held, how many `failures` it has in a row, and `probe_at`, when one request may
            find out whether it is back.
        month: The month, such as 2026-03.
        used: Activations reserved in it.
        budget: How many there are; None where none was given.
        notices: The last ones that still hold, newest first.
        matched: Rows of the ledger, counted apart from their states.
    """

    streams: Mapping[str, Mapping[str, Any]]
    destinations: Mapping[str, Mapping[str, Any]]
    month: str
    used: float
    budget: float | None
    notices: Sequence[Notice]
    matched: int

    def waits_for(self, stream: str, destination: str) -> str:
        """What the waiting matches of a stream wait for, in words; empty where none wait.

        Args:
            stream: Name of the stream.
            destination: Id of the destination they go to now.
        """
        if stream not in self.streams:
            return ""
        found = (each for each in self.destinations.values() if each["id"] == destination)
        return _waits_for(self.streams[stream], next(found, None), self.month)

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
            shown = RERENDERED if reason.startswith("sent as ") else reason
            streams[name]["reasons"][f"{state}: {shown}"] += count
    waiting = connection.execute(
        sa.select(
            c.stream,
            sa.func.count(),
            sa.func.sum(sa.case((c.leased_until > now, 1), else_=0)),
            sa.func.min(
                sa.case((sa.or_(c.leased_until.is_(None), c.leased_until <= now), c.due_at))
            ),
            sa.func.sum(sa.case((c.tries > 0, 1), else_=0)),
            sa.func.max(c.leased_until),
            sa.func.min(sa.case((c.month.is_(None), c.units), else_=0)),
        )
        .where(c.state == "waiting")
        .group_by(c.stream)
    )
    month = month_of(now)
    used = connection.execute(sa.select(QUOTA.c.units).where(QUOTA.c.month == month)).scalar() or 0
    left = None if budget is None else budget.affordable(used)
    for name, count, leased, due, tried, leased_until, least in waiting:
        streams[name] |= {
            "waiting": count,
            "leased": leased,
            "next_due": _time(due),
            "tried": tried,
            "leased_until": _time(leased_until) if leased else None,
            "is_due": due is not None and due <= now,
            "is_unpaid": left is not None and least > left,
        }
    for row in connection.execute(sa.select(STREAMS)):
        streams[row.name] |= {"horizon": _time(row.horizon), "paused": bool(row.is_paused)}
    destinations = _destinations(connection, now)
    last = sa.select(c.stream, c.destination).where(c.destination.is_not(None))
    last = last.group_by(c.stream, c.destination).order_by(sa.func.max(c.number))
    for name, label in connection.execute(last):
        streams[name]["destination"] = label
    for each in streams.values():
        each["waits_for"] = _waits_for(each, destinations.get(each["destination"]), month)
        each["matched"] = sum(each[state] for state in STATES)
        each["reasons"] = dict(each["reasons"].most_common(20))
    return Status(
        streams=dict(sorted(streams.items())),
        destinations=destinations,
        month=month,
        used=used / UNITS,
        budget=None if budget is None else budget.activations,
        notices=[
            each
            for each in latest_notices(connection, NOTICES_READ)
            if _holds(each, streams, destinations, month)
        ][:NOTICES_SHOWN],
        matched=connection.execute(sa.select(sa.func.count()).select_from(MATCHES)).scalar_one(),
    )


def _empty() -> dict[str, Any]:
    counts: dict[str, Any] = dict.fromkeys(("matched", *STATES, "leased", "tried"), 0)
    unknown = dict.fromkeys(("next_due", "leased_until", "destination", "horizon"))
    flags = dict.fromkeys(("is_due", "is_unpaid", "paused"), False)
    return {**counts, **unknown, **flags, "reasons": Counter(), "waits_for": ""}


def _waits_for(each: Mapping[str, Any], destination: Mapping[str, Any] | None, month: str) -> str:
    """What the waiting matches of a stream wait for."""
    there = destination or {}
    if not each["waiting"]:
        return ""
    if each["paused"]:
        return "the stream is paused, until 'streamkit resume'"
    if there.get("paused"):
        return "the destination is paused, until 'streamkit resume'"
    if there.get("parked") is not None:
        how = "until 'streamkit resume'" if there["needs_person"] else "the next run probes it once"
        return f"the destination is parked, {how}"
    if there.get("is_open"):
        when = there["probe_at"] or "with the next run"
        return f"the destination fails, next probe {when}"
    if there.get("held_until"):
        return f"the destination asked to be left alone until {there['held_until']}"
    if each["next_due"] is None:
        return f"a sender holds them, until {each['leased_until']} at the latest"
    if not each["is_due"]:
        return f"next try {each['next_due']}"
    return (
        f"the budget of {month} is used up" if each["is_unpaid"] else "next try with the next run"
    )


def _holds(
    notice: Notice,
    streams: Mapping[str, Mapping[str, Any]],
    destinations: Mapping[str, Mapping[str, Any]],
    month: str,
) -> bool:
    """Whether what a notice says still is so; what was changed stays changed."""
    if notice.kind == "dead letters":
        return notice.subject in streams and streams[notice.subject]["dead"] > 0
    if notice.kind == "parked":
        return any(
            each["parked"] is not None and each["label"] == notice.subject
            for each in destinations.values()
        )
    return notice.subject == month or not notice.kind.startswith("budget")


def _destinations(connection: sa.Connection, now: int) -> dict[str, dict[str, Any]]:
    found = {}
    for row in connection.execute(sa.select(DESTINATIONS).order_by(DESTINATIONS.c.label)):
        label = row.label if row.label not in found else f"{row.label} ({row.id})"
        found[label] = {
            "id": row.id,
            "label": row.label,
            "paused": bool(row.is_paused),
            "parked": row.parked_why if row.parked_at is not None else None,
            "parked_at": _time(row.parked_at),
            "needs_person": bool(row.needs_person),
            "held_until": _time(row.held_until) if row.held_until > now else None,
            "failures": row.failures,
            "is_open": bool(row.opened_at),
            "probe_at": _time(turn) if (turn := max(row.probe_at, row.held_until)) > now else None,
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
