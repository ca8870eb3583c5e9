"""Bad events from outside: a live run counts them, keeps a sample, and goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamkit import Match, Stream
from streamkit.streaming.bodies import HttpLimits
from streamkit.streaming.listening import HttpSource
from streamkit.streaming.live_run import LiveRun, live
from tests.running.examples import NOW, SCHEMA, START, a_then_b
from tests.streaming.posting import post

EVERYTHING = a_then_b(
    name="everything", steps=[{"where": {"p": {"exists": True}}}], within=None, frequency="every"
)


def event(name: str, seconds: float, **columns: Any) -> dict[str, Any]:
    at = (START + timedelta(seconds=seconds)).isoformat()
    return {"at": at, "event": name, "sid": "s1", "uid": "u1", **columns}


@contextmanager
def running(
    folder: Path, *streams: Stream, **limits: Any
) -> Iterator[tuple[Callable[..., int], LiveRun, list[Match]]]:
    """A live run with a state file: how to post to it, itself, and what it found."""
    source = HttpSource("127.0.0.1:0", limits=HttpLimits(**limits))
    found: list[Match] = []
    run = live(streams or a_then_b(), source, SCHEMA, sink=found.append, idle_after=None,
               state=folder / "state.db", allowed_lateness="0s", now=lambda: NOW)  # fmt: skip
    try:
        yield lambda events: post(source, json.dumps(events)).status_code, run, found
    finally:
        run.stop()


BAD = [
    pytest.param([1, None, "x", [[]], True], "not_an_object", id="not objects"),
    pytest.param([{}, {"event": "A", "sid": "s1"}], "null_time", id="no time"),
    pytest.param([event("A", 0) | {"at": at} for at in ("soon", 10**40, {}, [], False)],
                 "unparsable_time", id="no such times"),
    pytest.param([event("A", 0) | {"at": "9999-01-01T00:00:00Z"}], "future_time", id="far future"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_bad_events_are_taken_counted_and_sampled(tmp_path: Path, bad: list[Any], reason: str):
    """They are acknowledged like others, for to send them again would mend nothing."""
    with running(tmp_path) as (send, run, found):
        assert send([event("A", 1)]) == 200
        assert send(bad) == 200
        assert send([*bad, event("B", 2), event("other", 3)]) == 200
        stats = run.stats.matcher
        assert stats.skipped == {reason: 2 * len(bad)}
        assert {sample.reason for sample in stats.samples} == {reason}
        assert all(len(sample.shown) <= 600 for sample in stats.samples)
        assert run.running
    assert [match.stream for match in found] == ["s"]


def test_each_answer_tells_what_of_its_own_was_skipped(tmp_path: Path):
    """By reason, and only where something was; requests that are taken together are told apart."""
    good, no_time = event("A", 1), {"event": "A", "sid": "s1"}
    bodies = [[good], [no_time, good, 7, no_time], [], [good, None], [good]]
    source = HttpSource("127.0.0.1:0")
    run = live(a_then_b(), source, SCHEMA, sink=print, idle_after=None, now=lambda: NOW,
               state=tmp_path / "state.db")  # fmt: skip
    with ThreadPoolExecutor(len(bodies)) as clients:
        try:
            run.pause()
            assert run.stats.queue == 0  # answered by the thread, which is paused now
            waiting = [clients.submit(post, source, json.dumps(body)) for body in bodies]
            while source.queue_length < sum(map(len, bodies)):
                time.sleep(0.01)
            run.resume()
            answers = [each.result().json() for each in waiting]
            run.reload(a_then_b(name="t"))
            reloaded = post(source, "{}").json()
        finally:
            run.stop()
    assert answers == [
        {"accepted": 1},
        {"accepted": 4, "skipped": {"not_an_object": 1, "null_time": 2}},
        {"accepted": 0},
        {"accepted": 2, "skipped": {"not_an_object": 1}},
        {"accepted": 1},
    ]
    assert reloaded == {"accepted": 1, "skipped": {"null_time": 1}}


def test_odd_values_in_any_place_stop_nothing(tmp_path: Path):
    """Roles, properties and documents of types that nobody expects."""
    odd = [None, 5, 1.5, 10**400, True, [], [1, [2]], {}, {"a": {}}, "\ud83d", "", "\x00"]
    with running(tmp_path, a_then_b(), EVERYTHING) as (send, run, found):
        for role in ("event", "sid", "uid", "p", "props"):
            for value in odd:
                assert send([event("A", 1) | {role: value}]) in (200, 400)  # half a character
        assert send([event("B", 2), event("other", 3)]) == 200
        assert run.running
        assert run.stats.matcher.skipped == {}
    assert "s" in {match.stream for match in found}


def test_huge_and_deep_events_are_refused_at_the_door(tmp_path: Path):
    """The limits are the source's; what is within them is read."""
    with running(tmp_path, body_bytes=100_000, queue_bytes=100_000, depth=10) as (send, run, found):
        assert send([event("A", 1, more="x" * 90_000)]) == 200
        assert send([event("A", 1, more="x" * 110_000)]) == 413
        deep: Any = 1
        for _ in range(9):
            deep = [deep]
        assert send([event("B", 2, props={"deep": deep})]) == 400
        assert send([event("B", 2, props=deep), event("other", 3)]) == 200
        assert run.stats.matcher.events == 3
    assert [match.stream for match in found] == ["s"]


def test_names_without_end_are_no_memory(tmp_path: Path):
    """Of names that nobody asks for nothing is kept; of those that lack a key the numbers are."""
    with running(tmp_path, EVERYTHING, body_bytes=10**7, queue_bytes=10**7) as (send, run, _):
        for batch in range(2):
            names = (f"name-{batch}-{n}" for n in range(1500))
            assert send([{**event(name, 1, p=1), "sid": None} for name in names]) == 200
        assert send([event("other", 2)]) == 200
        counted = run.stats.matcher.without_key["everything"]
    assert sum(counted.values()) == 3000
    assert len(counted) <= 1001
    assert (tmp_path / "state.db").stat().st_size < 500_000
