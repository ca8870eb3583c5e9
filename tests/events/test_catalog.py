"""The catalogue's numbers, counted again by a slow loop; hostile names and values."""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import streamkit
from streamkit.cli import catalog as command
from streamkit.events.cataloguing import Catalog, EventEntry, PropertyEntry
from streamkit.events.cataloguing.entries import DISTINCT_BOUND, share_bound
from streamkit.events.cataloguing.showing import event_text
from streamkit.events.cataloguing.walking import value_text
from tests.events.conftest import REALDATA, ROOT, SHOP

NOW = datetime(2026, 4, 1, tzinfo=UTC)
Row = dict[str, Any]


def flat(value: Any, path: str, found: dict[str, list[Any]]) -> None:
    """The scalars below a value, by path: the loop's own reading of structs, lists and JSON."""
    if isinstance(value, dict):
        for key, item in value.items():
            flat(item, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for item in value:
            flat(item, path, found)
    elif value is not None:
        found[path].append(value)


def properties_of(row: Row, documents: tuple[str, ...]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for column, value in row.items():
        if column in documents and value is not None:
            try:
                flat(json.loads(value), column, found)
            except ValueError:
                continue
        else:
            flat(value, column, found)
    return found


def check_catalog(
    catalog: Catalog, rows: list[Row], schema: dict[str, Any], now: datetime = NOW
) -> int:
    """Compare everything with a loop over the rows; how many properties were compared."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_name[row[schema["name"]]].append(row)
    assert catalog.rows == len(rows)
    assert {entry.name: entry.count for entry in catalog.events} == {
        name: len(each) for name, each in by_name.items()
    }
    return sum(check_entry(entry, by_name[entry.name], schema, now) for entry in catalog.events)


def check_entry(entry: EventEntry, rows: list[Row], schema: dict[str, Any], now: datetime) -> int:
    times = [utc(row[schema["time"]]) for row in rows if row[schema["time"]] is not None]
    known = [time for time in times if time <= now + timedelta(days=1)]
    assert (entry.first, entry.last) == (min(known, default=None), max(known, default=None))
    assert entry.per_day == Counter(time.date() for time in known)
    if "session" in schema:
        sessions = len({row[schema["session"]] for row in rows} - {None})
        assert abs(entry.sessions - sessions) <= DISTINCT_BOUND * sessions + 1
    documents = tuple(schema.get("json", ()))
    seen: dict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        for path, values in properties_of(row, documents).items():
            seen[path].append(values)
    listed = {each.path: each for each in entry.properties}
    bound = 0.0 if entry.looked == entry.count else share_bound(entry.looked)
    for path, values in seen.items():
        if path not in listed:
            assert len(values) / len(rows) <= bound, path
            continue
        check_property(listed[path], values, len(rows), bound)
    assert set(listed) <= set(seen)
    return len(listed)


def check_property(entry: PropertyEntry, seen: list[list[Any]], rows: int, bound: float) -> None:
    filled = len(seen) / rows
    assert abs(entry.filled - filled) <= (bound if entry.sampled else 1e-9), entry.path
    values = Counter(shown(value) for each in seen for value in each)
    met = sum(values.values())
    if entry.sampled is None:
        limit = 0 if bound == 0.0 and len(values) < 10_000 else DISTINCT_BOUND * len(values) + 1
        assert abs(entry.distinct - len(values)) <= limit, entry.path
        numbers = [v for each in seen for v in each if isinstance(v, (int, float))]
        numbers = [v for v in numbers if not isinstance(v, bool) and math.isfinite(v)]
        if numbers and entry.type != "text" and " or " not in entry.type:
            assert (float(entry.low), float(entry.high)) == (min(numbers), max(numbers))
    else:
        assert entry.distinct <= len(values)
    for top in entry.top:
        if top.value in values:  # times are written in another way there
            limit = share_bound(entry.seen) if bound else 1e-9
            assert abs(top.share - values[top.value] / met) <= limit, (entry.path, top)


def utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def shown(value: Any) -> str:
    return value_text(value)


def test_the_shipped_shop_is_what_a_loop_counts() -> None:
    """A sample of it: all its days, every third file; events, days, JSON, structs, maps, lists."""
    files = sorted(SHOP.glob("*.parquet"))[::6]
    schema = {"time": "event_time", "name": "event_name", "session": "session_id",
              "user": "user_id", "id": "event_id", "json": ["properties"]}  # fmt: skip
    rows = []
    for file in files:
        rows += pl.read_parquet(file).to_dicts()
    for row in rows:  # maps come as lists of pairs
        for column in ("traits", "experiments"):
            pairs = row[column]
            if isinstance(pairs, list):
                row[column] = {pair["key"]: pair["value"] for pair in pairs}
    catalog = streamkit.History(files, schema).catalog(now=NOW)
    assert any(entry.looked < entry.count for entry in catalog.events)
    assert any(entry.looked == entry.count for entry in catalog.events)
    assert check_catalog(catalog, rows, schema) > 200


REAL = {
    "mobile_onboarding": {"time": "event_time", "name": "event_name", "session": "user_id"},
    "otto_sample": {"time": "event_time", "name": "event_name", "session": "session_id"},
    "uci_eshop_2008": {"time": "event_time", "name": "event_name", "session": "session_id"},
    "snowplow_web_edge_cases": {
        "time": "derived_tstamp",
        "name": "event_name",
        "session": "domain_sessionid",
        "json": ["contexts_com_snowplowanalytics_snowplow_ua_parser_context_1_0_0"],
    },
}


@pytest.mark.skipif(not REALDATA.exists(), reason="the sets of real data lie beside the repository")
@pytest.mark.parametrize("name", REAL)
def test_the_real_sets_are_what_a_loop_counts(name: str) -> None:
    """Histories that nobody here made."""
    file = REALDATA / name / "events.parquet"
    rows = pl.read_parquet(file).to_dicts()
    catalog = streamkit.History(file, REAL[name]).catalog(now=NOW)
    assert check_catalog(catalog, rows, REAL[name]) > 5


HOSTILE = [
    "<script>alert(1)</script>",
    "two\nlines\r\tand a tab",
    "\x1b[31mred\x1b[0m",
    "nul\x00inside",
    "\u202eright to left\u202c",
    "שלום عالم",
    "\"quoted\" and 'single' and `back`",
    "'; DROP TABLE events; --",
    "x" * 1_000_000,
    "",
    "🛒",
]


@pytest.fixture(scope="module")
def hostile() -> Catalog:
    """Each hostile text as an event's name, a value, a JSON key and a JSON value."""
    frame = pl.DataFrame(
        {
            "time": [NOW] * len(HOSTILE),
            "event": HOSTILE,
            "session_id": HOSTILE,
            "<b>col</b>\n": HOSTILE,
            "props": [json.dumps({text: text, "n": 1}) for text in HOSTILE],
        }
    )
    schema = {"time": "time", "name": "event", "session": "session_id", "json": ["props"]}
    return streamkit.History(frame, schema).catalog(now=NOW)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)


def test_hostile_names_and_values_survive_display_and_json(hostile: Catalog) -> None:
    """Escaped, cut, on one line; JSON gives them back."""
    assert {entry.name for entry in hostile.events} == set(HOSTILE)
    texts = [str(hostile), *(event_text(entry) for entry in hostile.events)]
    for text in texts:
        assert all(mark.isprintable() or mark == "\n" for mark in text)
        assert all(len(line) < 700 for line in text.splitlines())
    html = hostile._repr_html_()
    parser = Tags()
    parser.feed(html)
    assert parser.seen <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "details",
                           "summary"}  # fmt: skip
    assert len(html) < 200_000
    data = json.loads(json.dumps(hostile.to_dict()))
    assert sorted(event["name"] for event in data["events"]) == sorted(HOSTILE)
    assert all(
        len(top["value"]) <= 200
        for event in data["events"]
        for each in event["properties"]
        for top in each["top"]
    )


def test_search_finds_names_paths_and_values(hostile: Catalog) -> None:
    """Any part, whatever its case."""
    assert {"event", "value", "property"} <= {found.kind for found in hostile.search("SCRIPT")}
    assert [found.kind for found in hostile.search("עולם")] == []
    assert {found.path for found in hostile.search("props.n")} >= {"props.n"}


def test_defined_events_are_counted_beside_raw_ones() -> None:
    """With the flags of matching: counts equal those of a one-step stream without a rule."""
    from streamkit.definition.named import load_named
    from streamkit.matching.defined import with_defined

    history = streamkit.History(SHOP / "events_2026-03-01.parquet", ROOT / "data" / "schema.yaml")
    named = load_named(ROOT / "data" / "streams" / "events.yaml")
    catalog = with_defined(history.catalog(now=NOW), history, named)
    rows = pl.read_parquet(SHOP / "events_2026-03-01.parquet").to_dicts()
    counts = {entry.name: entry.count for entry in catalog.defined}
    active = {condition.event for condition in named["activity"].alternatives}
    assert counts["activity"] == sum(row["event_name"] in active for row in rows) > 5000
    assert counts["in_checkout"] == sum(
        r["event_name"] == "checkout_start"
        or (r["event_name"] == "page_view" and "/checkout" in (r["url"] or ""))
        for r in rows
    )
    assert catalog.search("hammers") == [] or catalog.search("rage_on_pay")[0].kind == "defined"
    assert "defined: activity" in str(catalog)


def test_a_name_of_every_row_is_cut_to_the_most_frequent() -> None:
    """More than 500 names: the rest are counted together."""
    frame = pl.DataFrame({"time": [NOW] * 1200, "event": [f"e{n % 700}" for n in range(1200)],
                          "session_id": ["s"] * 1200})  # fmt: skip
    catalog = streamkit.History(frame).catalog(now=NOW)
    assert len(catalog.events) == 500
    assert (catalog.other_names, catalog.other_rows) == (200, 200)
    assert catalog.events[0].count == 2


def test_what_is_no_number_and_no_time_is_counted_all_the_same() -> None:
    """Null names, unreadable times, NaN, decimals, dates, booleans and large integers."""
    frame = pl.DataFrame(
        {
            "time": ["2026-03-01T00:00:00Z", "yesterday", None, "2099-01-01T00:00:00Z"],
            "event": ["a", "a", None, "a"],
            "session_id": ["s", None, "s", "s"],
            "x": [math.nan, 1.5, math.inf, None],
            "d": [Decimal("1.50"), Decimal("2.25"), None, None],
            "day": [date(2026, 3, 1), None, None, None],
            "flag": [True, False, None, True],
            "big": [2**63 - 1, -(2**63), None, 0],
            "nothing": [None] * 4,
        }
    )
    schema = {"time": "time", "name": "event", "session": "session_id"}
    catalog = streamkit.History(frame, schema).catalog(now=NOW)
    assert {entry.name: entry.count for entry in catalog.events} == {"a": 3, None: 1}
    entry = catalog.event("a")
    assert entry.first == entry.last == datetime(2026, 3, 1, tzinfo=UTC)
    found = {each.path: each for each in entry.properties}
    assert (found["x"].low, found["x"].high) == (1.5, 1.5)
    assert (found["big"].low, found["big"].high) == (-(2**63), 2**63 - 1)
    assert found["d"].low == "1.50"
    assert "nothing" not in found
    json.dumps(catalog.to_dict())
    assert "2099" not in str(catalog) + event_text(entry).splitlines()[0]


def test_the_command_prints_text_json_findings_and_one_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The four forms of `streamkit catalog`."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    events = ["--events", str(SHOP / "events_2026-03-01.parquet"),
              "--schema", str(ROOT / "data" / "schema.yaml")]  # fmt: skip

    def printed(*words: str) -> str:
        assert command.run(parser.parse_args([*events, *words])) == 0
        return capsys.readouterr().out

    assert "page_view" in printed()
    assert json.loads(printed("--json"))["rows"] > 10_000
    assert "properties.error.code" in printed("--event", "checkout_error")
    assert "property" in printed("--search", "error.code")
    assert json.loads(printed("--search", "checkout", "--json"))[0]["kind"] == "event"
    assert "defined" in printed("--defined", str(ROOT / "data" / "streams" / "events.yaml"))
    with pytest.raises(streamkit.EventsError, match="did you mean 'checkout_error'"):
        printed("--event", "checkout_eror")


def test_a_catalogue_of_nothing_says_so(tmp_path: Path) -> None:
    """No rows, no events; nothing breaks."""
    frame = pl.DataFrame(schema={"time": pl.String, "event": pl.String, "session_id": pl.String})
    catalog = streamkit.History(frame).catalog()
    assert (catalog.rows, catalog.events) == (0, ())
    assert "0 rows" in str(catalog)
