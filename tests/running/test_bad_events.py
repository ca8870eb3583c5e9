"""A matcher goes on, whatever arrives: it counts, and keeps a sample."""

from __future__ import annotations

import json
import math
from collections import UserDict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.running.examples import SCHEMA, START, a_then_b, after, event, matcher


class Hostile(UserDict):
    """A mapping that breaks when it is read."""

    def __getitem__(self, name: Any) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


BAD = [
    pytest.param(None, "not_an_object", id="nothing"),
    pytest.param(7, "not_an_object", id="a number"),
    pytest.param([event("A", 0)], "not_an_object", id="a list"),
    pytest.param(b"\xff\xfe", "not_an_object", id="no text"),
    pytest.param(b"{", "not_an_object", id="half a document"),
    pytest.param(b"[" * 100_000, "not_an_object", id="deep and broken"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, "not_an_object", id="deep and whole"),
    pytest.param(b'{"at": "2026-01-01T00:00:00Z", "event": "\\ud800"}', "not_an_object", id="half a character"),
    pytest.param({}, "null_time", id="no time"),
    pytest.param({"at": None, "event": "A"}, "null_time", id="null time"),
    pytest.param({"at": "yesterday", "event": "A"}, "unparsable_time", id="no such time"),
    pytest.param({"at": 10**400, "event": "A"}, "unparsable_time", id="a huge number for a time"),
    pytest.param({"at": math.nan, "event": "A"}, "unparsable_time", id="nan for a time"),
    pytest.param({"at": ["2026"], "event": "A"}, "unparsable_time", id="a list for a time"),
    pytest.param({"at": "9999-12-31T23:59:59Z", "event": "A"}, "future_time", id="far future"),
    pytest.param(Hostile(at=1), "unreadable (RuntimeError)", id="a mapping that breaks"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_event_is_counted_and_sampled(bad: Any, reason: str):
    """It takes no part, does not move the watermark, and those around it match."""
    running = matcher()
    running.push(event("A", 0))
    running.push(bad)
    running.push_many([bad])
    running.push(event("B", 1))
    assert len(running.flush()) == 1
    assert running.stats.skipped == {reason: 2}
    assert len(running.stats.samples) == 2
    assert all(len(sample.shown) <= 600 for sample in running.stats.samples)


@pytest.mark.parametrize(
    "value",
    [None, 5, 1.5, math.nan, True, [], [1, [2]], {}, {"a": {}}, b"x", "\ud800", Decimal("NaN"),
     Decimal(1), object(), (1, 2), {1}, 10**5000, timedelta(1), START],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_of_any_type_in_any_place_is_read_or_missing(value: Any):
    """Roles, properties and documents of odd types never stop it, and other events go on."""
    stream = a_then_b(
        where={"any": [{"p": {"gt": 1}}, {"p": {"matches": "x"}}, {"props.p": 1}, {"p": {"exists": False}},
                       {"p": {"lt": {"time": "2026-01-01T00:00:00Z"}}}, {"p": {"in": ["a", 1, True]}}]}
    )  # fmt: skip
    for role in ("at", "event", "sid", "uid", "p", "props"):
        running = matcher(stream)
        running.push(event("A", 0))
        running.push({**event("A", 0.5, "other"), role: value})
        running.push(event("B", 1))
        assert len(running.flush()) == 1


def test_text_that_is_half_a_character_makes_no_key():
    """It could not be written to an id or a file: the event lacks its key, and is counted."""
    running = matcher()
    running.push(event("A", 0, "\ud800"))
    assert running.flush() == []
    assert running.stats.without_key == {"s": {"A": 1}}


def test_an_event_without_its_roles_is_counted_where_it_is_missed():
    """No name: only steps without a name want it. No session: it touches a stream and has no key."""
    running = matcher()
    running.push({"at": event("A", 0)["at"]})
    running.push({"at": event("A", 0)["at"], "event": "A"})
    running.flush()
    assert running.stats.without_key == {"s": {"A": 1}}


def test_a_huge_payload_is_one_event():
    """Megabytes in a document or beside it change nothing."""
    stream = a_then_b(where={"props.p": 1})
    running = matcher(stream)
    props = json.dumps({"p": 1, "rest": "x" * 5_000_000})
    running.push(json.dumps({**event("A", 0), "at": "2026-01-01T00:00:00Z", "props": props}))
    running.push(event("B", 1, props='{"p": 1}', more="y" * 5_000_000))
    assert len(running.flush()) == 1


def test_deep_nesting_is_read():
    """A document deeper than Python's stack is read as any other."""
    deep = '{"a": ' * 100_000 + "1" + "}" * 100_000
    running = matcher(a_then_b(where={"props.p": 1}))
    running.push(event("A", 0, props='{"p": 1, "deep": ' + deep + "}"))
    running.push(event("B", 1, props='{"p": 1, "deep": ' + deep[:-1] + "}"))
    running.push(event("B", 2, props='{"p": 1}'))
    assert [match.matched for match in running.flush()] == [after(2)]
    assert running.stats.missing["unreadable_json"] == 1


def test_a_million_event_names_are_no_memory():
    """Names that no stream asks for leave nothing behind; those of a nameless step are bounded."""
    running = matcher(a_then_b(steps=[{"where": {"p": 1}}], within=None, frequency="every"))
    start = event("A", 0)
    for batch in range(20):
        running.push_many(
            {**start, "event": f"name-{batch}-{n}", "sid": None, "p": 1} for n in range(1000)
        )
    running.flush()
    counted = running.stats.without_key["s"]
    assert sum(counted.values()) == 20_000
    assert len(counted) <= 1001


def test_what_is_not_json_is_missing_and_counted():
    """The event takes part without its properties."""
    running = matcher(a_then_b(where={"props.p": {"ne": 1}}))
    running.push_many([event("A", 0, props="{"), event("B", 1, props="NaN")])
    assert len(running.flush()) == 1
    assert running.stats.missing["unreadable_json"] == 2


def test_a_value_that_does_not_fit_its_type_is_missing_and_counted():
    """Declared types hold for live events: what cannot be cast is as good as not there."""
    schema = type(SCHEMA)(time="at", name="event", session="sid", types={"p": "integer"})
    running = matcher(a_then_b(where={"p": {"gte": 1}}), schema=schema)
    running.push_many([event("A", 0, p="x"), event("A", 1, p="2"), event("B", 2, p=3.0)])
    assert len(running.flush()) == 1
    assert running.stats.missing["failed_casts"] == 1
