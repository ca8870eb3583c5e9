"""What a matcher remembers: nothing longer than it can change an answer."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from streamkit import Schema
from tests.running.examples import a_then_b, after, event, matcher
from tests.running.measure import session_bytes

X = {"exclude": {"event": "X"}}
BOUNDED = [
    pytest.param({}, id="two steps"),
    pytest.param({"steps": [{"event": "A"}, {"event": "B", "within": "5s"}]}, id="a step's window"),
    pytest.param({"steps": [{"event": "A", "at_least": 3}, X, {"event": "B"}]}, id="copies"),
    pytest.param({"steps": [{**X, "lookback": "60s"}, {"event": "A"}]}, id="a lookback"),
    pytest.param({"steps": [{"event": "A"}, {**X, "for": "60s"}]}, id="a wait"),
    pytest.param({"frequency": "per_start"}, id="per start"),
    pytest.param({"frequency": "non_overlapping"}, id="non-overlapping"),
    pytest.param({"cooldown": {"for": "60s", "by": "user"}}, id="a cooldown"),
    pytest.param({"per": ["session", "p"]}, id="a key of two parts"),
]


def visits(first: int, count: int, **columns: Any):
    """Sessions of four events, one begun each ten seconds."""
    for number in range(first, first + count):
        for step, name in enumerate("AXAB"):
            yield event(name, number * 10 + step, f"s{number}", p=1, **columns)


@pytest.mark.parametrize("changed", BOUNDED)
def test_keys_with_nothing_left_are_dropped(changed: dict[str, Any]):
    """With bounded windows the keys that are held follow the windows, not the input."""
    running = matcher(a_then_b(**{"frequency": "every", "per": "session", **changed}))
    for start in range(0, 5000, 100):
        running.push_many(visits(start, 100))
    assert sum(running.stats.keys.values()) < 400
    assert running.stats.ids == 0


def test_a_session_that_is_over_takes_its_lasting_facts_along():
    """Sessions made from gaps end for sure, so even `once` needs no memory of them."""
    schema = Schema(
        time="at", name="event", user="uid", sessionizer={"by": "uid", "inactivity": "60s"}
    )
    running = matcher(a_then_b(frequency="once"), schema=schema)
    for start in range(0, 5000, 100):
        running.push_many({**each, "uid": each["sid"]} for each in visits(start, 100))
    running.flush()
    stats = running.stats
    assert stats.matches == {"s": 5000}
    assert sum(stats.keys.values()) < 400
    assert stats.forgotten > 4000
    assert len(running.decider.sessions.of_user) < 400


def test_once_is_remembered_for_ever_unless_told_otherwise():
    """A key that fired once never fires again; `forget_after` trades that for memory."""
    for_ever, forgetting = matcher(), matcher(forget_after="1h")
    for running in (for_ever, forgetting):
        for start in range(0, 2000, 100):
            running.push_many(visits(start, 100))
        running.flush()
    assert for_ever.stats.keys == {"s": 2000}
    assert forgetting.stats.keys["s"] < 500
    assert forgetting.stats.forgotten > 1500
    again = [event("A", 20_001, "s1"), event("B", 20_002, "s1")]
    for_ever.push_many(again)
    assert for_ever.flush() == []


def test_a_promise_of_the_longest_session_bounds_lasting_facts():
    """With `session_max` a session's facts go when it must be over."""
    schema = Schema(time="at", name="event", session="sid", session_max="1h")
    running = matcher(schema=schema)
    for start in range(0, 2000, 100):
        running.push_many(visits(start, 100))
    assert running.stats.keys["s"] < 500


def test_ids_are_remembered_as_long_as_they_count():
    """A repeated id is dropped up to `dedupe` after the kept one, and then forgotten."""
    schema = Schema(time="at", name="event", session="sid", id="id", dedupe="100s")
    running = matcher(
        a_then_b(steps=[{"event": "A"}], within=None, frequency="every"), schema=schema
    )
    events = [event("A", 0, id="i"), event("A", 100, id="i"), event("A", 100, id="j")]
    matches = [*running.push_many(events), *running.flush()]
    assert [match.matched for match in matches] == [after(0), after(100)]
    assert running.stats.duplicates == 1
    for second in range(200, 2200):
        running.push(event("A", second, id=f"k{second}"))
    assert running.stats.ids < 310


def test_a_repeated_id_beyond_the_window_never_makes_a_second_match():
    """Match ids are unique: of firing events with one id only the first counts, ever."""
    schema = Schema(time="at", name="event", session="sid", id="id", dedupe="10s")
    running = matcher(
        a_then_b(steps=[{"event": "A"}], within=None, frequency="every"), schema=schema
    )
    events = [event("A", 0, id="i"), event("A", 5000, id="i"), event("A", 9000, id="j")]
    matches = [*running.push_many(events), *running.flush()]
    assert [match.matched for match in matches] == [after(0), after(9000)]


@pytest.mark.parametrize(("ids", "limit"), [(False, 900), (True, 1024)])
def test_a_session_takes_less_than_a_kilobyte(ids: bool, limit: int):
    """Three streams have begun to match it, one of them waits; its events may have ids."""
    in_memory, _ = session_bytes(ids=ids)
    assert in_memory < limit


def test_memory_is_flat():
    """After the windows have filled, another ten times as many events take no more memory."""
    running = matcher(a_then_b(frequency="every", cooldown={"for": "60s"}))
    sizes = []
    for start in range(0, 6000, 100):
        running.push_many(visits(start, 100))
        if start == 500:
            tracemalloc.start()
        if start in (2000, 5900):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] < sizes[0] + 400_000  # a state kept of each of these keys would be 1.5 million


def test_events_that_nobody_wants_are_not_held():
    """They cost a look at the name and the time."""
    running = matcher()
    running.push_many(event("scroll", n, f"s{n}") for n in range(1000))
    assert running.stats.decided == 0
    assert running.stats.held == 0
    assert running.stats.keys == {"s": 0}


def test_a_session_may_have_begun_before_the_first_event():
    """Within `inactivity` of the first event nobody can know; it is counted and told."""
    schema = Schema(
        time="at", name="event", user="uid", sessionizer={"by": "uid", "inactivity": "60s"}
    )
    running = matcher(a_then_b(frequency="every"), schema=schema)
    matches = running.push_many([event("A", 0), event("B", 1), event("A", 500), event("B", 501)])
    matches += running.flush()
    assert [match.is_proven for match in matches] == [False, True]
    assert (running.stats.sessions, running.stats.unproven_sessions) == (2, 1)
