"""The corpus: every case on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import Case, Expected, ExpectedMatch, corpus
from tests.conformance.engines import Engine, ReferenceEngine

if TYPE_CHECKING:
    from tests.reference.matcher import Match

CORPUS = corpus()
EACH = pytest.mark.parametrize(
    ("case", "expected"),
    [pytest.param(case, expected, id=name) for name, case, expected in CORPUS],
)


@EACH
def test_an_engine_gives_what_the_case_says(engine: Engine, case: Case, expected: Expected) -> None:
    """Matches, pendings, keys, ids and skipped counts are those written down in the case."""
    answer = engine.run(case)
    found = [as_expected(match) for match in answer.matches]
    assert sorted(found, key=repr) == sorted(expected.matches, key=repr), f"matches\n{case}"
    waiting = [as_expected(match) for match in answer.pending]
    assert sorted(waiting, key=repr) == sorted(expected.pending, key=repr), f"pending\n{case}"
    if expected.keys is not None:
        named = list(zip(map(repr, expected.matches), expected.keys, strict=True))
        assert sorted(named) == sorted((repr(as_expected(m)), m.key) for m in answer.matches)
    if expected.ids is not None:
        named = list(zip(map(repr, expected.matches), expected.ids, strict=True))
        assert sorted(named) == sorted((repr(as_expected(m)), m.match_id) for m in answer.matches)
    if expected.skipped is not None:
        assert answer.skipped == expected.skipped
    if expected.without_key is not None:
        assert answer.without_key == expected.without_key


@EACH
def test_every_column_is_that_of_brute_force(rival: Engine, case: Case, expected: Expected) -> None:
    """Every column of every row, match ids included, is that of the brute-force reference."""
    answer, reference = rival.run(case), ReferenceEngine().run(case)
    assert answer.matches == reference.matches, str(case)
    assert answer.pending == reference.pending, str(case)


def test_the_corpus_is_whole() -> None:
    """No file went missing, and no two cases share a name."""
    assert len(CORPUS) >= 200
    assert len({name for name, _, _ in CORPUS}) == len(CORPUS)


def as_expected(match: Match) -> ExpectedMatch:
    return ExpectedMatch(
        stream=match.stream,
        started_at=time_of(match.started_at),
        matched_at=time_of(match.matched_at),
        fired_at=time_of(match.fired_at),
        events=tuple((time_of(event.time), event.name) for event in match.events),
    )


def time_of(when: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=when)
