"""What payloads ask for travels with a match: through waits, copies, restarts and the state file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from streamkit import Schema
from streamkit.matching.contexts import Context, Needs, SessionFacts
from streamkit.running import Match, Matcher
from streamkit.streaming.state_file import StateFile
from tests.running.examples import a_then_b, after, event, matcher

WAIT = {"exclude": {"event": "X"}, "for": "20s"}
STREAM = a_then_b(steps=[{"event": "A", "at_least": 2}, {"event": "B"}, WAIT], frequency="every")
NEEDS = Needs(
    {0: ("props.n",), 1: ("price",)}, ("user.plan",), session_facts=True, session_last=("event",)
)
GAPS = Schema(time="at", name="event", user="uid", sessionizer={"by": "uid", "inactivity": "30s"})


def asked(stream: Any = STREAM, needs: Needs = NEEDS, **arguments: Any) -> Matcher:
    return matcher(stream, needs={stream.name: needs}, **arguments)


EVENTS = [
    event("A", 0, props='{"n": 1}'),
    event("A", 1, props='{"n": 2}'),
    event("page", 2),
    event("B", 3, price=1.5, user_plan="pro"),
    event("page", 10),
    event("page", 23),
    event("page", 24),
]


def test_each_step_gives_what_is_asked_of_it():
    """Of several copies the last; the firing event says who the user is; missing stays out."""
    running = asked()
    (match,) = running.push_many(EVENTS) + running.flush()
    assert match.context is not None
    assert match.context.events == ({"props.n": 2}, {"price": 1.5})
    assert match.context.firing == {"user.plan": "pro"}


def test_a_session_is_told_as_of_the_moment_of_firing():
    """All its events up to then count, those of that very moment and those nobody wants included."""
    running = asked()
    (match,) = running.push_many(EVENTS) + running.flush()
    assert match.fired == after(23)
    assert match.context.session == SessionFacts(6, after(0), after(23), {"event": "page"})


@pytest.mark.parametrize("schema", [None, GAPS], ids=["sessions", "sessions from gaps"])
def test_batches_and_restarts_change_no_context(schema: Schema | None, tmp_path: Path):
    """One by one, all at once, from bytes and from a file: the same values."""
    chance = random.Random(7)
    events = [
        event(chance.choice("AABX") if chance.random() < 0.8 else "page", second * 4, f"s{n}",
              props=f'{{"n": {second}}}', price=second)
        | {"uid": f"u{n}"}
        for second in range(300)
        for n in [chance.randrange(3)]
    ]  # fmt: skip
    options = {} if schema is None else {"schema": schema}
    whole = asked(**options)
    expected = told(whole.push_many(events) + whole.flush())
    single = asked(**options)
    assert told([m for each in events for m in single.push(each)] + single.flush()) == expected
    running, found = asked(**options), []
    for each in events:
        found += running.push(each)
        data = running.snapshot()
        running = asked(**options)
        running.restore(data)
    assert told(found + running.flush()) == expected
    found = []
    for start in range(0, len(events), 40):
        state, running = StateFile(tmp_path / "state.db", keys_in_memory=1), asked(**options)
        state.restore(running)
        for place in range(start, start + 40, 10):
            found += running.push_many(events[place : place + 10])
            state.commit()
        if start + 40 >= len(events):
            found += running.flush()
        state.close()
    assert told(found) == expected
    assert len(expected) > 20
    by_hand(expected, events, schema)


def told(matches: list[Match]) -> list[tuple[Match, Context | None]]:
    return [(match, match.context) for match in matches]


def by_hand(found: list[tuple[Match, Context | None]], events: list[dict], schema: Any) -> None:
    """Counts and last values, from the events themselves."""
    for match, context in found:
        assert context is not None
        assert context.events[1]["price"] == (match.matched - after(0)) // 4_000_000
        assert context.session is not None
        rows = [
            each for each in events
            if after((each["at"] - EVENTS[0]["at"]).total_seconds()) <= match.fired
            and (each["sid"] == match.session if schema is None else each["uid"] == match.user)
        ]  # fmt: skip
        if schema is None:
            assert context.session.event_count == len(rows)
        assert context.session.last == {"event": rows[-1]["event"]}


def test_nobody_asks_and_nothing_is_kept():
    """No context, no values in what is held, and events that nobody wants are not held."""
    running = matcher(STREAM)
    matches = running.push_many(EVENTS)
    assert all(held[-1] is None for held in running.held)
    assert [match.context for match in matches + running.flush()] == [None]
    assert running.decider.totals is None
    assert running.stats.decided == 3


def test_a_stream_that_asks_leaves_the_others_alone():
    """What one payload asks is not in another's snapshot."""
    both = matcher(
        a_then_b(name="asks"), a_then_b(name="silent"), needs={"asks": Needs({0: ("p",)})}
    )
    both.push_many([event("A", 0, p="secret"), event("page", 60)])
    both.flush()
    asks, silent = both.snapshot().split(b'"name":"silent"')[0], both.snapshot().split(b'"events":')
    assert b"secret" in asks
    assert sum(b"secret" in part for part in silent) == 1


def test_totals_of_sessions_that_are_over_are_forgotten():
    """With sessions from gaps memory follows the sessions that are open."""
    running = asked(schema=GAPS)
    for n in range(2000):
        running.push(event("A", n * 10) | {"uid": f"u{n}"})
    assert len(running.decider.totals.of_session) < 100
