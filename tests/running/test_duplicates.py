"""Ids that were seen before: told apart by key, by stream and by time, and by nothing else."""

from __future__ import annotations

import random

import pytest

from streamkit import Schema
from streamkit.running.duplicates import SeenId, SeenIds
from tests.running.examples import a_then_b, event, matcher

LENGTH = 50


def reference(events: list[SeenId]) -> list[int]:
    """For each event the streams to which it is new, by looking at all that were kept before."""
    kept: list[SeenId] = []
    found = []
    for each in events:
        new = each.streams
        for other in kept:
            if (other.key, other.id) == each[:2] and each.time - other.time <= LENGTH:
                new &= ~other.streams
        if new:
            kept.append(each._replace(streams=new))
        found.append(new)
    return found


def events(seed: int, ids: int) -> list[SeenId]:
    """Events in order, of three keys; the fewer ids the more of them come again."""
    chance, time = random.Random(seed), 0
    found = []
    for _ in range(600):
        time += chance.choice((0, 0, 1, 2, 5, LENGTH // 2))
        key = chance.choice(("a", "b", ("a", "b")))
        found.append(SeenId(key, f"i{chance.randrange(ids)}", time, chance.randrange(1, 8)))
    return found


@pytest.mark.parametrize("ids", [2, 5, 40, 400])
@pytest.mark.parametrize("seed", range(5))
def test_duplicates_are_those_of_all_that_was_kept(seed: int, ids: int):
    """However many ids a key has, however often each comes, and wherever memory is turned."""
    seen, given = SeenIds(LENGTH), events(seed, ids)
    found = []
    for each in given:
        seen.turn(each.time)
        found.append(seen.new_for(*each))
        assert len(seen) == sum(1 for _ in seen.entries())
    assert found == reference(given)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_remembered_can_be_put_back_in_any_order(seed: int):
    """A snapshot sorts by id, a file by whatever it likes."""
    first, given = SeenIds(LENGTH), events(seed, 30)
    for each in given[:300]:
        first.turn(each.time)
        first.new_for(*each)
    rows = list(first.entries())
    random.Random(seed).shuffle(rows)
    second = SeenIds(LENGTH)
    for each in rows:
        second.new_for(*each)
    assert [second.new_for(*each) for each in given[300:]] == reference(given)[300:]


@pytest.mark.parametrize("seed", range(5))
def test_what_changed_is_enough_to_go_on(seed: int):
    """A state file has a row for each key, id and time: the last one told holds all its streams."""
    first, given = SeenIds(LENGTH), events(seed, 2)[:120]
    first.changed = []
    wanted = reference(given)
    for place, event_ in enumerate(given):
        rows = {each[:3]: each for each in first.changed}
        second = SeenIds(LENGTH)
        for each in rows.values():
            second.new_for(*each)
        assert [second.new_for(*each) for each in given[place:]] == wanted[place:]
        first.turn(event_.time)
        first.new_for(*event_)


def test_an_id_counts_no_longer_than_it_should():
    """What is too old is forgotten, also in a key that always has new ids."""
    seen = SeenIds(LENGTH)
    for time in range(100 * LENGTH):
        seen.turn(time)
        assert seen.new_for("busy", f"i{time}", time, 1)
        assert len(seen) <= 3 * LENGTH


def test_a_restored_matcher_needs_no_more_memory_for_ids():
    """A few ids of a key are one tuple, whether they were seen or put back."""
    schema = Schema(time="at", name="event", session="sid", id="id")
    first, second = matcher(schema=schema), matcher(schema=schema)
    first.push_many(event("A", n, f"s{n % 7}", id=f"i{n}") for n in range(20))
    first.flush()
    second.restore(first.snapshot())
    (seen,), (restored,) = first.decider.seen or (), second.decider.seen or ()
    assert set(restored.entries()) == set(seen.entries())
    assert len(restored) == len(seen) == 20
    assert {type(ids) for ids in restored.of_key.recent.values()} == {tuple}


def test_one_event_may_be_a_duplicate_for_some_streams_only():
    """The second E touches one more stream than the first did, and only that one takes it."""
    streams = [
        a_then_b(name="any", steps=[{"event": "E"}], within=None, frequency="every"),
        a_then_b(name="dear", steps=[{"event": "E", "where": {"p": {"gt": 5}}}], within=None, frequency="every"),
    ]  # fmt: skip
    running = matcher(*streams, schema=Schema(time="at", name="event", session="sid", id="id"))
    running.push_many([event("E", 0, id="i", p=1), event("E", 1, id="i", p=9)])
    found = [(match.stream, match.events[0].micros % 2_000_000) for match in running.flush()]
    assert found == [("any", 0), ("dear", 1_000_000)]
    assert running.stats.duplicates == 1
