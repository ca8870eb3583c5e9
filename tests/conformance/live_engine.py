"""The running matcher as an engine: events arrive out of order and the matcher restarts."""

from __future__ import annotations

import random
import tempfile
import warnings
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamkit
from streamkit.running import Match as LiveMatch
from streamkit.running import Matcher
from streamkit.running.arrivals import arrivals
from streamkit.streaming.state_file import StateFile
from tests.conformance.engines import write_source
from tests.reference.matcher import Answer, Match, MatchedEvent
from tests.reference.values import epoch_microseconds, moment

if TYPE_CHECKING:
    from tests.conformance.cases import Case

__all__ = ["LiveEngine"]

LATENESS = timedelta(minutes=4)
MICROSECOND = timedelta(microseconds=1)


class LiveEngine:
    """`Matcher`, fed in disorder within its lateness, in batches of any size, through restarts."""

    name = "live"

    def run(self, case: Case) -> Answer:
        chance = random.Random(
            zlib.crc32(f"{case.note} {case.streams} {case.table.num_rows}".encode())
        )
        roles = dict(case.schema)
        if "sessionizer" in roles:
            roles["sessionizer"] = streamkit.Sessionizer(**roles["sessionizer"])
        streams = [streamkit.Stream.from_dict(stream) for stream in case.streams]
        shuffle = chance.choice([timedelta(0), LATENESS / 4, LATENESS])
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = write_source(case, Path(folder))
            history = streamkit.History(source, schema=streamkit.Schema(**roles))

            def matcher() -> Matcher:
                return Matcher(
                    streams, history, allowed_lateness=f"{shuffle // MICROSECOND}us",
                    now=lambda: case.now,
                )  # fmt: skip

            running = matcher()
            restarts = Restarts(Path(folder), chance, running)
            events, positions = arriving(running, history, case, shuffle, chance)
            matches: list[LiveMatch] = []
            while events:
                if chance.random() < 0.3:
                    running = restarts.go_on(running, matcher)
                if chance.random() < 0.3:
                    matches += running.push(events.pop(0), positions.pop(0))
                else:
                    size = chance.choice([1, 3, 10, 1000])
                    matches += running.push_many(events[:size], positions[:size])
                    del events[:size], positions[:size]
            if case.until is not None and horizon_reaches(case):
                matches += running.advance_watermark(case.until)
            matches += running.flush()
            restarts.close()
        stats = running.stats
        assert stats.late == 0
        since = None if case.since is None else since_epoch(case.since)
        return Answer(
            matches=sorted(
                as_row(match) for match in matches if since is None or match.fired >= since
            ),
            pending=sorted(map(as_row, running.pending)),
            skipped={reason: count for reason, count in stats.skipped.items() if count},
            without_key={name: dict(counts) for name, counts in stats.without_key.items()}
            if since is None
            else None,
        )


class Restarts:
    """A new matcher goes on where one was: from its bytes, or in one case of four from a file.

    The file is told what changed, and not everything; of keys that rest few or none stay in memory.
    """

    def __init__(self, folder: Path, chance: random.Random, first: Matcher) -> None:
        self.path = folder / "state.db"
        self.chance = chance
        self.in_memory = chance.choice([0, 2, 1000])
        self.state = self.open() if chance.random() < 0.25 else None
        if self.state is not None:
            self.state.restore(first)

    def open(self) -> StateFile:
        return StateFile(self.path, keys_in_memory=self.in_memory)

    def go_on(self, running: Matcher, new: Callable[[], Matcher]) -> Matcher:
        if self.state is not None:
            self.state.commit(position=running.tallies.events)
            if self.chance.random() < 0.5:
                return running
            self.state.close()
        restarted = new()
        if self.state is None:
            assert restarted.restore(running.snapshot()) == ()
            assert restarted.snapshot() == running.snapshot()
        else:
            self.state = self.open()
            assert self.state.restore(restarted) == ()
            assert self.state.position == running.tallies.events
        return restarted

    def close(self) -> None:
        if self.state is not None:
            self.state.close()


def arriving(
    running: Matcher,
    history: streamkit.History,
    case: Case,
    shuffle: timedelta,
    chance: random.Random,
) -> tuple[list[dict[str, Any]], list[int]]:
    """The events in an order of arrival; those that `until` makes invisible left out."""
    events: list[dict[str, Any]] = []
    positions: list[int] = []
    end = None if case.until is None else since_epoch(case.until)
    for batch, places in arrivals(
        history,
        running.intake.columns,
        shuffle=shuffle // MICROSECOND,
        seed=chance.randrange(2**31),
    ):
        for event, place in zip(batch, places, strict=True):
            time = time_of(event.get(case.schema["time"]), case)
            if end is None or time is None or time < end:
                events.append(event)
                positions.append(place)
    return events, positions


def time_of(value: Any, case: Case) -> int | None:
    if isinstance(value, int):
        return epoch_microseconds(value, case.schema["time_unit"])
    return moment(value)


def horizon_reaches(case: Case) -> bool:
    """Whether some event at or after `until` says that time is known up to it."""
    latest = since_epoch(case.now + timedelta(days=1))
    end = since_epoch(case.until)
    times = (time_of(value, case) for value in whole_microseconds(case))
    return any(time is not None and end <= time <= latest for time in times)


def whole_microseconds(case: Case) -> list[Any]:
    from tests.conformance.engines import python_values

    return python_values(case.table[case.schema["time"]])


def since_epoch(when: datetime) -> int:
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def as_row(match: LiveMatch) -> Match:
    return Match(
        stream=match.stream,
        match_id=match.match_id,
        key=match.key,
        session=match.session,
        user=match.user,
        started_at=match.started,
        matched_at=match.matched,
        fired_at=match.fired,
        events=tuple(MatchedEvent(e.step, e.id, e.micros, e.name) for e in match.events),
    )
