"""Taking candidates in: what is new is decided on, and what is let through gets its frozen body."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa

from streamkit.delivery.ledger.candidates import Candidate, StreamRules
from streamkit.delivery.ledger.rules import Cooled, Place, Run, Taken
from streamkit.delivery.ledger.tables import MATCHES, digest, storable
from streamkit.errors import PayloadError
from streamkit.matching.identity import compact
from streamkit.payload.body import Body

__all__ = ["COOLED", "FREQUENCY", "MARKED", "STALE", "HandedOver", "Render", "hand_over"]

Render: TypeAlias = Callable[[Sequence[Candidate]], Sequence["Body | PayloadError"]]
FREQUENCY, COOLED, STALE, MARKED = "frequency", "cooldown", "stale", "marked as sent"
AT_ONCE = 5000
"""Values in one query: databases take some ten thousand."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of candidates.

    Args:
        counts: How many became `waiting`, `delivered` (marked as sent), `dead` or
            `skipped: <reason>`, and how many were `known` before.
        accepted: Ids of those that will be sent.
        dead: Why bodies could not be made, each reason once.
    """

    counts: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    dead: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: HandedOver) -> HandedOver:
        return HandedOver(
            self.counts + other.counts,
            self.accepted + other.accepted,
            dict(Counter(self.dead) + Counter(other.dead)),
        )


def hand_over(
    connection: sa.Connection,
    rules: StreamRules,
    candidates: Sequence[Candidate],
    render: Render | None,
    *,
    now: int,
    mark_sent: bool = False,
) -> HandedOver:
    """Decide on candidates of one stream, inside the caller's transaction.

    Args:
        connection: A connection that holds the ledger's lock.
        rules: The stream.
        candidates: Sorted by `fired_at`; all that fire at one time in one call.
        render: Makes the bodies of those that are let through; None for a trial that is rolled
            back.
        now: In microseconds.
        mark_sent: Whether what is let through counts as delivered and is not sent.
    """
    new, known = _unknown(connection, candidates)
    taken = _taken(connection, rules, new)
    # the frequency rule goes by the order of rows in a key, the cooldown by time and id
    is_taken = {
        each.match_id: taken.lets_through(each.key_text, each.run)
        for each in sorted(new, key=lambda each: (each.run.last.time, each.run.last.rank))
    }
    cooled = _cooled(connection, rules, new)
    states: dict[str, tuple[str, str]] = {}
    for each in sorted(new, key=lambda each: (each.fired_at, each.match_id)):
        value = each.cooldown_value
        if not is_taken[each.match_id]:
            states[each.match_id] = "skipped", FREQUENCY
        elif cooled is not None and value is not None and cooled.is_near(value, each.fired_at):
            states[each.match_id] = "skipped", COOLED
        elif each.fired_at + rules.max_age < now and not mark_sent:
            states[each.match_id] = "skipped", STALE
        else:
            states[each.match_id] = ("delivered", MARKED) if mark_sent else ("waiting", "")
            if cooled is not None and value is not None:
                cooled.add(value, each.fired_at)
    accepted = [each for each in new if states[each.match_id][0] == "waiting"]
    bodies, dead = _bodies(accepted, render)
    states |= {match_id: ("dead", reason) for match_id, reason in dead.items()}
    if new:
        connection.execute(
            MATCHES.insert(),
            [
                _row(rules, each, states[each.match_id], bodies.get(each.match_id), now)
                | {"is_taken": is_taken[each.match_id]}
                for each in new
            ],
        )
    counts = Counter(
        state if state != "skipped" else f"skipped: {reason}" for state, reason in states.values()
    )
    counts["known"] = known
    return HandedOver(
        counts,
        [each.match_id for each in accepted if each.match_id not in dead],
        dict(Counter(dead.values())),
    )


def in_pieces(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists that are short enough for one query."""
    listed = list(values)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]


def _unknown(
    connection: sa.Connection, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], int]:
    """The candidates that the ledger does not hold, each id once, and how many it does."""
    known: set[str] = set()
    for ids in in_pieces(dict.fromkeys(each.match_id for each in candidates)):
        found = connection.execute(sa.select(MATCHES.c.match_id).where(MATCHES.c.match_id.in_(ids)))
        known.update(found.scalars())
    new: dict[str, Candidate] = {}
    for each in candidates:
        if each.match_id not in known:
            new.setdefault(each.match_id, each)
    return list(new.values()), len(candidates) - len(new)


def _taken(connection: sa.Connection, rules: StreamRules, new: Sequence[Candidate]) -> Taken:
    """The taken runs that the candidates' runs could meet."""
    taken = Taken(rules.stream.frequency, rules.dedupe)
    if rules.stream.frequency == "every" or not new:
        return taken
    keys = _with_digests(each.key_text for each in new)
    c = MATCHES.c
    columns = (c.key, c.first_row, c.first_time, c.first_rank, c.last_row, c.last_time, c.last_rank)
    query = sa.select(*columns).where(c.stream == rules.stream.name, c.is_taken)
    if rules.stream.frequency != "once":  # only runs near in time can share a row or overlap
        begin = min(each.run.first.time for each in new) - rules.dedupe
        end = max(each.run.last.time for each in new) + rules.dedupe
        query = query.where(c.last_time >= begin, c.first_time <= end)
    for piece in in_pieces(keys):
        for key, *places in connection.execute(query.where(c.key.in_(piece))):
            run = Run(Place(*places[:3]), Place(*places[3:]))
            taken.runs[keys[key]].append(run)
    return taken


def _cooled(
    connection: sa.Connection, rules: StreamRules, new: Sequence[Candidate]
) -> Cooled | None:
    """When matches near the candidates fired that were not skipped."""
    if rules.cooldown is None:
        return None
    values = _with_digests(each.cooldown_value for each in new if each.cooldown_value is not None)
    fired: dict[str, list[int]] = defaultdict(list)
    if values:
        c = MATCHES.c
        query = sa.select(c.cooldown_value, c.fired_at).where(
            c.stream == rules.stream.name,
            c.state != "skipped",
            c.fired_at > min(each.fired_at for each in new) - rules.cooldown,
            c.fired_at < max(each.fired_at for each in new) + rules.cooldown,
        )
        for piece in in_pieces(values):
            for value, fired_at in connection.execute(query.where(c.cooldown_value.in_(piece))):
                fired[values[value]].append(fired_at)
    return Cooled(rules.cooldown, fired)


def _with_digests(texts: Iterable[str]) -> dict[str, str]:
    """Texts by themselves and by their digests, under which purged rows are kept."""
    plain = dict.fromkeys(texts)
    return {text: text for text in plain} | {digest(text): text for text in plain}


def _bodies(
    accepted: Sequence[Candidate], render: Render | None
) -> tuple[Mapping[str, Body], dict[str, str]]:
    """The bodies by id, and why others could not be made."""
    if render is None or not accepted:
        return {}, {}
    bodies: dict[str, Body] = {}
    dead: dict[str, str] = {}
    for each, made in zip(accepted, render(accepted), strict=True):
        if isinstance(made, PayloadError):
            dead[each.match_id] = storable(f"no body: {made.problems[0].message}"[:500])
        else:
            bodies[each.match_id] = made
    return bodies, dead


def _row(
    rules: StreamRules, each: Candidate, state: tuple[str, str], body: Body | None, now: int
) -> dict[str, Any]:
    first, last = each.run
    return {
        "match_id": each.match_id,
        "stream": rules.stream.name,
        "version": rules.stream.version,
        "key": each.key_text,
        "session": None if each.session is None else compact(each.session),
        "user": None if each.user is None else compact(each.user),
        "fired_at": each.fired_at,
        "first_row": first.name,
        "first_time": first.time,
        "first_rank": first.rank,
        "last_row": last.name,
        "last_time": last.time,
        "last_rank": last.rank,
        "cooldown_value": each.cooldown_value,
        "state": state[0],
        "reason": state[1],
        "added_at": now,
        "settled_at": None if state[0] == "waiting" else now,
        "body": None if body is None else body.content,
        "secrets": None if body is None else json.dumps(body.secrets),
        "age_from": each.fired_at,
        "due_at": now,
        "units": rules.units,
    }
