"""When events are decided, what is late, and what ends a wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streamkit import EventsError
from tests.running.examples import START, a_then_b, after, event, matcher

WAIT = {"steps": [{"event": "A"}, {"exclude": {"event": "B"}, "for": "60s"}], "within": None}


def waiting_stream():
    return a_then_b(steps=WAIT["steps"], within="1h", frequency="every")


def test_an_event_is_decided_when_the_watermark_has_passed_it():
    """At lateness 5 s a match shows when an event more than 5 s later arrives, not before."""
    running = matcher()
    assert running.push(event("A", 0)) == []
    assert running.push(event("B", 10)) == []
    assert running.push(event("x", 15)) == []
    assert [match.matched for match in running.push(event("x", 15.000001))] == [after(10)]


def test_disorder_within_the_lateness_changes_nothing():
    """A B that arrives before its A matches, if both come within the lateness."""
    running = matcher()
    running.push(event("B", 3))
    running.push(event("A", 1))
    assert [match.started for match in running.flush()] == [after(1)]


def test_events_of_equal_time_keep_their_positions():
    """Positions decide between equal times, whatever the order of arrival; arrival does without."""
    assert matcher().push_many([event("B", 0), event("A", 0)]) == []
    running = matcher()
    running.push_many([event("B", 0), event("A", 0)], positions=[2, 1])
    assert len(running.flush()) == 1
    running = matcher()
    running.push_many([event("B", 0), event("A", 0)])
    assert running.flush() == []


def test_positions_are_of_one_type():
    """A position that could not be compared with the others is an error of the caller."""
    running = matcher()
    running.push(event("A", 0), position=1)
    with pytest.raises(EventsError, match="position"):
        running.push(event("A", 0), position="one")


def test_a_late_event_is_counted_and_kept_and_not_matched():
    """An event older than the watermark goes to the late log; one that is as old does not."""
    running = matcher()
    running.push(event("x", 100))
    running.push(event("A", 95))
    late = event("A", 94.999999)
    running.push(late)
    assert running.stats.late == 1
    assert [(each.event, each.time) for each in running.late_events] == [(late, after(94.999999))]
    assert [each.event for each in running.take_late_events()] == [late]
    assert running.late_events == ()
    running.push(event("B", 96))
    assert [match.started for match in running.flush()] == [after(95)]


def test_after_a_flush_an_event_before_the_last_decided_is_late():
    """The order of what was decided is never gone back on, not even inside one microsecond."""
    running = matcher()
    running.push(event("A", 0), position=5)
    running.flush()
    running.push(event("B", 0), position=4)
    assert running.stats.late == 1
    running.push(event("B", 0), position=6)
    assert running.stats.late == 1
    assert len(running.flush()) == 1


def test_an_event_that_no_stream_wants_moves_the_watermark():
    """The horizon comes from all events, wanted or not."""
    running = matcher(waiting_stream())
    running.push(event("A", 0))
    assert len(running.pending) == 1 or running.stats.held == 1
    assert [match.fired for match in running.push(event("unknown", 65.000001))] == [after(60)]


def test_a_wait_fires_once_the_horizon_is_strictly_later():
    """At the deadline itself an excluded event could still come, so the match is pending."""
    running = matcher(waiting_stream(), allowed_lateness="0s")
    running.push(event("A", 0))
    assert running.push(event("x", 60)) == []
    assert [match.fired for match in running.pending] == [after(60)]
    assert running.flush() == []
    assert len(running.push(event("x", 60.000001))) == 1
    assert running.pending == []


def test_an_excluded_event_ends_the_wait():
    """Exactly at the deadline it still counts; after it it does not."""
    running = matcher(waiting_stream())
    running.push_many([event("A", 0), event("B", 60), event("A", 100), event("B", 160.000001)])
    assert [match.matched for match in running.flush()] == [after(100)]


def test_the_source_may_say_how_far_time_is_known():
    """Without a lateness only `advance_watermark` decides; flush still ends the input."""
    running = matcher(allowed_lateness=None)
    assert running.push_many([event("A", 0), event("B", 1), event("x", 999)]) == []
    assert running.advance_watermark(START + timedelta(seconds=1)) == []
    assert len(running.advance_watermark(START + timedelta(seconds=2))) == 1


def test_an_idle_source_lets_the_wall_clock_end_waits():
    """Waits end by the wall clock less the lateness, are counted, and do not fire again."""
    running = matcher(waiting_stream())
    running.push(event("A", 0))
    assert running.idle(START + timedelta(seconds=30)) == []
    assert running.idle(START + timedelta(seconds=65)) == []
    assert len(running.idle(START + timedelta(seconds=65.000001))) == 1
    assert running.stats.wall_clock_firings == 1
    running.push(event("A", 40))
    assert running.stats.late == 0
    assert [match.matched for match in running.push(event("x", 500))] == [after(40)]


def test_batches_and_single_events_give_the_same():
    """How events are cut into batches decides when matches show, never which."""
    events = [event("AB"[n % 2], n, f"s{n % 7}") for n in range(300)]
    one, many = matcher(a_then_b(frequency="every")), matcher(a_then_b(frequency="every"))
    singly = [match for each in events for match in one.push(each)] + one.flush()
    together = many.push_many(events) + many.flush()
    assert singly == together
    assert len(singly) > 100
