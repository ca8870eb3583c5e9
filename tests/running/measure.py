"""How fast the matcher is and how much it remembers: `python -m tests.running.measure`.

Printed, never asserted: times depend on the machine.
"""

from __future__ import annotations

import copy
import gc
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamkit import History, Schema, Stream, live, load
from streamkit.duration import Duration
from streamkit.running import Matcher
from streamkit.running.arrivals import arrivals
from streamkit.streaming import Arrived, EndOfEvents
from tests.running.examples import NOW, START, a_then_b

DATA = Path(__file__).parents[2] / "data"
BATCH = 1000
SESSIONS = 20_000
OPEN = 1000
VISIT = "AABCDE"
SOAK_START = int(START.timestamp()) * 1_000_000


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
    taken, packed = session_bytes(ids=ids)
    print(  # noqa: T201 # the script's output
        f"a session touched by three streams{', with ids' if ids else ''}:"
        f" {taken:,.0f} bytes in memory, {packed:,.0f} packed"
    )


def session_bytes(*, ids: bool) -> tuple[float, float]:
    """The same, in memory and in a snapshot."""
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
    return taken, len(running.snapshot()) / SESSIONS


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


class Visits:
    """A source of sessions of six events; a thousand are open at any time.

    Args:
        count: How many events.
        looks: How often on the way the memory is looked at.
    """

    def __init__(self, count: int, looks: int) -> None:
        self.count = count
        self.every = max(count // looks, 1)
        self.memory: list[int] = []
        self._at = 0

    def open(self, position: Any) -> None:
        self._at = position or 0

    def read(self, timeout: float) -> Arrived:  # there is always more
        if self._at >= self.count:
            raise EndOfEvents
        first, last = self._at, min(self._at + BATCH, self.count)
        if first // self.every != last // self.every:
            self.memory.append(resident_bytes())
        self._at = last
        return Arrived([self._event(n) for n in range(first, last)], range(first, last), last)

    def _event(self, n: int) -> dict[str, Any]:
        block, place = divmod(n, OPEN * len(VISIT))
        step, number = divmod(place, OPEN)
        session = block * OPEN + number
        return {
            "at": SOAK_START + n * 20_000,
            "event": VISIT[step] if (session + step) % 7 else "X",
            "sid": f"{session:x}",
            "uid": f"u{session // 3}",
            "id": f"{n:x}",
        }

    def committed(self, position: Any) -> None:
        pass

    def close(self) -> None:
        pass


def resident_bytes() -> int:
    """What the process takes of the memory; 0 where the system does not tell it this way."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def live_figures(events: int = 10_000_000) -> dict[str, Any]:
    """A soak: a live run with a state file over so many events, three streams, open sessions bounded.

    Returns:
        `events_per_second` with all commits, of the clock and of the processor; `memory` in bytes at ten points on the way, to be
        flat after the first two; `keys_in_memory`; `state_bytes`; `matches`; `commits`.
    """
    wait = {"exclude": {"event": "X"}, "for": "1m"}
    streams = [
        a_then_b(name="pair", frequency="every"),
        a_then_b(name="wait", steps=[{"event": "A"}, {"event": "C"}, wait]),
        a_then_b(name="user", per="user", steps=[{"event": "B"}, {"event": "D"}], frequency="per_start"),
    ]  # fmt: skip
    schema = Schema(
        time="at", time_unit="us", name="event", session="sid", user="uid", id="id", dedupe="10m",
        session_max="1h",
    )  # fmt: skip
    source, matches = Visits(events, 10), 0

    def count(_: Any) -> None:
        nonlocal matches
        matches += 1

    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state.db"
        began, worked = time.perf_counter(), time.process_time()
        run = live(
            streams, source, schema, sink=count, state=state, forget_after="1h", now=lambda: NOW
        )
        run.wait()
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        return {
            "events_per_second": round(events / seconds),
            "events_per_cpu_second": round(events / worked),
            "memory": source.memory,
            "keys_in_memory": sum(run.stats.matcher.keys.values()),
            "state_bytes": state.stat().st_size,
            "matches": matches,
            "commits": run.stats.commits,
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
    print(f"soak of 300,000 events: {live_figures(300_000)}")  # noqa: T201 # the script's output


if __name__ == "__main__":
    main()
