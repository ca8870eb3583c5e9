"""How fast the matcher is and how much it remembers: `python -m tests.running.measure`.

Printed, never asserted: times depend on the machine.
"""

from __future__ import annotations

import copy
import gc
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamkit import History, Schema, Stream, load
from streamkit.duration import Duration
from streamkit.running import Matcher
from streamkit.running.arrivals import arrivals
from tests.running.examples import NOW, START, a_then_b

DATA = Path(__file__).parents[2] / "data"
BATCH = 1000
SESSIONS = 20_000


def shipped(count: int) -> list[Stream]:
    """Streams as they are shipped, and variants with longer windows."""
    streams = load(DATA / "streams")
    if count == 1:
        return [stream for stream in streams if stream.name == "checkout-rescue"]
    return [variant(streams[number % len(streams)], number) for number in range(count)]


def variant(stream: Stream, number: int) -> Stream:
    changed = copy.copy(stream)
    changed.__dict__.pop("version", None)
    object.__setattr__(changed, "name", f"{stream.name}-{number}")
    if isinstance(stream.within, Duration):
        longer = stream.within.microseconds + number * 60_000_000
        object.__setattr__(changed, "within", Duration(longer))
    return changed


def speed(history: History, events: list[dict[str, Any]], count: int) -> None:
    """Events a second in batches and one by one, and how long single pushes take."""
    streams = shipped(count)
    running = Matcher(streams, history)
    began = time.process_time()
    for start in range(0, len(events), BATCH):
        running.push_many(events[start : start + BATCH])
    running.flush()
    batches = len(events) / (time.process_time() - began)
    running, took = Matcher(streams, history), []
    for event in events[:100_000]:
        before = time.perf_counter_ns()
        running.push(event)
        took.append(time.perf_counter_ns() - before)
    took.sort()
    print(  # noqa: T201 # the script's output
        f"{count:>3} streams: {batches:>9,.0f} events/s in batches,"
        f" {len(took) / (sum(took) / 1e9):>9,.0f} one by one;"
        f" a push: median {took[len(took) // 2] / 1000:.1f} µs,"
        f" p99 {took[len(took) * 99 // 100] / 1000:.1f} µs;"
        f" decided {running.stats.decided / len(took):.0%}"
    )


def size(*, ids: bool) -> None:
    """Bytes that a session takes which three streams have begun to match."""
    steps = [{"event": "A"}, {"event": "B"}]
    streams = [
        a_then_b(name="s0", steps=[*steps, {"event": "C"}], frequency="every"),
        a_then_b(name="s1", steps=[{"event": "A"}, {"exclude": {"event": "X"}}, {"event": "B"}, {"event": "D"}]),
        a_then_b(name="s2", steps=[*steps, {"exclude": {"event": "C"}, "for": "30m"}]),
    ]  # fmt: skip
    schema = Schema(time="at", name="event", session="sid", user="uid", id="id" if ids else None)
    running = Matcher(streams, schema, now=lambda: NOW)
    gc.collect()
    tracemalloc.start()
    running.push_many(begun_sessions())
    running.flush()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] / SESSIONS
    tracemalloc.stop()
    packed = len(running.snapshot()) / SESSIONS
    print(  # noqa: T201 # the script's output
        f"a session touched by three streams{', with ids' if ids else ''}:"
        f" {taken:,.0f} bytes in memory, {packed:,.0f} packed"
    )


def begun_sessions() -> Iterator[dict[str, Any]]:
    for number in range(SESSIONS):
        for place, name in enumerate("AB"):
            yield {
                "at": START + timedelta(milliseconds=number * 2 + place),
                "event": name,
                "sid": f"{number:08x}-session-{number}",
                "uid": f"user-{number}",
                "id": f"{number:016x}-{place:019x}",
            }


def main() -> None:
    history = History(DATA / "shop", DATA / "schema.yaml")
    events = [each for batch, _ in arrivals(history, set(history.columns)) for each in batch]
    gc.collect()
    gc.freeze()
    for count in (1, 10, 25):
        speed(history, events, count)
    size(ids=False)
    size(ids=True)
    gc.unfreeze()


if __name__ == "__main__":
    main()
