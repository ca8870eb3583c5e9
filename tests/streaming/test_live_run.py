"""A run in a thread: it starts, answers, is reloaded, stops and says what went wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import DefinitionError, EventsError, History, Matcher, Schema, backtest, live
from streamkit.matching.contexts import Needs
from streamkit.streaming import Arrived, FolderSource, HistorySource, LiveRun
from tests.running.examples import NOW, SCHEMA, START, a_then_b, after, event
from tests.streaming.examples import SCHEMA as FILES
from tests.streaming.examples import STREAMS, event_rows, write_files

PAIR = [event("A", 0), event("B", 1)]


class Fed:
    """A source that a test feeds."""

    def __init__(self) -> None:
        self.batches: list[Arrived] = []
        self.opened: list[Any] = []
        self.safe: list[Any] = []
        self.closed = False
        self.came = threading.Condition()

    def feed(self, *events: Any, position: Any = None, watermark: Any = None) -> None:
        with self.came:
            self.batches.append(Arrived(events, None, position, watermark))
            self.came.notify()

    def open(self, position: Any) -> None:
        self.opened.append(position)

    def read(self, timeout: float) -> Arrived | None:
        with self.came:
            if not self.batches:
                self.came.wait(timeout)
            return self.batches.pop(0) if self.batches else None

    def committed(self, position: Any) -> None:
        self.safe.append(position)

    def close(self) -> None:
        self.closed = True


def run(source: Any, *streams: Any, sink: Any, **arguments: Any) -> LiveRun:
    options = {"now": lambda: NOW, "idle_after": None, "schema": SCHEMA, **arguments}
    return live(streams or [a_then_b()], source, sink=sink, **options)


def until(condition: Any) -> None:
    """Wait for what a thread does; a test that waits in vain fails."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_an_iterator_is_matched_to_its_end():
    """The end decides what is held, as the end of a history does."""
    found: list[Any] = []
    running = run(iter(PAIR), sink=found.append)
    assert running.wait()
    assert [match.matched for match in found] == [after(1)]
    assert (running.stats.sent, running.stats.matcher.events) == (1, 2)
    assert "in memory" in running.notes[0]
    assert repr(running) == "LiveRun(1 streams, ended)"


def test_an_async_iterator_too():
    """It runs in a loop of its own, so also where one runs already, as in a notebook."""

    async def events():
        for each in PAIR:
            await asyncio.sleep(0)
            yield each

    found: list[Any] = []

    async def notebook() -> None:
        await asyncio.to_thread(run(events(), sink=found.append).wait)

    asyncio.run(notebook())
    assert len(found) == 1


def test_bad_events_stop_nothing():
    """They are counted and some are kept to look at; text and bytes are JSON."""
    events = [b"odd", None, 3, '{"at": "2026-01-01T00:00:00Z", "event": "A", "sid": "s1"}',
              b'{"at": "2026-01-01T00:00:01Z", "event": "B", "sid": "s1"}', {"event": "A"}]  # fmt: skip
    found: list[Any] = []
    running = run(iter(events), sink=found.append)
    running.wait()
    assert len(found) == 1
    assert dict(running.stats.matcher.skipped) == {"not_an_object": 3, "null_time": 1}
    assert len(running.stats.matcher.samples) == 4


def test_streams_that_are_not_enabled_are_left_out():
    """And said to be; a run of none of them has nothing to do."""
    found: list[Any] = []
    off = a_then_b(name="off", enabled=False)
    running = run(iter(PAIR), off, a_then_b(), sink=found.append)
    running.wait()
    assert [match.stream for match in found] == ["s"]
    assert "'off' is not enabled" in running.notes[0]
    with pytest.raises(DefinitionError, match="no stream"):
        run(iter(PAIR), off, sink=print)


def test_a_source_that_cannot_go_back_says_so(tmp_path: Path):
    """A crash then loses at most what was read and not committed."""
    running = run(iter(PAIR), sink=print, state=tmp_path / "s.db")
    running.wait()
    assert "cannot go back" in running.notes[0]
    running = run(Fed(), sink=print, state=tmp_path / "s.db")
    running.stop()
    assert running.notes == ()


@pytest.mark.parametrize("place", ["source", "sink"])
def test_what_goes_wrong_in_the_thread_is_raised_by_wait(place: str, tmp_path: Path):
    """And again by stop; the source, the state and the sink are let go of."""

    def events() -> Iterator[Any]:
        yield from PAIR
        if place == "source":
            raise OSError("the source broke")

    def sink(match: Any) -> None:
        raise OSError("the sink broke")

    for _ in range(2):
        running = run(events(), sink=sink if place == "sink" else print, state=tmp_path / "s.db")
        with pytest.raises(OSError, match=f"the {place} broke"):
            running.wait()
        with pytest.raises(OSError, match="broke"):
            running.stop()


def test_a_match_that_the_sink_refused_comes_again(tmp_path: Path):
    """It is safe in the state, and handed over when the run is started again: the same id."""
    source, found = Fed(), []

    def refuse(match: Any) -> None:
        found.append(match)
        raise OSError("not now")

    source.feed(*PAIR, event("page", 60), position=3)
    with pytest.raises(OSError, match="not now"):
        run(source, sink=refuse, state=tmp_path / "s.db").wait()
    assert source.safe == [3]
    running = run(source, sink=found.append, state=tmp_path / "s.db")
    running.stop()
    assert len(found) == 2
    assert found[0] == found[1]
    run(source, sink=found.append, state=tmp_path / "s.db").stop()
    assert len(found) == 2
    assert source.opened == [None, 3, 3]


def test_what_was_read_and_not_committed_comes_again_after_an_error(tmp_path: Path):
    """When the source fails behind a batch, the state stays at the last commit: no event twice."""

    class Failing(Fed):
        def read(self, timeout: float) -> Arrived | None:
            if self.batches and not self.batches[0].events:
                raise OSError("gone")
            return super().read(timeout)

    source, found = Failing(), []
    stream = a_then_b(steps=[{"event": "A", "at_least": 3}])
    source.feed(event("A", 0), position=1)
    running = run(source, stream, sink=found.append, state=tmp_path / "s.db")
    until(lambda: source.safe)
    with source.came:
        source.batches += [Arrived([event("A", 1)], None, 2), Arrived(())]
    with pytest.raises(OSError, match="gone"):
        running.wait()
    again = Fed()
    again.feed(event("A", 1), event("page", 60), position=3)
    running = run(again, stream, sink=found.append, state=tmp_path / "s.db")
    until(lambda: again.safe)
    running.stop()
    assert again.opened == [1]
    assert running.stats.matcher.events == 3
    assert found == []


def test_a_source_is_told_what_is_safe_after_the_commit(tmp_path: Path):
    """And a run that is stopped goes on where it was, with what it held."""
    source, found = Fed(), []
    running = run(source, sink=found.append, state=tmp_path / "s.db")
    source.feed(PAIR[0], position="first")
    until(lambda: source.safe)
    assert running.stats.commits >= 1
    running.stop()
    assert source.closed
    assert found == []
    running = run(source, sink=found.append, state=tmp_path / "s.db")
    assert source.opened[-1] == "first"
    source.feed(PAIR[1], event("page", 60), position="second")
    until(lambda: found)
    running.stop()
    assert source.safe[-1] == "second"


def test_an_idle_source_lets_the_wall_clock_decide():
    """Everything held is decided, and waits end by the clock."""
    source, found = Fed(), []
    stream = a_then_b(steps=[{"event": "A"}, {"exclude": {"event": "X"}, "for": "1m"}], within=None)
    clock = [START + timedelta(seconds=30)]
    running = run(source, stream, sink=found.append, idle_after="10ms", now=lambda: clock[0])
    source.feed(event("A", 0))
    until(lambda: running.stats.matcher.decided)
    assert [match.fired for match in running.pending] == [after(60)]
    assert found == []
    clock[0] = START + timedelta(seconds=90)
    until(lambda: found)
    assert running.stats.matcher.wall_clock_firings == 1
    running.stop()


def test_the_sources_own_word_moves_time():
    """A source that keeps time has the last word: the matcher allows no lateness of its own."""
    source, found = Fed(), []
    source.keeps_time = True
    running = run(source, sink=found.append)
    source.feed(*PAIR, event("page", 9000))
    until(lambda: running.stats.matcher.events == 3)
    assert running.stats.matcher.held == 2
    source.feed(watermark=START + timedelta(seconds=2))
    until(lambda: found)
    running.stop()


@pytest.mark.parametrize("with_state", [False, True])
def test_definitions_are_reloaded_while_it_runs(with_state: bool, tmp_path: Path):
    """Unchanged streams go on, changed ones begin afresh and say so; a bad one changes nothing."""
    source, found = Fed(), []
    kept, other = a_then_b(name="kept"), a_then_b(name="other")
    state = {"state": tmp_path / "s.db"} if with_state else {}
    running = run(source, kept, other, sink=found.append, **state)
    source.feed(event("A", 0), event("page", 30), position=2)
    until(lambda: running.stats.matcher.decided)
    notes = running.reload([kept, a_then_b(name="other", within="9m"), a_then_b(name="new")])
    assert [note.split("'")[1] for note in notes] == ["other", "new"]
    for bad in ([], [kept, kept]):
        with pytest.raises(DefinitionError):
            running.reload(bad)
    assert [stream.name for stream in running.streams] == ["kept", "other", "new"]
    source.feed(event("B", 31), event("A", 32), event("B", 33), position=5)
    source.feed(event("page", 60), position=6)
    until(lambda: len(found) == 3)
    running.stop()
    assert {(m.stream, m.started) for m in found} == {
        ("kept", after(0)), ("other", after(32)), ("new", after(32))
    }  # fmt: skip
    with pytest.raises(EventsError, match="has ended"):
        running.reload([kept])


@pytest.mark.parametrize("with_state", [False, True])
def test_a_run_counts_what_it_did_itself(with_state: bool, tmp_path: Path):
    """Apart from what earlier runs did, and whatever is reloaded meanwhile."""
    every = partial(a_then_b, frequency="every")
    state = {"state": tmp_path / "s.db"} if with_state else {}
    run(iter(PAIR), every(name="kept"), every(name="changed"), sink=print, **state).wait()
    earlier = 2 if with_state else 0
    source, found = Fed(), []
    streams = every(name="kept"), every(name="changed"), every(name="gone")
    running = run(source, *streams, sink=found.append, **state)
    source.feed(event("A", 30), event("B", 31), event("page", 50), position=5)
    until(lambda: len(found) == 3)
    running.reload([every(name="kept"), every(name="changed", within="9m")])
    source.feed(event("A", 60), event("B", 61), event("page", 90), position=8)
    until(lambda: len(found) == 5)
    running.stop()
    assert running.stats.this_run.events == 6
    assert running.stats.this_run.matches == {"kept": 2, "changed": 2, "gone": 1}
    assert running.stats.total.events == 6 + earlier
    assert running.stats.total.matches == {"kept": 2 + earlier // 2, "changed": 1}


def test_a_sink_that_asks_is_given_what_it_asks_for():
    """Its needs reach the matcher, and a reload reaches the sink first."""

    class Asking:
        def __init__(self) -> None:
            self.needs = {"s": Needs({1: ("p",)})}
            self.found: list[Any] = []
            self.reloaded: list[Any] = []

        def put(self, batch: int, matches: Any) -> None:
            self.found += [(batch, match.context.events) for match in matches]

        def reload(self, streams: Any) -> None:
            self.reloaded.append([stream.name for stream in streams])

        def close(self) -> None:
            self.found.append("closed")

    source, sink = Fed(), Asking()
    running = run(source, sink=sink)
    source.feed(event("A", 0), event("B", 1, p=5), event("page", 60))
    until(lambda: sink.found)
    with pytest.raises(DefinitionError):
        running.reload([])
    running.reload([a_then_b(name="t")])
    running.stop()
    assert sink.found == [(1, ({}, {"p": 5})), "closed"]
    assert sink.reloaded == [[], ["s"], ["t"]]


def test_a_history_is_gone_through_as_the_backtest_does(tmp_path: Path):
    """From any point on after a restart; positions break ties."""
    folder = tmp_path / "events"
    write_files(event_rows(3000), folder)
    history = History(folder, schema=FILES)
    expected = backtest(STREAMS, history, now=NOW).matches
    found: list[Any] = []
    run(HistorySource(history), *STREAMS, sink=found.append, schema=history).wait()
    assert sorted(match.match_id for match in found) == sorted(expected["match_id"])
    source = HistorySource(history)
    source.open(1234)
    rest = source.read(timeout=0)
    assert rest.position == 3000
    whole = HistorySource(history)
    whole.open(None)
    assert rest.positions == whole.read(timeout=0).positions[1234:]


def test_history_at_a_speed_waits_for_its_time():
    """A minute a second: what is not due has not come."""
    frame = pl.DataFrame(
        {
            "at": [START, START + timedelta(seconds=60), START + timedelta(seconds=61)],
            "event": ["A"] * 3,
            "sid": ["s"] * 3,
        }
    )
    clock = [100.0]
    history = History(frame, schema=Schema(time="at", name="event", session="sid"))
    source = HistorySource(history, speed=60, clock=lambda: clock[0])
    source.open(None)
    assert len(source.read(timeout=0).events) == 1
    assert source.read(timeout=0) is None
    clock[0] = 101.0
    assert len(source.read(timeout=0).events) == 1
    clock[0] = 102.0
    assert source.read(timeout=0).position == 3
    with pytest.raises(EventsError, match="speed"):
        HistorySource(history, speed=0)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"sink": 3}, "matches cannot go"), ({"source": 3}, "events cannot come"), ({"source": "x"}, "events cannot come"),
     ({"idle_after": "soon"}, "idle_after"), ({"allowed_lateness": "x"}, "allowed_lateness")],
)  # fmt: skip
def test_bad_arguments_are_refused_before_it_begins(given: dict[str, Any], words: str):
    """In the caller's thread, in one line."""
    source = given.pop("source", [])
    with pytest.raises(EventsError, match=words):
        run(source, **{"sink": print, **given})


def test_questions_are_answered_while_events_rush_in(tmp_path: Path):
    """Never in the middle of a batch, and never not at all."""
    stop = threading.Event()

    def events() -> Iterator[Any]:
        number = 0
        while not stop.is_set():
            number += 1
            yield event("AB"[number % 2], number / 1000, f"s{number // 2}")

    running = run(events(), sink=lambda match: None, state=tmp_path / "s.db")
    for _ in range(3):
        stats = running.stats
        assert stats.matcher.decided <= stats.matcher.events
    stop.set()
    running.stop()
    assert running.stats.matcher.events > 0


def test_a_source_that_is_a_folder_is_let_go_of_when_the_state_is_refused(tmp_path: Path):
    """The lock of a run that never began does not stay."""
    (tmp_path / "in").mkdir()
    first = run(FolderSource(tmp_path / "in"), sink=print, state=tmp_path / "s.db")
    with pytest.raises(EventsError, match="in use"):
        run(FolderSource(tmp_path / "in"), sink=print, state=tmp_path / "s.db")
    first.stop()
    run(FolderSource(tmp_path / "in"), sink=print, state=tmp_path / "s.db").stop()
    assert isinstance(Matcher(a_then_b(), SCHEMA).snapshot(), bytes)
