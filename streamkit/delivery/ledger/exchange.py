"""One transaction of a sender: what came of its attempts is written down, and more is claimed.

Both in one commit, so that a thousand deliveries cost a few dozen syncs. A claim is a lease: it is
committed before the request is made, and when a sender dies the match is free again once the lease
has run out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from streamkit.delivery.answers import Answer
from streamkit.delivery.ledger.destinations import Condition, read_conditions, write_conditions
from streamkit.delivery.ledger.notices import Notice, add_notices
from streamkit.delivery.ledger.tables import ATTEMPTS, MATCHES, QUOTA, STREAMS, storable
from streamkit.delivery.quota import Budget, activations, month_of
from streamkit.delivery.routes import Route
from streamkit.delivery.schedule import with_jitter
from streamkit.payload.body import Body

__all__ = ["LEASE", "Attempt", "Claimed", "Exchanged", "Terms", "exchange"]

SECOND = 1_000_000
LEASE = 120 * SECOND
AHEAD = 2 * SECOND
"""How far ahead of time requests are given their turn: the rate holds for all senders of a ledger
together, and what one that was killed had claimed is little."""


class Claimed(NamedTuple):
    """A match to send.

    Args:
        number: Its row.
        match_id: Its id.
        stream: Its stream.
        tries: How often it was tried before.
        age_from: What `max_age` counts from, in microseconds.
        body: What to send.
        not_before: When its turn is, in microseconds.
        leased_until: When the claim ends, in microseconds.
    """

    number: int
    match_id: str
    stream: str
    tries: int
    age_from: int
    body: Body
    not_before: int
    leased_until: int


class Attempt(NamedTuple):
    """What came of a claim.

    Args:
        claimed: The claim.
        at: When the request was made, in microseconds.
        answer: What came of it; None where none was made, and the claim is given back.
    """

    claimed: Claimed
    at: int
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a sender works by.

    Args:
        owner: Marks its leases.
        routes: Where to send, by stream.
        budget: The month's.
        lease: How long a claim lasts, in microseconds.
    """

    owner: str
    routes: Mapping[str, Route]
    budget: Budget = field(default_factory=Budget)
    lease: int = LEASE


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a transaction gave.

    Args:
        claimed: Matches to send now.
        outcomes: What was settled: `delivered`, `retry`, `parked` or `dead`, counted.
        wake: When there may be more to claim, in microseconds; None where nothing will be.
        probed: Parked destinations that one of the claims is a probe of.
        stopped: Whether the budget keeps matches waiting.
        notices: What people should hear of.
    """

    claimed: Sequence[Claimed]
    outcomes: Mapping[tuple[str, str], int]
    wake: int | None
    probed: frozenset[str]
    stopped: bool
    notices: Sequence[Notice]


def exchange(
    connection: sa.Connection,
    terms: Terms,
    attempts: Sequence[Attempt],
    wanted: Mapping[str, int],
    probes: Collection[str],
    *,
    now: int,
    chance: float,
    expire: bool,
) -> Exchanged:
    """Settle attempts and claim more, inside the caller's transaction.

    Args:
        connection: A connection that holds the ledger's lock.
        terms: The sender's.
        attempts: What came of earlier claims.
        wanted: How many more matches it can take, by id of the destination.
        probes: Ids of parked destinations that this run may still probe.
        now: In microseconds.
        chance: A random number from 0 to 1, for the delays.
        expire: Whether to look for matches that are too old, which takes a while.
    """
    routes = {route.id: route for route in terms.routes.values()}
    conditions = read_conditions(connection, routes.values())
    before = {id_: replace(condition) for id_, condition in conditions.items()}
    notices: list[Notice] = []
    outcomes = _settle(connection, terms, attempts, conditions, notices, now, chance)
    if expire:
        outcomes += _expire(connection, terms, now)
    claimed: list[Claimed] = []
    probed: set[str] = set()
    wakes: list[int] = []
    spending = _Spending(connection, terms.budget, now)
    streams = _streams(connection, terms)
    for id_, route in routes.items():
        condition, names = conditions[id_], streams[id_]
        turn = condition.turn(now, may_probe=id_ in probes)
        if not names or turn is None:
            continue
        room, rate = min(wanted.get(id_, 0), turn.most), route.destination.rate
        count = 0 if turn.at > now else min(room, condition.slots(now + AHEAD, now, rate))
        found = _claim(connection, terms, names, count, spending, now) if count else []
        slots = condition.take_slots(len(found), now, rate)
        claimed += [each._replace(not_before=slot) for each, slot in zip(found, slots, strict=True)]
        if found and turn.is_probe:
            condition.begin_probe(now + terms.lease)
            if condition.is_parked:
                probed.add(id_)
        if room and len(found) == room:
            continue  # an outcome will make the sender ask again
        due = _next_due(connection, terms.owner, names, reserved_only=spending.is_spent)
        if room and due is not None:
            wakes.append(max(due, turn.at, condition.next_slot - AHEAD))
    changed = [each for id_, each in conditions.items() if each != before[id_]]
    write_conditions(connection, changed)
    notices += spending.close()
    add_notices(connection, notices)
    return Exchanged(
        claimed,
        outcomes,
        min(wakes, default=None),
        frozenset(probed),
        spending.is_spent,
        notices,
    )


def _settle(
    connection: sa.Connection,
    terms: Terms,
    attempts: Sequence[Attempt],
    conditions: Mapping[str, Condition],
    notices: list[Notice],
    now: int,
    chance: float,
) -> Counter[tuple[str, str]]:
    """Write down what came of attempts whose lease is still the sender's."""
    outcomes: Counter[tuple[str, str]] = Counter()
    if not attempts:
        return outcomes
    numbers = [each.claimed.number for each in attempts]
    ours = set(
        connection.execute(
            sa.select(MATCHES.c.number).where(
                MATCHES.c.number.in_(numbers), MATCHES.c.lease == terms.owner
            )
        ).scalars()
    )
    changes: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    for claimed, at, answer in attempts:
        if claimed.number not in ours:
            continue
        route = terms.routes[claimed.stream]
        condition = conditions[route.id]
        if answer is None:
            changes.append(_change(claimed, "waiting", "", claimed.tries, route.label, due_at=now))
            continue
        state, reason, due_at = _verdict(claimed, answer, route, at, chance)
        if condition.learn(answer, at, now) and condition.is_parked:
            notices.append(Notice(now, "parked", route.label, answer.reason))
        if state == "waiting":
            due_at = max(due_at, condition.held_until)
        tries = claimed.tries + (answer.outcome != "parked")
        changes.append(_change(claimed, state, reason, tries, route.label, due_at=due_at, at=now))
        outcomes[claimed.stream, "dead" if state == "dead" else answer.outcome] += 1
        history.append(
            {
                "match_id": claimed.match_id,
                "at": at,
                "seconds": answer.seconds,
                "outcome": answer.outcome,
                "status": answer.status,
                "reason": storable(answer.reason),
                "answer": storable(answer.text),
                "destination": storable(route.label),
            }
        )
    if changes:
        connection.execute(
            MATCHES.update()
            .where(MATCHES.c.number == sa.bindparam("row"))
            .values({name: sa.bindparam(f"new_{name}") for name in CHANGED}),
            changes,
        )
    if history:
        connection.execute(ATTEMPTS.insert(), history)
    _return_units(connection, [each["row"] for each in changes if each["new_state"] == "dead"])
    return outcomes


CHANGED = (
    "state",
    "reason",
    "tries",
    "due_at",
    "settled_at",
    "lease",
    "leased_until",
    "destination",
)


def _change(
    claimed: Claimed,
    state: str,
    reason: str,
    tries: int,
    label: str,
    *,
    due_at: int,
    at: int | None = None,
) -> dict[str, Any]:
    return {
        "row": claimed.number,
        "new_state": state,
        "new_reason": storable(reason),
        "new_tries": tries,
        "new_due_at": due_at,
        "new_settled_at": None if state == "waiting" else at,
        "new_lease": None,
        "new_leased_until": None,
        "new_destination": storable(label),
    }


def _verdict(
    claimed: Claimed, answer: Answer, route: Route, at: int, chance: float
) -> tuple[str, str, int]:
    """The state that an answer leads to, why, and when the next try is due."""
    match answer.outcome:
        case "delivered":
            return "delivered", "", at
        case "dead":
            return "dead", answer.reason, at
        case "parked":
            return "waiting", f"parked: {answer.reason}", at
    delays = route.destination.delays
    if claimed.tries >= len(delays):
        return "dead", f"no try is left: {answer.reason}", at
    return "waiting", answer.reason, at + with_jitter(delays[claimed.tries], chance)


def _expire(connection: sa.Connection, terms: Terms, now: int) -> Counter[tuple[str, str]]:
    """Let matches die that are older than their destination's `max_age`."""
    expired: Counter[tuple[str, str]] = Counter()
    c = MATCHES.c
    for name, route in terms.routes.items():
        age = route.destination.max_age
        numbers = list(
            connection.execute(
                MATCHES.update()
                .where(
                    c.state == "waiting",
                    c.stream == name,
                    c.age_from < now - age.microseconds,
                    sa.or_(c.leased_until.is_(None), c.leased_until <= now),
                )
                .values(
                    state="dead",
                    reason=sa.case(
                        (c.reason == "", f"older than {age}"),
                        else_=sa.literal(f"older than {age}: ").concat(c.reason),
                    ),
                    settled_at=now,
                    lease=None,
                    leased_until=None,
                )
                .returning(c.number)
            ).scalars()
        )
        if numbers:
            expired[name, "dead"] += len(numbers)
            _return_units(connection, numbers)
    return expired


def _return_units(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Give back what dead matches had reserved."""
    if not numbers:
        return
    c = MATCHES.c
    reserved = connection.execute(
        sa.select(c.month, sa.func.sum(c.units))
        .where(c.number.in_(numbers), c.month.is_not(None))
        .group_by(c.month)
    ).all()
    for month, units in reserved:
        connection.execute(
            QUOTA.update().where(QUOTA.c.month == month).values(units=QUOTA.c.units - units)
        )
    connection.execute(MATCHES.update().where(c.number.in_(numbers)).values(month=None))


def _streams(connection: sa.Connection, terms: Terms) -> dict[str, list[str]]:
    """The streams of each destination that are not paused."""
    paused = set(connection.execute(sa.select(STREAMS.c.name).where(STREAMS.c.is_paused)).scalars())
    streams: dict[str, list[str]] = {route.id: [] for route in terms.routes.values()}
    for name, route in terms.routes.items():
        if name not in paused:
            streams[route.id].append(name)
    return streams


class _Spending:
    """What is reserved of a month's budget in one transaction."""

    def __init__(self, connection: sa.Connection, budget: Budget, now: int) -> None:
        self._connection = connection
        self._budget = budget
        self._now = now
        self.month = month_of(now)
        used = connection.execute(
            sa.select(QUOTA.c.units).where(QUOTA.c.month == self.month)
        ).scalar()
        self._is_new = used is None
        self._before = self._used = int(used or 0)
        self.is_spent = False

    def reserve(self, units: int) -> bool:
        """Reserve units if the budget has them."""
        left = self._budget.affordable(self._used)
        if left is not None and units > left:
            self.is_spent = True
            return False
        self._used += units
        return True

    def close(self) -> Iterable[Notice]:
        """Write down what was reserved; gives what people should hear of."""
        if self._used == self._before:
            return
        if self._is_new:
            self._connection.execute(QUOTA.insert().values(month=self.month, units=self._used))
        else:
            self._connection.execute(
                QUOTA.update().where(QUOTA.c.month == self.month).values(units=self._used)
            )
        percent = self._budget.crossed(self._before, self._used)
        if percent is not None:
            text = (
                f"{activations(self._used)} of {activations(self._budget.units)} activations of"
                f" {self.month} are used ({percent} %)"
            )
            yield Notice(self._now, f"budget {percent} %", self.month, text)


LEASED = tuple(
    MATCHES.c[name]
    for name in ("due_at", "number", "match_id", "stream", "tries", "age_from", "body", "secrets",
                 "units", "month")
)  # fmt: skip


def _due(connection: sa.Connection, names: Sequence[str], count: int, now: int) -> list[int]:
    """The matches of some streams that are due longest and not leased.

    Each stream is asked apart: its rows stand in this order in the index.
    """
    c = MATCHES.c
    due: list[tuple[int, int]] = []
    for name in names:
        query = (
            sa.select(c.due_at, c.number)
            .where(
                c.state == "waiting",
                c.stream == name,
                c.due_at <= now,
                sa.or_(c.leased_until.is_(None), c.leased_until <= now),
            )
            .order_by(c.due_at, c.number)
            .limit(count)
        )
        due += [(row.due_at, row.number) for row in connection.execute(query)]
    return [number for _, number in sorted(due)[:count]]


def _claim(
    connection: sa.Connection,
    terms: Terms,
    names: Sequence[str],
    count: int,
    spending: _Spending,
    now: int,
) -> list[Claimed]:
    """Lease the matches that are due longest, as far as the budget goes."""
    until = now + terms.lease
    leased = connection.execute(
        MATCHES.update()
        .where(MATCHES.c.number.in_(_due(connection, names, count, now)))
        .values(lease=terms.owner, leased_until=until)
        .returning(*LEASED)
    ).all()
    claimed: list[Claimed] = []
    reserved: list[int] = []
    unpaid: list[int] = []
    c = MATCHES.c
    for row in sorted(leased, key=lambda row: (row.due_at, row.number)):
        if row.month is None:
            if not spending.reserve(row.units):
                unpaid.append(row.number)
                continue
            reserved.append(row.number)
        secrets = tuple((offset, reference) for offset, reference in json.loads(row.secrets))
        body = Body(bytes(row.body), secrets)
        claimed.append(
            Claimed(row.number, row.match_id, row.stream, row.tries, row.age_from, body, now, until)
        )
    if reserved:
        connection.execute(
            MATCHES.update().where(c.number.in_(reserved)).values(month=spending.month)
        )
    if unpaid:
        connection.execute(
            MATCHES.update().where(c.number.in_(unpaid)).values(lease=None, leased_until=None)
        )
    return claimed


def _next_due(
    connection: sa.Connection, owner: str, names: Sequence[str], *, reserved_only: bool
) -> int | None:
    """When the next match is free and due that is not the sender's already."""
    c = MATCHES.c
    mine = [c.state == "waiting", c.stream.in_(names)]
    if reserved_only:
        mine.append(c.month.is_not(None))
    leased = sa.select(sa.func.min(c.leased_until)).where(*mine, c.lease > "", c.lease != owner)
    times = [connection.execute(leased).scalar()]
    for name in names:
        query = (
            sa.select(c.due_at)
            .where(*mine, c.stream == name, c.lease.is_(None))
            .order_by(c.due_at)
            .limit(1)
        )
        times.append(connection.execute(query).scalar())
    return min((each for each in times if each is not None), default=None)
