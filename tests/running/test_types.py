"""Types: what a value is cast to, in live events as in files."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from streamkit import History, Schema
from streamkit.events.types import Kind
from streamkit.running import verify
from tests.running.examples import START, a_then_b, event, matcher

SOURCES = ['1', '1.0', '1.50', '-0', '0', '1e2', '1e21', '1e-7', '9007199254740993', '"1"', '"1.0"', '"x"',
           '"true"', 'true', 'false', '""', '"2026-01-01T00:00:00Z"', '"2026-01-01 00:00:00.5+01:00"', 'null',
           '[1, "2"]', '{"a": 1}', '1e400', '18446744073709551616', '"1e2"', '12345678901234567890123']  # fmt: skip
COLUMNS: dict[str, pa.Array] = {
    "text": pa.array(["1", "1.0", "1.50", "x", "true", "", "2026-01-01T00:00:00Z", "-0", "1e2", "é", None]),
    "whole": pa.array([1, 0, -1, 2**53 + 1, None], pa.int64()),
    "double": pa.array([1.0, 0.1, -0.0, 1e20, 1e21, 1e-7, float("nan"), float("inf"), None], pa.float64()),
    "single": pa.array([1.0, 0.1, 16777216.0, None], pa.float32()),
    "decimal": pa.array([Decimal("1.0000"), Decimal("1.5000"), Decimal("0.0000"), None], pa.decimal128(18, 4)),
    "flag": pa.array([True, False, None]),
    "moment": pa.array([START, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), None], pa.timestamp("us", "UTC")),
    "day": pa.array([date(2026, 1, 1), date(1, 1, 1), None]),
    "doc": pa.array([f'{{"p": {source}}}' for source in SOURCES] + [None]),
}  # fmt: skip
CRITERIA = [
    {"exists": True}, 1, 0, {"gt": 0.5}, {"lte": 1.5}, {"gte": 2**53}, "1", "1.0", {"contains": "1"}, True, False,
    {"eq": {"time": "2026-01-01T00:00:00Z"}}, {"lt": {"time": "2026-06-01T00:00:00Z"}}, {"in": [100, "100", "100.0", "1e21"]},
    {"starts_with": "2026-01-01T00:00:00.000000Z"}, {"ne": 1}, {"matches": "^1(e|0)"},
]  # fmt: skip


def table_of(column: str) -> pa.Table:
    """A session for each value."""
    values = COLUMNS[column]
    return pa.table(
        {
            "at": pa.array([START] * len(values), pa.timestamp("us", "UTC")),
            "event": pa.array(["A"] * len(values)),
            "sid": pa.array([f"s{number}" for number in range(len(values))]),
            column: values,
        }
    )


@pytest.mark.parametrize("cast", ["none", "text", "integer", "number", "boolean", "time"])
@pytest.mark.parametrize("column", COLUMNS)
def test_casts_mean_the_same_live(column: str, cast: str):
    """Every declared type on every kind of column: criteria, key parts, and what is found."""
    path = "doc.p" if column == "doc" else column
    schema = Schema(
        time="at", name="event", session="sid",
        json=["doc"] if column == "doc" else [],
        types={} if cast == "none" else {path: cast},
    )  # fmt: skip
    streams = [
        a_then_b(name=f"c{number}", steps=[{"event": "A", "where": {path: criterion}}], within=None)
        for number, criterion in enumerate(CRITERIA)
    ]
    if cast not in ("none", "number") or column in (
        "text",
        "whole",
        "flag",
        "moment",
        "day",
        "doc",
    ):
        streams.append(
            a_then_b(name="key", per=["session", path], steps=[{"event": "A"}], within=None)
        )
    table = table_of(column)
    if (column, cast) == (
        "doc",
        "text",
    ):  # a number beyond all doubles keeps its digits in SQL only
        table = table.filter([source != "1e400" for source in SOURCES] + [True])
    found = verify(streams, History(table, schema), now=START)
    assert found.identical, str(found)
    assert found.matches.height > 0


def live_criteria(history: History, events: list[dict[str, Any]], criterion: Any) -> int:
    stream = a_then_b(steps=[{"event": "A", "where": {"p": criterion}}], within=None)
    running = matcher(stream, schema=history)
    return len(running.push_many(events) + running.flush())


FITTING = [
    (pa.int64(), 5, [5.0, "5", Decimal("5.00")], [5.5, "x", True, 2**70]),
    (pa.float64(), 5.0, [5, "5", Decimal(5)], ["x", True, [5.0]]),
    (pa.float32(), 5.0, [5, "5"], [1e300]),
    (pa.decimal128(6, 2), Decimal("5.00"), [5, 5.0, "5", 5.001], [10**9, "x"]),
    (pa.string(), "5", [5], [[5], {"a": 5}]),
    (pa.bool_(), True, ["true"], [1, "yes"]),
    (pa.timestamp("us", "UTC"), START, ["2026-01-01T00:00:00Z", "2026-01-01 01:00:00+01:00"], ["2026-01-01", 5]),
    (pa.date32(), START.date(), ["2026-01-01"], ["x", 5]),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value", "same", "missing"), FITTING, ids=str)
def test_a_live_value_is_cast_to_its_column(
    type_: pa.DataType, value: Any, same: list[Any], missing: list[Any]
):
    """What JSON could write of a column's value counts as that value; what does not fit is missing."""
    table = pa.table({"at": [START], "event": ["A"], "sid": ["s"], "p": pa.array([value], type_)})
    history = History(table, Schema(time="at", name="event", session="sid"))
    operand = {"time": START.isoformat().replace("+00:00", "Z")}
    is_time = history.columns["p"].kind in (Kind.TIMESTAMP, Kind.DATE)
    wanted = operand if is_time else float(value) if isinstance(value, Decimal) else value
    for live in [value, *same]:
        assert live_criteria(history, [event("A", 0, p=live)], wanted) == 1, live
    for live in missing:
        assert live_criteria(history, [event("A", 0, p=live)], {"exists": False}) == 1, live


def test_json_bytes_mean_what_a_mapping_means():
    """Times as text, a document as text or as the object it is."""
    stream = a_then_b(where={"props.p": {"gt": 1}})
    for props in ('{"p": 2}', {"p": 2}):
        running = matcher(stream)
        for name, second in (("A", 0), ("B", 1)):
            at = f"2026-01-01T00:00:0{second}Z"
            running.push(json.dumps({"at": at, "event": name, "sid": "s", "props": props}).encode())
        assert len(running.flush()) == 1


def test_structs_maps_and_pairs_are_read_as_files_have_them():
    """A map may come as an object, as pairs, or as GA4 writes it."""
    pairs = pa.list_(pa.struct({"key": pa.string(), "value": pa.struct({"n": pa.int64()})}))
    table = pa.table(
        {
            "at": [START], "event": ["A"], "sid": ["s"],
            "p": pa.array([[{"key": "k", "value": {"n": 1}}]], pairs),
            "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )  # fmt: skip
    history = History(table, Schema(time="at", name="event", session="sid"))
    stream = a_then_b(steps=[{"event": "A", "where": {"p.k.n": 1, "m.k": 1}}], within=None)
    for p in ([{"key": "k", "value": {"n": 1}}], {"k": {"n": 1}}):
        for m in ({"k": 1}, [("k", 1)], [{"key": "k", "value": 1}]):
            running = matcher(stream, schema=history)
            running.push(event("A", 0, p=p, m=m))
            assert len(running.flush()) == 1, (p, m)


def test_a_session_of_several_columns_is_one_text():
    """Joined by colons, those of its own marked; missing where a part is."""
    table = pa.table(
        {
            "at": [START] * 5,
            "event": ["A"] * 5,
            "device": ["d", "d:1", "d", None, "d\\"],
            "visit": pa.array([1, 2, None, 3, 4], pa.int64()),
        }
    )
    schema = Schema(time="at", name="event", session=("device", "visit"))
    stream = a_then_b(steps=[{"event": "A"}], within=None)
    found = verify(stream, History(table, schema), now=START)
    assert found.identical, str(found)
    assert found.matches.height == 3


def test_a_time_column_with_a_declared_type_is_read_by_it():
    """Text that `types:` calls a time; what is none is counted as unparsable."""
    table = pa.table(
        {"at": ["2026-01-01T00:00:00Z", "soon", None], "event": ["A"] * 3, "sid": ["a", "b", "c"]}
    )
    schema = Schema(time="at", name="event", session="sid", types={"at": "time"})
    found = verify(a_then_b(steps=[{"event": "A"}], within=None), History(table, schema), now=START)
    assert found.identical, str(found)
    assert found.stats.skipped == {"null_time": 1, "unparsable_time": 1}


def test_friendly_names_mean_the_same_live():
    """An alias of the schema stands for its path in files and in live events alike."""
    table = pa.table({"at": [START], "event": ["A"], "sid": ["s"], "evt_price_num": [5]})
    schema = Schema(time="at", name="event", session="sid", aliases={"props.*": ["evt_*_num"]})
    stream = a_then_b(steps=[{"event": "A", "where": {"props.price": 5}}], within=None)
    assert verify(stream, History(table, schema), now=START).matches.height == 1
    running = matcher(stream, schema=schema)
    running.push(event("A", 0, evt_price_num=5))
    assert len(running.flush()) == 1
