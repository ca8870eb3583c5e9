"""What a ledger knows of a destination: paused, parked, held, failing, and when its next turn is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import sqlalchemy as sa

from streamkit.delivery.answers import Answer
from streamkit.delivery.ledger.tables import DESTINATIONS, storable
from streamkit.delivery.routes import Route
from streamkit.delivery.schedule import pause

__all__ = ["BREAKS_AT", "Condition", "Turn", "read_conditions", "write_conditions"]

SECOND = 1_000_000
BREAKS_AT = 10
"""Failures in a row after which only one request at a time tries whether the endpoint is back."""
MANY = 1 << 30


class Turn(NamedTuple):
    """When a destination may be sent to.

    Args:
        at: From when on, in microseconds.
        most: How many requests at most.
        is_probe: Whether it is a single one that finds out whether the endpoint is back.
    """

    at: int
    most: int = MANY
    is_probe: bool = False


@dataclass(slots=True)
class Condition:
    """The condition of a destination; a row of its table.

    Args:
        id: Its id.
        label: What people call it.
        is_paused: Whether a person holds it.
        parked_at: Since when nothing is sent, in microseconds; None where it is not parked.
        parked_why: The answer that parked it.
        needs_person: Whether no probe may clear it.
        held_until: The end of a Retry-After, in microseconds.
        failures: How many attempts failed in a row.
        opened_at: When that were enough to open the breaker, in microseconds; 0 is closed.
        probe_at: While the breaker is open: when the next probe may be sent, in microseconds.
        next_slot: When the rate allows the next request, in microseconds.
    """

    id: str
    label: str
    is_paused: bool = False
    parked_at: int | None = None
    parked_why: str | None = None
    needs_person: bool = False
    held_until: int = 0
    failures: int = 0
    opened_at: int = 0
    probe_at: int = 0
    next_slot: int = 0

    @property
    def is_parked(self) -> bool:
        """Whether nothing but a probe is sent."""
        return self.parked_at is not None

    def turn(self, now: int, *, may_probe: bool) -> Turn | None:
        """When it may be sent to; None where nothing but a person can change that in this run."""
        if self.is_paused or self.needs_person or (self.is_parked and not may_probe):
            return None
        if self.is_parked or self.opened_at:
            return Turn(max(self.held_until, self.probe_at, now), 1, is_probe=True)
        return Turn(max(self.held_until, now))

    def begin_probe(self, until: int) -> None:
        """Let no other probe go out before this one has come back or its lease has ended."""
        self.probe_at = until

    def learn(self, answer: Answer, at: int, now: int) -> bool:
        """Take in an answer.

        Args:
            answer: What came of an attempt.
            at: When the request was made, in microseconds.
            now: In microseconds.

        Returns:
            Whether it became parked or was cleared.
        """
        if answer.retry_after is not None:
            self.held_until = max(self.held_until, now + round(answer.retry_after * SECOND))
        if answer.outcome == "parked":
            was_parked = self.is_parked and (self.needs_person or not answer.needs_person)
            self.parked_at = self.parked_at or now
            self.parked_why = storable(answer.reason)
            self.needs_person = self.needs_person or answer.needs_person
            self.probe_at = now
            return not was_parked
        if answer.outcome == "retry":
            if not self.opened_at:
                self.failures += 1
                if self.failures >= BREAKS_AT:
                    self.opened_at, self.probe_at = now, now + round(pause(0) * SECOND)
            elif at >= self.opened_at:  # a probe; what was on its way before says nothing new
                self.failures += 1
                seconds = pause(self.failures - BREAKS_AT)
                self.probe_at = now + round(seconds * SECOND)
            if self.is_parked and at >= (self.parked_at or 0):
                self.probe_at = max(self.probe_at, now + round(pause(0) * SECOND))
            return False
        # an endpoint that takes or refuses a match for its own sake is there
        if at >= self.opened_at:
            self.failures = self.opened_at = self.probe_at = 0
        if self.is_parked and not self.needs_person and at >= (self.parked_at or 0):
            self.clear()
            return True
        return False

    def clear(self) -> None:
        """Forget all trouble."""
        self.is_paused = self.needs_person = False
        self.parked_at = self.parked_why = None
        self.failures = self.opened_at = self.probe_at = self.held_until = 0

    def slots(self, until: int, now: int, rate: float) -> int:
        """How many requests the rate allows up to a time."""
        begin = max(now, self.next_slot)
        return 0 if begin > until else min(MANY, int((until - begin) * rate / SECOND) + 1)

    def take_slots(self, count: int, now: int, rate: float) -> list[int]:
        """Give so many requests their times."""
        begin, step = max(now, self.next_slot), SECOND / rate
        if count:
            self.next_slot = begin + round(count * step)
        return [begin + round(place * step) for place in range(count)]


def read_conditions(connection: sa.Connection, routes: Iterable[Route]) -> dict[str, Condition]:
    """The conditions of the destinations of routes, those of new ones included."""
    labels = {route.id: storable(route.label) for route in routes}
    columns = [DESTINATIONS.c[field.name] for field in fields(Condition)]
    rows = connection.execute(sa.select(*columns).where(DESTINATIONS.c.id.in_(labels)))
    found = {row.id: Condition(*row) for row in rows}
    new = [Condition(id_, label) for id_, label in labels.items() if id_ not in found]
    if new:
        connection.execute(DESTINATIONS.insert(), [_values(each) for each in new])
    return found | {each.id: each for each in new}


def write_conditions(connection: sa.Connection, conditions: Iterable[Condition]) -> None:
    """Keep conditions that are there already."""
    for each in conditions:
        values = _values(each)
        connection.execute(
            DESTINATIONS.update().where(DESTINATIONS.c.id == values.pop("id")).values(values)
        )


def _values(condition: Condition) -> dict[str, object]:
    return {field.name: getattr(condition, field.name) for field in fields(Condition)}
