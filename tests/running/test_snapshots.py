"""A matcher as bytes: what goes on, what begins afresh, what is refused."""

from __future__ import annotations

import json
import math

import pytest

from streamkit import EventsError, Schema
from streamkit.running.contents import restore
from tests.running.examples import a_then_b, event, matcher

EVENTS = [
    event(name, second, f"s{second % 5}", id=f"i{second % 40}", p=second % 3, n=second % 2)
    for second, name in enumerate("AABXBABBXACAB" * 12)
]
STREAMS = [
    a_then_b(name="pair", frequency="per_start", cooldown={"for": "30s", "by": "p"}),
    a_then_b(name="wait", steps=[{"event": "A"}, {"event": "B"}, {"exclude": {"event": "X"}, "for": "20s"}],
             frequency="non_overlapping"),
    a_then_b(name="many", steps=[{"exclude": {"event": "C"}, "lookback": "9s"}, {"event": "A", "at_least": 4}, {"event": "B"}]),
    a_then_b(name="parts", per=["user", "p"], exclude=[{"event": "X"}], frequency="every"),
]  # fmt: skip
SCHEMAS = [
    pytest.param(Schema(time="at", name="event", session="sid", user="uid"), id="plain"),
    pytest.param(
        Schema(time="at", name="event", session="sid", user="uid", id="id", dedupe="20s", sequence="n"),
        id="ids and sequence",
    ),
    pytest.param(
        Schema(time="at", name="event", user="uid", sessionizer={"by": "sid", "inactivity": "7s"}),
        id="sessions from gaps",
    ),
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_restored_matcher_goes_on_as_the_first_would(schema: Schema):
    """Restarted after every event, it makes the same matches, and the same bytes."""
    whole = matcher(*STREAMS, schema=schema)
    expected = [match for each in EVENTS for match in whole.push(each)] + whole.flush()
    running, found = matcher(*STREAMS, schema=schema), []
    for each in EVENTS:
        found += running.push(each)
        data = running.snapshot()
        running = matcher(*STREAMS, schema=schema)
        assert running.restore(data) == ()
        assert running.snapshot() == data
    found += running.flush()
    assert found == expected
    assert len(found) > 20
    assert running.pending == whole.pending
    assert running.stats.matches == whole.stats.matches


def test_held_events_may_come_back_in_any_order():
    """A file gives them as they arrived; they are decided in order of time all the same."""
    first = matcher()
    first.push_many([event("B", 2), event("A", 1)])
    data = json.loads(first.snapshot().partition(b"\n")[2])
    data["held"].reverse()
    running = matcher()
    assert restore(running, data) == ()
    assert [match.key for match in running.push(event("C", 60))] == [("s1",)]


def test_the_same_calls_give_the_same_bytes():
    """A snapshot depends on nothing but what the matcher was told."""
    one, other = matcher(*STREAMS), matcher(*STREAMS)
    for running in (one, other):
        running.push_many(EVENTS[:50])
        for each in EVENTS[50:]:
            running.push(each)
    assert one.snapshot() == other.snapshot()


def test_a_changed_stream_begins_afresh_and_the_others_go_on():
    """What is dropped is said, stream by stream; held events of the others are still decided."""
    first = matcher(a_then_b(name="kept"), a_then_b(name="changed"), a_then_b(name="gone"))
    first.push_many([event("A", 0), event("B", 1)])
    second = matcher(
        a_then_b(name="new"), a_then_b(name="changed", within="9m"), a_then_b(name="kept")
    )
    notes = second.restore(first.snapshot())
    assert [note.split("'")[1] for note in notes] == ["new", "changed", "gone"]
    assert {match.stream for match in second.flush()} >= {"kept"}


@pytest.mark.parametrize("position", [3, "p", b"p", (1, "a", b"b"), 1.5, (math.inf,)], ids=repr)
def test_positions_survive(position: object):
    """Whole numbers, text, bytes, and tuples of them."""
    first = matcher()
    first.push(event("A", 0), position)
    second = matcher()
    second.restore(first.snapshot())
    assert second.held == first.held


REFUSED = [
    pytest.param(b"", "not-a-snapshot", id="nothing"),
    pytest.param(b"PK\x03\x04", "not-a-snapshot", id="something else"),
    pytest.param(b"streamkit matcher 999 00000000\n{}", "other-format", id="a newer form"),
    pytest.param(b"streamkit matcher 1 00000000\n{}", "damaged-snapshot", id="damaged"),
]


@pytest.mark.parametrize(("data", "code"), REFUSED)
def test_what_is_no_snapshot_is_refused(data: bytes, code: str):
    """With the reason, and the matcher stays new."""
    running = matcher()
    with pytest.raises(EventsError) as caught:
        running.restore(data)
    assert caught.value.code == code
    assert running.restore(matcher().snapshot()) == ()


def test_a_cut_snapshot_is_refused():
    """Half a file is never half restored."""
    first = matcher()
    first.push(event("A", 0))
    with pytest.raises(EventsError, match="damaged"):
        matcher().restore(first.snapshot()[:-5])


def test_a_snapshot_of_another_schema_is_refused():
    """Keys and times would not mean the same."""
    other = matcher(schema=Schema(time="at", name="event", session="uid"))
    with pytest.raises(EventsError, match="schema"):
        other.restore(matcher().snapshot())


def test_only_a_new_matcher_is_restored():
    """Two pasts cannot be put together."""
    running = matcher()
    running.push(event("A", 0))
    with pytest.raises(EventsError, match="seen events"):
        running.restore(matcher().snapshot())
