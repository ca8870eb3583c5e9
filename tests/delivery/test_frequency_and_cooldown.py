"""Frequency and cooldown as a ledger decides them, over ranges in any order."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit import Stream
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import Candidate
from streamkit.delivery.ledger.rules import Run
from tests.delivery.offers import SECOND, candidate, offer, rules, states, stream

PAIR = {"steps": [{"event": "A"}, {"event": "B"}], "within": "1h"}


def test_once_is_once_by_stream_and_key(place: str):
    """The first that is handed over is taken, and it stays so when an older one comes later."""
    one, other = stream("one", frequency="once"), stream("other", frequency="once")
    with Ledger(place) as ledger:
        first, second, older = (candidate(one, at) for at in (10, 20, 5))
        elsewhere, another = candidate(one, 11, key="k2"), candidate(other, 12)
        offer(ledger, one, [first, second, elsewhere])
        offer(ledger, other, [another])
        offer(ledger, one, [older])
        found = states(ledger, [first, second, older, elsewhere, another])
    assert found == ["waiting", "frequency", "frequency", "waiting", "waiting"]


def test_per_start_is_once_by_first_row(place: str):
    """Two runs with one first row are one; another first row of the same time is another."""
    per_start = stream(frequency="per_start", **PAIR)
    with Ledger(place) as ledger:
        first = candidate(per_start, 10, first=1)
        later = candidate(per_start, 11, first=1)
        twin = candidate(per_start, 12, first=1, first_rank=1)
        offer(ledger, per_start, [first])
        offer(ledger, per_start, [later, twin])
        assert states(ledger, [first, later, twin]) == ["waiting", "frequency", "waiting"]


def test_one_id_is_one_event_only_inside_the_time_of_dedupe(place: str):
    """The same first event may come twice with times a little apart; a day later it is another."""
    per_start = stream(frequency="per_start", **PAIR)
    own = rules(per_start, dedupe=60 * SECOND)
    with Ledger(place) as ledger:
        first = candidate(per_start, 10, first=1, first_row="a")
        again = candidate(per_start, 11, first=2, first_row="a")
        much_later = candidate(per_start, 99, first=98, first_row="a")
        offer(ledger, per_start, [first], rules=own)
        offer(ledger, per_start, [again, much_later], rules=own)
        assert states(ledger, [first, again, much_later]) == ["waiting", "frequency", "waiting"]


def test_non_overlapping_looks_to_both_sides_of_time(place: str):
    """A run handed over later that ends after a taken one begins meets it, however old it is."""
    apart = stream(frequency="non_overlapping", **PAIR)
    with Ledger(place) as ledger:
        taken = candidate(apart, 20, first=10)
        before, across, inside, behind = (
            candidate(apart, last, first=first)
            for last, first in ((9, 5), (12, 4), (15, 11), (30, 21))
        )
        offer(ledger, apart, [taken])
        offer(ledger, apart, [before, across, inside, behind])
        found = states(ledger, [before, across, inside, behind])
    assert found == ["waiting", "frequency", "frequency", "waiting"]


def test_rows_of_one_time_are_told_apart_by_their_place(place: str):
    """A run may begin at the time at which another ended, behind it and not before it."""
    apart = stream(frequency="non_overlapping", **PAIR)
    with Ledger(place) as ledger:
        taken = candidate(apart, 10, first=1, rank=1)
        behind = candidate(apart, 12, first=10, first_rank=2)
        shared = candidate(apart, 13, first=10, first_rank=1)
        offer(ledger, apart, [taken])
        offer(ledger, apart, [shared])
        offer(ledger, apart, [behind])
        assert states(ledger, [shared, behind]) == ["frequency", "waiting"]


@pytest.mark.parametrize("cooldown", ["key", "plan"])
def test_a_cooldown_looks_to_both_sides_of_time(place: str, cooldown: str):
    """Nothing that is sent lies closer than `for`; exactly so far away is far enough."""
    cool = stream(cooldown={"for": "10s", "by": cooldown})
    with Ledger(place) as ledger:
        each = [candidate(cool, at, by="gold") for at in (100, 91, 90, 109, 110, 115)]
        for one in each:
            offer(ledger, cool, [one])
        found = states(ledger, each)
    assert found == ["waiting", "cooldown", "waiting", "cooldown", "waiting", "cooldown"]


def test_a_null_cooldown_value_is_never_held_back(place: str):
    """Nor does it hold back others."""
    cool = stream(cooldown={"for": "10s", "by": "plan"})
    with Ledger(place) as ledger:
        each = [candidate(cool, at, by=by) for at, by in ((1, None), (2, None), (3, "x"))]
        offer(ledger, cool, each)
        assert states(ledger, each) == ["waiting"] * 3


def test_of_matches_that_fire_together_the_smaller_id_is_kept(place: str):
    """The cooldown goes by time and id, whatever order they come in."""
    cool = stream(cooldown={"for": "10s", "by": "plan"})
    with Ledger(place) as ledger:
        each = [candidate(cool, 1, key=key, by="x") for key in ("k1", "k2", "k3", "k4")]
        offer(ledger, cool, each)
        kept = [one.match_id for one, state in zip(each, states(ledger, each), strict=True) if state == "waiting"]  # fmt: skip
    assert kept == [min(one.match_id for one in each)]


def test_what_the_cooldown_or_age_stops_counts_as_taken(place: str):
    """Frequency goes by what it let through itself, whatever became of it."""
    both = stream(frequency="once", cooldown={"for": "10s", "by": "plan"})
    with Ledger(place) as ledger:
        first = candidate(both, 1, key="a", by="x")
        cooled = candidate(both, 2, key="b", by="x")
        later = candidate(both, 50, key="b", by="x")
        offer(ledger, both, [first, cooled])
        offer(ledger, both, [later])
        assert states(ledger, [cooled, later]) == ["cooldown", "frequency"]


def test_what_is_too_old_is_stale_and_holds_nothing_back(place: str):
    """`skipped: stale` counts as taken and not for the cooldown."""
    cool = stream(cooldown={"for": "1h", "by": "key"})
    own = rules(cool, max_age=100 * SECOND)
    with Ledger(place) as ledger:
        old, young = candidate(cool, -101), candidate(cool, -100)
        offer(ledger, cool, [old, young], rules=own)
        assert states(ledger, [old, young]) == ["stale", "waiting"]


# Random candidates, in random portions and order, against the rules as the contract words them


def meets(one: Run, other: Run) -> bool:
    """They share a row, or t(e1) < t(en') and t(e1') < t(en)."""
    return bool(set(one) & set(other)) or (
        one.first.time < other.last.time and other.first.time < one.last.time
    )


def breaks_a_rule(of: Stream, one: Candidate, other: Candidate) -> bool:
    """Whether two matches cannot both be sent."""
    if one.key == other.key:
        match of.frequency:
            case "once":
                return True
            case "per_start" if one.run.first == other.run.first:
                return True
            case "non_overlapping" if meets(one.run, other.run):
                return True
    if of.cooldown is None or one.cooldown_value is None:
        return False
    near = abs(one.fired_at - other.fired_at) < of.cooldown.for_.microseconds
    return one.cooldown_value == other.cooldown_value and near


@st.composite
def situations(draw: st.DrawFn) -> tuple[Stream, list[list[Candidate]]]:
    """A stream, and runs over the rows of a few keys, in portions as runs of `send` see them."""
    changed: dict[str, Any] = {
        "frequency": draw(st.sampled_from(["once", "every", "per_start", "non_overlapping"]))
    }
    if draw(st.booleans()):
        by = draw(st.sampled_from(["key", "plan"]))
        changed["cooldown"] = {"for": draw(st.sampled_from(["3s", "7s"])), "by": by}
    of = stream(**PAIR, **changed)
    found = {}
    for _ in range(draw(st.integers(2, 14))):
        first, length = draw(st.integers(0, 12)), draw(st.integers(0, 6))
        ranks = draw(st.integers(0, 1)), draw(st.integers(0, 1))
        if length == 0 and ranks[0] >= ranks[1]:
            ranks = (0, 1)
        made = candidate(
            of,
            first + length,
            first=first,
            key=draw(st.sampled_from("kl")),
            first_rank=ranks[0],
            rank=ranks[1],
            by=draw(st.sampled_from(["x", "y", None])),
        )
        found[made.match_id] = made
    portions = draw(
        st.lists(st.lists(st.sampled_from(list(found.values())), unique=True), max_size=5)
    )
    return of, [*portions, list(found.values())]


@settings(max_examples=60)
@given(situations())
def test_no_two_sent_matches_break_a_rule_together(situation: tuple[Stream, list[list[Candidate]]]):
    """Whatever the portions and their order; and nothing is refused without one that refuses it."""
    of, portions = situation
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "l.db") as ledger:
        for portion in portions:
            before = offer(ledger, of, portion)
            again = offer(ledger, of, portion)
            assert again.counts["known"] == len(portion)
            assert before.counts.total() == len(portion)
        every: Sequence[Candidate] = portions[-1]
        found = dict(zip(every, states(ledger, every), strict=True))
    sent = [each for each, state in found.items() if state == "waiting"]
    for place, one in enumerate(sent):
        assert not any(breaks_a_rule(of, one, other) for other in sent[:place])
    taken = [each for each, state in found.items() if state != "frequency"]
    for one, state in found.items():
        if state == "cooldown":
            assert any(breaks_a_rule(of, one, other) for other in sent)
        if state == "frequency":
            assert any(one.key == other.key and one is not other for other in taken)
