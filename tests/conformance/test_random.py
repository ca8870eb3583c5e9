"""Random definitions on random small histories, every engine against brute force."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.conformance.cases import START, Case
from tests.conformance.engines import Engine, ReferenceEngine

STREAMS = 10
"""Streams of one example; they share its history and one call of the engine."""

MINUTES = ("1m", "2m", "3m", "5m", "8m", "13m")
VALUES = (0, 1)


def seldom(one_in: int = 6) -> st.SearchStrategy[bool]:
    """True once in so many draws; shrinks to false."""
    return st.integers(0, one_in - 1).map(lambda number: number == one_in - 1)


def mostly(values: Any, *, null_in: int = 12) -> st.SearchStrategy[Any]:
    """One of the values, or now and then null."""
    return st.sampled_from([*values] * null_in + [None] * len(values))


# Histories

BAD_TIMES = ("", "2026-01-01", "2026-01-01T00:61:00Z", "yesterday")
FUTURE = START + timedelta(days=4000)


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, Any], pa.Table]:
    """A schema and the events it reads, close together in time and often tied."""
    schema: dict[str, Any] = {
        "time": "event_time",
        "name": "event_name",
        "user": "user_id",
        "json": ["properties"],
    }
    if draw(seldom(3)):
        schema["sessionizer"] = {
            "by": draw(st.sampled_from(["user_id", "user_id", "properties.x"])),
            "inactivity": draw(st.sampled_from(MINUTES[:4])),
        }
        if draw(st.booleans()):
            schema["sessionizer"]["max"] = draw(st.sampled_from(MINUTES))
    else:
        schema["session"] = "session_id"
    if draw(st.booleans()):
        schema |= {"id": "event_id", "dedupe": draw(st.sampled_from(MINUTES))}
    if draw(st.booleans()):
        schema["sequence"] = "event_order"
    text_times = draw(seldom(3))
    ids = draw(st.sampled_from(["pqr", "pqrstuvwxyz"]))
    span = draw(st.sampled_from([3, 12, 30]))
    whole = draw(st.booleans())

    def time() -> Any:
        if draw(seldom(20)):
            return draw(st.sampled_from([None, *(BAD_TIMES if text_times else ())]))
        if draw(seldom(30)):
            when = FUTURE
        else:
            seconds = draw(st.integers(0, span if whole else 2 * span)) * (60 if whole else 30)
            when = START + timedelta(seconds=seconds)
        if not text_times:
            return when
        zone = draw(st.sampled_from(["Z", "", "+00:00"]))
        return when.strftime(f"%Y-%m-%d{draw(st.sampled_from('T '))}%H:%M:%S{zone}")

    rows = [
        {
            "event_time": time(),
            "event_name": draw(st.sampled_from("ABABCX")),
            "session_id": draw(mostly("st")),
            "user_id": draw(mostly("uv")),
            "event_id": draw(mostly(ids, null_in=3)),
            "event_order": draw(mostly(range(3), null_in=4)),
            "x": draw(mostly(VALUES, null_in=5)),
            "properties": draw(st.sampled_from(DOCUMENTS)),
        }
        for _ in range(draw(st.integers(4, 12)) + draw(st.integers(0, 14)))
    ]
    time_type = pa.string() if text_times else pa.timestamp("us", "UTC")
    columns = pa.schema(
        [
            ("event_time", time_type),
            ("event_name", pa.string()),
            ("session_id", pa.string()),
            ("user_id", pa.string()),
            ("event_id", pa.string()),
            ("event_order", pa.int64()),
            ("x", pa.int64()),
            ("properties", pa.string()),
        ]
    )
    return schema, pa.Table.from_pylist(rows, schema=columns)


DOCUMENTS = (
    '{"x": 0}',
    '{"x": 1}',
    '{"x": 1}',
    '{"x": 1.0, "x": 0}',
    '{"x": "1"}',
    '{"x": null}',
    '{"x": [0, 1]}',
    "{}",
    '{"x": 0',
    None,
)

# Definitions


@st.composite
def conditions(draw: st.DrawFn, names: str) -> dict[str, Any]:
    """One event's condition: mostly a name alone."""
    kind = draw(st.integers(0, 9))
    where = draw(wheres()) if kind >= 8 else {}
    return (
        {"where": where}
        if kind == 9
        else {"event": draw(st.sampled_from(names)), **({"where": where} if where else {})}
    )


def wheres() -> st.SearchStrategy[dict[str, Any]]:
    path = st.sampled_from(["x", "properties.x"])
    criterion = st.one_of(
        st.sampled_from(VALUES),
        st.sampled_from([{"ne": 0}, {"gte": 1}, {"exists": True}, {"exists": False}]),
    )
    return st.dictionaries(path, criterion, min_size=1, max_size=2)


@st.composite
def patterns(draw: st.DrawFn, names: str) -> dict[str, Any]:
    if draw(seldom(6)):
        return {"any_of": draw(st.lists(conditions(names), min_size=2, max_size=2))}
    return draw(conditions(names))


@st.composite
def excludes(draw: st.DrawFn, **limit: bool) -> list[dict[str, Any]]:
    """What stands in one place: mostly nothing, now and then several."""
    found = []
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2]))):
        item: dict[str, Any] = {"exclude": draw(patterns("XXXCAB"))}
        if limit.get("lookback") and draw(st.integers(0, 3)):
            item["lookback"] = draw(st.sampled_from(MINUTES))
        if limit.get("wait") and (limit.get("must_wait") or draw(st.booleans())):
            item["for"] = draw(st.sampled_from(MINUTES))
        found.append(item)
    return found


PERS = (
    "session",
    "session",
    "user",
    ["session", "user"],
    ["user", "x"],
    ["properties.x", "session"],
)


@st.composite
def definitions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A valid definition of up to four copies in all."""
    left = draw(st.sampled_from([2, 1, 2, 2, 3, 3, 4]))
    single = left == 1
    stream: dict[str, Any] = {"name": name, "per": draw(st.sampled_from(PERS))}
    if not single or draw(seldom(4)):
        stream["within"] = draw(st.sampled_from([*MINUTES[2:], "30m", "unbounded"]))
    bounded = stream.get("within", "unbounded") != "unbounded"
    if draw(seldom(8)):
        stream["where"] = draw(wheres())
    steps = draw(excludes(lookback=True))
    first = True
    while left:
        step = draw(patterns("AABBC"))
        copies = draw(st.integers(2, left)) if left > 1 and draw(seldom(4)) else 1
        if copies > 1:
            step["at_least"] = copies
        elif not first and draw(seldom(4)):
            step["within"] = draw(st.sampled_from(MINUTES))
        steps.append(step)
        left -= copies
        first = False
        steps += draw(excludes()) if left else draw(excludes(wait=True, must_wait=not bounded))
    stream["steps"] = steps
    if not single and draw(seldom(5)):
        stream["exclude"] = draw(st.lists(patterns("XXCAB"), min_size=1, max_size=2))
    stream["frequency"] = draw(
        st.sampled_from(["every", "once", "per_start", "non_overlapping", "every"])
    )
    if draw(seldom(4)):
        by = st.sampled_from(["key", "session", "user", "x", "properties.x"])
        stream["cooldown"] = {"for": draw(st.sampled_from(MINUTES)), "by": draw(by)}
    return stream


def inside_sessions(stream: dict[str, Any]) -> dict[str, Any]:
    """A definition whose answer in a time range depends on nothing but the sessions in it."""
    rules = {name: value for name, value in stream.items() if name != "cooldown"}
    if stream.get("cooldown", {}).get("by") in ("key", "session"):
        rules["cooldown"] = stream["cooldown"]
    return rules if "session" in stream["per"] else rules | {"per": "session"}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    schema, table = draw(histories())
    limits = st.integers(0, 30).map(lambda minute: START + timedelta(minutes=minute))
    near = draw(limits) - timedelta(days=1)
    since = draw(limits) if draw(seldom(5)) else None
    until = draw(limits) if draw(seldom(5)) else None
    assume(since is None or until is None or since < until)
    streams = [draw(definitions(f"s{number}")) for number in range(STREAMS)]
    if since is not None and draw(st.booleans()):
        streams = [inside_sessions(stream) for stream in streams]
    return Case(
        note="random",
        streams=streams,
        schema=schema,
        table=table,
        now=near if draw(seldom(8)) else START + timedelta(days=300),
        since=since,
        until=until,
        source=draw(st.sampled_from(["arrow", "polars", "file", "folder"])),
    )


EXAMPLES = (
    pytest.param(220, id="always", marks=pytest.mark.slow),
    pytest.param(5000, id="soak", marks=[pytest.mark.soak, pytest.mark.slow]),
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_an_engine_finds_what_brute_force_finds(rival: Engine, examples: int) -> None:
    """Matches, ids, pendings and skipped counts are equal on at least 2,000 random cases.

    A case is one definition on one history. A good share of them must have an answer, or the
    comparison would be of nothing with nothing.
    """
    tally: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(cases())
    def agree(case: Case) -> None:
        reference = ReferenceEngine().run(case)
        count(tally, case, reference)
        answer = rival.run(case)
        for stream in case.streams:
            one = Case(**{**vars(case), "streams": [stream]})
            for table in ("matches", "pending"):
                found = [row for row in getattr(answer, table) if row.stream == stream["name"]]
                wanted = [row for row in getattr(reference, table) if row.stream == stream["name"]]
                assert found == wanted, f"{table}\n{one}"
        assert answer.skipped == reference.skipped, str(case)
        if answer.without_key is not None:
            assert answer.without_key == reference.without_key, str(case)

    agree()
    check(tally, examples)


def count(tally: Counter[str], case: Case, reference: Any) -> None:
    """Add up what the cases were about."""
    matched = {row.stream for row in reference.matches}
    waiting = {row.stream for row in reference.pending}
    tally.update(
        cases=len(case.streams),
        answered=len(matched | waiting),
        pending=len(waiting),
        long=sum(len(row.run or ()) > 1 for row in reference.matches),
        skipped=bool(reference.skipped),
    )


def check(tally: Counter[str], examples: int) -> None:
    """The cases were many and worth comparing."""
    assert tally["cases"] >= max(2000, examples * STREAMS)
    assert tally["answered"] > 0.25 * tally["cases"], tally
    assert tally["pending"] > 0.02 * tally["cases"], tally
    assert tally["long"] > 0.12 * tally["cases"], tally
    assert tally["skipped"] > 0.05 * examples, tally
