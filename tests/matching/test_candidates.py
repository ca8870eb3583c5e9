"""Firing events before frequency and cooldown, and what these rules make of them in a ledger."""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamkit import History, Schema, Sessionizer, Stream, backtest
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import StreamRules, pages, read_candidates
from streamkit.delivery.ledger.handing_over import hand_over
from streamkit.delivery.ledger.tables import MATCHES
from streamkit.matching import StreamMatches, find_matches
from streamkit.times import to_microseconds
from tests.conformance.cases import START, Case
from tests.conformance.engines import write_source
from tests.conformance.test_random import cases

AGES = 400 * 86_400 * 1_000_000
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Range = tuple[datetime | None, datetime | None]


def find(
    streams: Sequence[Stream], history: History, now: datetime, within: Range = (None, None)
) -> tuple[StreamMatches, ...]:
    with history.connect() as connection:
        found = find_matches(
            streams, history, connection, since=within[0], until=within[1], now=now, undecided=True
        )
    return found.streams


def test_every_firing_event_is_there_with_what_the_rules_go_by():
    """Runs name their first and last row by id, or by time, name and number; and their place."""
    times = [NOW + timedelta(minutes=minute) for minute in (0, 0, 0, 5)]
    events = pl.DataFrame(
        {
            "time": times,
            "event": ["A", "A", "B", "B"],
            "session_id": ["s"] * 4,
            "event_id": [None, None, "b1", None],
            "plan": ["x", "y", "z", None],
        }
    )
    schema = Schema(time="time", name="event", session="session_id", id="event_id")
    stream = Stream(
        "s", [{"event": "A"}, {"event": "B"}], within="1h", cooldown={"for": "1h", "by": "plan"}
    )
    (found,) = find([stream], History(events, schema), NOW + timedelta(days=1))
    start, later = (to_microseconds(time) for time in (times[0], times[3]))
    assert found.tables.runs is not None
    assert found.tables.runs.to_dicts() == [
        {
            "first_row": f'[{start},"A",1]', "first_rank": 1, "last_row": '["b1"]', "last_rank": 2,
            "cooldown_value": "z", "is_proven": True,
        },
        {
            "first_row": f'[{start},"A",1]', "first_rank": 1, "last_row": f'[{later},"B",0]',
            "last_rank": 0, "cooldown_value": None, "is_proven": True,
        },
    ]  # fmt: skip


def test_sessions_that_may_have_begun_before_the_input_are_marked():
    """Only for streams that live inside a session."""
    events = pl.DataFrame(
        {
            "time": [NOW, NOW + timedelta(hours=2)],
            "event": ["A", "A"],
            "uid": ["u", "u"],
        }
    )
    schema = Schema(
        time="time", name="event", user="uid", sessionizer=Sessionizer(by="uid", inactivity="30m")
    )
    streams = [Stream(per, [{"event": "A"}], per=per) for per in ("session", "user")]
    found = find(streams, History(events, schema), NOW + timedelta(days=1))
    proven = [
        each.tables.runs["is_proven"].to_list() for each in found if each.tables.runs is not None
    ]
    assert proven == [[False, True], [True, True]]


@contextmanager
def prepared(case: Case) -> Iterator[tuple[list[Stream], History]]:
    roles: dict[str, Any] = dict(case.schema)
    if "sessionizer" in roles:
        roles["sessionizer"] = Sessionizer(**roles["sessionizer"])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what can never match is part of many cases
        source = write_source(case, Path(folder))
        streams = [Stream.from_dict(stream) for stream in case.streams]
        yield streams, History(source, schema=Schema(**roles))


def hand_over_ranges(
    ledger: Ledger,
    streams: Sequence[Stream],
    history: History,
    now: datetime,
    ranges: Sequence[Range],
) -> dict[str, set[str]]:
    """Ids that a ledger lets through, by stream, when ranges are handed over one after another."""
    for within in ranges:
        for found in find(streams, history, now, within):
            assert found.tables.runs is not None
            stream = found.plan.stream
            own = StreamRules(stream, history.schema.dedupe.microseconds, AGES)
            offered, _ = read_candidates(
                stream, found.tables.matches, found.tables.runs, since=None, proven_only=False
            )
            for page in pages(offered, 3):
                ledger.write(
                    lambda connection, own=own, page=page: hand_over(
                        connection, own, page, None, now=to_microseconds(now)
                    )
                )
    rows = ledger.read(lambda connection: connection.execute(MATCHES.select()).all())
    sent: dict[str, set[str]] = {stream.name: set() for stream in streams}
    for row in rows:
        if row.state == "waiting":
            sent[row.stream].add(row.match_id)
    return sent


EXAMPLES = (
    pytest.param(12, id="always"),
    pytest.param(600, id="soak", marks=[pytest.mark.soak, pytest.mark.slow]),
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_rules_of_a_ledger_make_of_all_candidates_what_a_backtest_finds(examples: int):
    """At once, or in ranges in order of time without gaps, whose ends cut waits and sessions.

    Handing the same ranges over once more changes nothing.
    """
    tally: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(cases(), st.lists(st.integers(0, 60), max_size=4))
    def agree(case: Case, cuts: list[int]) -> None:
        moments = [START + timedelta(seconds=30 * cut) for cut in sorted(set(cuts))]
        in_order = list(zip([None, *moments], [*moments, None], strict=True))
        with prepared(case) as (streams, history):
            result = backtest(streams, history, now=case.now)
            wanted = {
                stream.name: set(
                    result.matches.filter(result.matches["stream"] == stream.name)["match_id"]
                )
                for stream in streams
            }
            with tempfile.TemporaryDirectory() as folder:
                for number, ranges in enumerate([[(None, None)], [*in_order, *in_order]]):
                    with Ledger(Path(folder) / f"{number}.db") as ledger:
                        sent = hand_over_ranges(ledger, streams, history, case.now, ranges)
                    assert sent == wanted, f"{ranges}\n{case}"
            tally["matches"] += len(result.matches)
            tally["ranges"] += len(in_order)

    agree()
    assert tally["matches"] > 5 * examples
    assert tally["ranges"] > examples
