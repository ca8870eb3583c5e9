"""How far time is known, by how far the partitions of a topic are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streamkit.streaming.partitions import Partitions

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDLE = timedelta(seconds=30)
A, B, C = ("shop", 0), ("shop", 1), ("shop", 2)


@pytest.fixture
def partitions() -> Partitions:
    made = Partitions(lateness=5, idle=IDLE)
    made.assign([A, B])
    return made


def test_the_slowest_partition_says_how_far_time_is_known(partitions: Partitions):
    """The smallest of the newest times less the lateness; an older event changes nothing."""
    partitions.note(A, 0, 100)
    partitions.note(B, 0, 50)
    assert partitions.watermark(NOW) == 45
    partitions.note(B, 1, 40)
    partitions.note(B, 2, None)
    assert partitions.watermark(NOW) == 45
    partitions.note(B, 3, 200)
    assert partitions.watermark(NOW) == 95


def test_a_partition_that_gave_nothing_yet_holds_all(partitions: Partitions):
    """Whatever it brings may be older than everything."""
    partitions.note(A, 0, 100)
    assert partitions.watermark(NOW) is None
    partitions.note(B, 0, None)
    assert partitions.watermark(NOW) is None


def test_a_silent_partition_is_not_waited_for(partitions: Partitions):
    """From `idle` after it had nothing more, and until it has more again."""
    partitions.note(A, 0, 100)
    partitions.reach_end(B, 1, NOW)
    partitions.reach_end(B, 1, NOW + IDLE)  # said twice, it is no later
    assert partitions.watermark(NOW + IDLE) is None
    later = NOW + IDLE + timedelta(microseconds=1)
    assert partitions.watermark(later) == 95
    partitions.note(B, 0, 20)
    assert partitions.watermark(later) == 15


def test_a_slow_partition_is_waited_for(partitions: Partitions):
    """As long as it may have more, it is not silent."""
    partitions.note(A, 0, 100)
    partitions.note(B, 0, 10)
    assert partitions.watermark(NOW + 100 * IDLE) == 5
    partitions.reach_end(B, 1, NOW)
    partitions.await_more(B)
    assert partitions.watermark(NOW + 100 * IDLE) == 5


def test_an_end_that_was_passed_since_is_none(partitions: Partitions):
    """Messages and ends come in batches, and the end may have been said before the last message."""
    partitions.note(A, 6, 100)
    partitions.note(B, 6, 100)
    partitions.reach_end(A, 7, NOW)
    partitions.reach_end(B, 6, NOW)
    assert not partitions.are_at_end
    partitions.reach_end(B, 9, NOW)  # offsets may leave out what is no message
    assert partitions.are_at_end


def test_where_all_are_silent_nothing_is_said(partitions: Partitions):
    """Then the wall clock decides, as for any source that is idle."""
    for partition in (A, B):
        partitions.note(partition, 0, 100)
        partitions.reach_end(partition, 1, NOW)
    assert partitions.are_at_end
    assert partitions.watermark(NOW + 2 * IDLE) is None


def test_what_is_taken_away_is_not_waited_for(partitions: Partitions):
    """And comes back with the offset and the time that it had."""
    partitions.note(A, 0, 100)
    partitions.note(B, 0, 10)
    partitions.reach_end(A, 1, NOW)
    assert not partitions.are_at_end
    partitions.revoke([B])
    assert partitions.are_at_end
    assert partitions.watermark(NOW) == 95
    partitions.assign([A, B])
    assert not partitions.are_at_end
    assert (partitions.offset(B), partitions.watermark(NOW)) == (1, 5)
    partitions.revoke([A, B])
    assert not partitions.are_at_end
    assert partitions.watermark(NOW) is None


def test_a_position_is_every_offset_ever_known(partitions: Partitions):
    """Of partitions that are read elsewhere just now, too; what was never read has none."""
    partitions.note(A, 6, 100)
    partitions.assign([B, C])
    partitions.note(C, 0, None)
    assert partitions.position == {"shop": {"0": 7, "2": 1}}
    other = Partitions(lateness=0, idle=IDLE)
    other.restore(partitions.position)
    assert other.position == partitions.position
    assert [other.offset(each) for each in (A, B, C)] == [7, None, 1]
