"""Contexts: the values of matches, the same from files and from live events."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamkit import History, Matcher, Schema, Sessionizer, Stream, backtest
from streamkit.events.types import Kind, ValueType
from streamkit.matching.context_rows import read_contexts
from streamkit.matching.contexts import Context, ContextReader, Needs
from streamkit.matching.json_values import DEEPEST, to_json, to_json_of_type
from streamkit.running.arrivals import arrivals
from streamkit.running.event_types import EventTypes
from streamkit.times import to_microseconds

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
SCHEMA = {
    "time": "time",
    "name": "event",
    "session": "session",
    "user": "user",
    "id": "id",
    "json": ["props"],
}


def contexts(stream: Stream, history: History, needs: Needs) -> dict[str, Context]:
    """The batch's contexts by match id."""
    tables = backtest(stream, history, now=START + timedelta(days=2)).found.streams[0].tables
    with history.connect() as connection:
        found = read_contexts(history, connection, tables.matches, tables.positions, needs)
    return dict(zip(tables.matches["match_id"], found, strict=True))


def of_rows(rows: dict[str, list[Any]], paths: list[str], **schema: Any) -> list[dict[str, Any]]:
    """The values of every row, each a match of its own."""
    count = len(next(iter(rows.values())))
    base = {
        "time": [START + timedelta(minutes=n) for n in range(count)],
        "event": ["A"] * count,
        "session": [f"s{n:02}" for n in range(count)],
    }
    table = rows if isinstance(rows, pa.Table) else pa.table({**base, **rows})
    history = History(table, {"time": "time", "name": "event", "session": "session", **schema})
    found = contexts(Stream("a", [{"event": "A"}]), history, Needs({0: tuple(paths)}))
    return [dict(context.events[0]) for context in found.values()]


def test_each_type_as_plain_json() -> None:
    """Integers exact, decimals as numbers where a double shows them, times as RFC 3339."""
    rows = {
        "i": pa.array([9007199254740993, -1], pa.int64()),
        "u": pa.array([2**64 - 1, 0], pa.uint64()),
        "d": pa.array([0.1, float("nan")]),
        "f": pa.array([0.5, float("inf")], pa.float32()),
        "c": pa.array([Decimal("19.90"), Decimal("20.00")], pa.decimal128(10, 2)),
        "long": pa.array([Decimal("12345678901234567890.12"), None], pa.decimal128(30, 2)),
        "t": pa.array([datetime(2026, 1, 31, 12), None], pa.timestamp("ns")),
        "z": pa.array([START, None], pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([date(2026, 1, 31), None]),
        "b": pa.array([True, False]),
        "x": pa.array([b"\x00\xff", None]),
        "l": pa.array([["a", None], []], pa.list_(pa.string())),
        "s": pa.array(
            [{"a": 1, "at": START}, None],
            pa.struct([("a", pa.int32()), ("at", pa.timestamp("us", "UTC"))]),
        ),
        "m": pa.array([[("k", 1.5)], None], pa.map_(pa.string(), pa.float64())),
    }
    first, second = of_rows(rows, list(rows))
    assert first == {
        "i": 9007199254740993, "u": 2**64 - 1, "d": 0.1, "f": 0.5, "c": 19.9, "long": "12345678901234567890.12",
        "t": "2026-01-31T12:00:00.000000Z", "z": "2026-03-01T10:00:00.000000Z", "day": "2026-01-31", "b": True,
        "l": ["a", None], "s": {"a": 1, "at": "2026-03-01T10:00:00.000000Z"}, "m": {"k": 1.5},
    }  # fmt: skip
    assert second == {"i": -1, "u": 0, "c": 20, "b": False, "l": []}
    assert type(second["c"]) is int


def test_documents_give_their_values() -> None:
    """Whole or by path; what is no JSON, and what is null, is missing."""
    documents = [
        '{"a": {"b": [1, {"c": "x"}]}, "n": 123456789012345678901234567890, "z": null}',
        "{broken",
        None,
    ]
    rows = {"props": documents}
    first, second, third = of_rows(
        rows, ["props", "props.a.b.1.c", "props.n", "props.z", "props.q"], json=["props"]
    )
    assert first == {
        "props": {"a": {"b": [1, {"c": "x"}]}, "n": 123456789012345678901234567890, "z": None},
        "props.a.b.1.c": "x",
        "props.n": 123456789012345678901234567890,
    }
    assert second == third == {}


def test_declared_types_count() -> None:
    """`types:` casts the values of payloads as it does those of criteria."""
    rows = {"v": ["20", "x", "7.5"], "w": ["true", "2026-03-01 00:00:00", None]}
    found = of_rows(rows, ["v", "w"], types={"v": "number", "w": "time"})
    assert found == [{"v": 20.0}, {"w": "2026-03-01T00:00:00.000000Z"}, {"v": 7.5}]


def test_the_step_of_several_copies_is_its_last() -> None:
    """Excludes are not counted; `event.0` of `at_least: 2` is the second of the two."""
    rows = ["A", "A", "X", "B"]
    events = pl.DataFrame(
        {
            "time": [START + timedelta(minutes=n) for n in range(4)],
            "event": rows,
            "session": "s",
            "n": range(4),
        }
    )
    history = History(events, {"time": "time", "name": "event", "session": "session"})
    steps = [{"event": "A", "at_least": 2}, {"exclude": {"event": "Y"}}, {"event": "B"}]
    stream = Stream("a", steps, within="1h")
    (context,) = contexts(stream, history, Needs({0: ("n",), 1: ("n",)})).values()
    assert context.events == ({"n": 1}, {"n": 3})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"user": ["u"], "user_email": ["column"], "email": ["bare"]}, "column"),
        ({"user": ['{"email": "document"}'], "user_email": ["column"]}, "document"),
        ({"email": ["bare"]}, "bare"),
        ({"user": ['{"name": "n"}'], "user_email": ["column"]}, None),
        ({"user.email": ["dotted"], "user_email": ["column"]}, "dotted"),
    ],
)
def test_what_a_path_of_the_user_means(columns: dict[str, list[str]], expected: str | None) -> None:
    """Decided once: the path itself, or else `user_email`, or else `email`."""
    events = pl.DataFrame({"time": [START], "event": ["A"], "session": ["s"], **columns})
    json = ["user"] if columns.get("user", [""])[0].startswith("{") else []
    history = History(events, {"time": "time", "name": "event", "session": "session", "json": json})
    (context,) = contexts(
        Stream("a", [{"event": "A"}]), history, Needs({}, ("user.email",))
    ).values()
    assert context.firing.get("user.email") == expected


def test_untyped_events_decide_one_by_one() -> None:
    """Where nobody fixed the columns, the first of the three that the event has."""
    reader = ContextReader(Needs({}, ("user.email",)), EventTypes(Schema(time="t", name="e")))
    found = [
        reader.of_firing(event).get("user.email")
        for event in (
            {"user": {"email": 1}, "email": 2},
            {"user": "u", "user_email": 3},
            {"email": 4},
            {},
        )
    ]
    assert found == [1, 3, 4, None]


def test_the_session_as_of_the_moment_it_fires() -> None:
    """All its rows up to then, that moment included, touching or not; equal times by source order."""
    minutes = [0, 5, 5, 8, 15, 15, 16]
    events = pl.DataFrame(
        {
            "time": [START + timedelta(minutes=n) for n in minutes],
            "event": ["view", "A", "view", "view", "view", "view", "view"],
            "session": "s",
            "n": range(7),
        }
    )
    schema = {"time": "time", "name": "event", "session": "session"}
    needs = Needs({}, (), session_facts=True, session_last=("n",))
    late = pl.DataFrame(
        {
            **events[-1:].to_dict(as_series=False),
            "time": [START + timedelta(hours=5)],
            "session": "t",
        }
    )
    history = History(pl.concat([events, late]), schema)
    at_once = Stream("a", [{"event": "A"}])
    waits = Stream("a", [{"event": "A"}, {"exclude": {"event": "X"}, "for": "10m"}])
    for stream, count, last in ((at_once, 3, 2), (waits, 6, 5)):
        (context,) = contexts(stream, history, needs).values()
        assert context.session is not None
        assert context.session.event_count == count
        assert context.session.started == to_microseconds(START)
        assert context.session.latest == to_microseconds(START + timedelta(minutes=minutes[last]))
        assert context.session.last == {"n": last}


def test_a_made_session_ends_where_the_next_begins() -> None:
    """With a sessionizer, rows of the same user after a gap belong to another session."""
    minutes = [0, 10, 45, 50]
    events = pl.DataFrame(
        {
            "time": [START + timedelta(minutes=n) for n in minutes],
            "event": ["view", "A", "view", "view"],
            "user": "u@1",
        }
    )
    stream = Stream("a", [{"event": "A"}, {"exclude": {"event": "X"}, "for": "38m"}])
    schema = Schema(time="time", name="event", sessionizer=Sessionizer(by="user", inactivity="30m"))
    needs = Needs(session_facts=True)
    (context,) = contexts(stream, History(events, schema), needs).values()
    assert context.session is not None
    assert context.session.event_count == 2
    assert context.session.latest == to_microseconds(START + timedelta(minutes=10))


def test_a_match_without_a_session() -> None:
    """Per user the firing row may lack one: then its facts are not known."""
    events = pl.DataFrame(
        {"time": [START], "event": ["A"], "session": [None], "user": ["u"]},
        schema_overrides={"session": pl.String},
    )
    history = History(
        events, {"time": "time", "name": "event", "session": "session", "user": "user"}
    )
    found = contexts(
        Stream("a", [{"event": "A"}], per="user"), history, Needs({0: ("event",)}, (), True)
    )
    assert list(found.values()) == [Context(({"event": "A"},))]


def test_no_match_no_context() -> None:
    """Nothing is asked where nothing matched."""
    events = pl.DataFrame({"time": [START], "event": ["A"], "session": ["s"]})
    history = History(events, {"time": "time", "name": "event", "session": "session"})
    assert contexts(Stream("a", [{"event": "B"}]), history, Needs({0: ("event",)}, (), True)) == {}


def test_depth_and_digits_have_a_limit() -> None:
    """What is nested deeper, or has more digits, than a writer could write counts as missing."""
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value]
    assert to_json(value) == value
    assert to_json([value]) is None
    assert to_json({"a": [value]}) is None
    assert to_json(2**4095) == 2**4095
    assert to_json([2**5000]) == [None]


def test_live_values_are_cast_to_the_files_types() -> None:
    """A struct, list or map that came as JSON reads as it would from a file."""
    time = ValueType(Kind.TIMESTAMP, "TIMESTAMP")
    whole = ValueType(Kind.INTEGER, "INTEGER", bounds=(-(2**31), 2**31 - 1))
    struct = ValueType(Kind.STRUCT, "", fields=(("at", time), ("n", whole)))
    read = to_json_of_type(ValueType(Kind.LIST, "", element=struct))
    live = [{"at": "2026-03-01 10:00:00", "n": "7", "more": 1}, {"n": 7.5}, "x", None]
    assert read(live) == [
        {"at": "2026-03-01T10:00:00.000000Z", "n": 7},
        {"at": None, "n": None},
        None,
        None,
    ]
    table = to_json_of_type(ValueType(Kind.MAP, "", element=whole, key=whole))
    assert table({1: "2", "b": 3}) == table([(1, 2), ("b", 3)]) == {"1": 2, "b": 3}


def random_events(random_: random.Random, rows: int) -> pa.Table:
    """Events with a column of each kind, holes and documents that are none."""

    def some(make: Any) -> list[Any]:
        return [None if random_.random() < 0.2 else make() for _ in range(rows)]

    times = sorted(START + timedelta(seconds=random_.randrange(0, 7200, 60)) for _ in range(rows))
    documents = [
        '{"a": 1, "b": [1.0, {"c": "é"}]}',
        '{"a": "x"}',
        "[1]",
        "{",
        '{"b": {"c": 12345678901234567890123}}',
    ]
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "event": [random_.choice("AABC") for _ in range(rows)],
            "session": some(lambda: f"s{random_.randrange(6)}"),
            "user": some(lambda: f"u{random_.randrange(3)}"),
            "id": some(lambda: f"e{random_.randrange(rows * 3)}"),
            "n": pa.array(some(lambda: random_.randrange(-(2**62), 2**62)), pa.int64()),
            "price": pa.array(some(lambda: Decimal(random_.randrange(10_000)) / 100), pa.decimal128(10, 2)),
            "ratio": some(lambda: random_.choice([0.1, float("nan"), -0.0, 1e300])),
            "day": some(lambda: date(2026, 1, random_.randrange(1, 29))),
            "tags": some(lambda: random_.choices(["x", "y", None], k=2)),
            "device": some(lambda: {"os": random_.choice(["a", None]), "seen": START}),
            "counts": pa.array(some(lambda: [("k", random_.randrange(9))]), pa.map_(pa.string(), pa.int32())),
            "user_email": some(lambda: "mail"),
            "props": some(lambda: random_.choice(documents)),
        }
    )  # fmt: skip


STREAMS = (
    Stream("every", [{"event": "A"}, {"event": "B"}], within="1h", frequency="every"),
    Stream("copies", [{"event": "A", "at_least": 2}, {"event": "C"}], within="1h", frequency="per_start"),
    Stream("waits", [{"event": "B"}, {"exclude": {"event": "C"}, "for": "10m"}], frequency="every"),
    Stream("of the user", [{"event": "A"}, {"event": "A"}], per="user", within="2h", frequency="every"),
)  # fmt: skip
PATHS = (
    "n", "price", "ratio", "day", "tags", "tags.0", "device", "device.os", "counts", "counts.k", "time",
    "props", "props.a", "props.b.c", "props.b.1.c",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["plain", "sequence", "sessionizer"])
@pytest.mark.parametrize("seed", range(3))
def test_batch_and_live_contexts_are_the_same(seed: int, kind: str) -> None:
    """Every value of every match, from columns of each kind and from shuffled arrivals."""
    table = random_events(random.Random(seed), 250)
    schema: dict[str, Any] = dict(SCHEMA)
    if kind == "sequence":
        schema["sequence"] = "n"
    if kind == "sessionizer":
        del schema["session"]
        schema["sessionizer"] = {"by": "user", "inactivity": "5m", "max": "30m"}
    history = History(table, schema)
    needs = {
        stream.name: Needs(
            {0: PATHS, len(stream.positive_steps) - 1: PATHS[:4]},
            ("user.email", "session.n"),
            session_facts=True,
            session_last=PATHS,
        )
        for stream in STREAMS
    }
    batch = {
        match_id: context
        for stream in STREAMS
        for match_id, context in contexts(stream, history, needs[stream.name]).items()
    }
    matcher = Matcher(
        STREAMS,
        history,
        allowed_lateness="5m",
        now=lambda: START + timedelta(days=2),
        needs=needs,
    )
    live = {}
    for events, positions in arrivals(
        history, matcher.intake.columns, shuffle=300_000_000, seed=seed
    ):
        for match in matcher.push_many(events, positions):
            live[match.match_id] = match.context
    for match in matcher.flush():
        live[match.match_id] = match.context
    assert len(batch) > 50
    assert sum(context.session is not None for context in batch.values()) > 40
    assert live.keys() == batch.keys()
    for match_id, context in batch.items():
        assert live[match_id] == context


def test_events_that_came_as_json(tmp_path: FilePath) -> None:
    """The same reader takes what a live source made of JSON: text times, plain numbers, objects."""
    table = random_events(random.Random(9), 60)
    table = table.set_column(table.column_names.index("ratio"), "ratio", pa.array([0.5] * 60))
    history = History(table, SCHEMA)
    reader = ContextReader(Needs({0: PATHS}), EventTypes.of(history))
    rows, _ = next(arrivals(history, history.columns.keys()))
    for row in rows:
        as_json = {name: to_json(value) for name, value in row.items()}
        as_json["props"] = row["props"]
        assert reader.of_step(0, as_json) == reader.of_step(0, row)


ODD = st.one_of(
    st.sampled_from([object(), b"x", {1, 2}, float("nan"), Decimal("NaN"), Decimal("sNaN"), date.max, datetime.min, 1j, "\ud800", 2**9000]),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.datetimes(),
    st.decimals(),
)  # fmt: skip
ANYTHING = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.text(max_size=2), st.integers(), st.none()), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
TYPED = EventTypes.of(History(random_events(random.Random(1), 5), SCHEMA))
UNTYPED = EventTypes(Schema(time="time", name="event", json=["props"]))


@example({"ratio": Decimal("sNaN")})
@given(st.dictionaries(st.sampled_from([path.split(".")[0] for path in PATHS]), ANYTHING))
def test_any_event_reads_as_json_or_as_nothing(event: dict[str, Any]) -> None:
    """Whatever a live event holds: values that a body can be written of, never an error."""
    needs = Needs({0: PATHS}, ("user.email", "session.n"), session_last=PATHS)
    for types in (TYPED, UNTYPED):
        reader = ContextReader(needs, types)
        found = [reader.of_step(0, event), reader.of_firing(event), reader.of_last(event)]
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        assert all(value is not None for values in found for value in values.values())
