"""Each preset asks the same of its rows as a schema written by hand, and finds itself."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import streamkit
from streamkit.events.presets import PRESETS
from tests.events.conftest import REALDATA

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def stream(name_path: str, first: str, second: str, **where: Any) -> streamkit.Stream:
    """Two steps in a session; the second narrowed by friendly names or their paths."""
    return streamkit.Stream.from_dict(
        {
            "name": "s",
            "steps": [{"event": first}, {"event": second, "where": where}],
            "within": "1h",
            "frequency": "every",
        }
    )


def matches(
    asked: streamkit.Stream, source: Any, schema: streamkit.Schema | dict[str, Any]
) -> pl.DataFrame:
    found = streamkit.backtest(asked, streamkit.History(source, schema), now=NOW).matches
    return found.drop("match_id", "version")


FULLSTORY = pl.DataFrame(
    [
        {
            "event_id": f"e{n}",
            "event_time": at(n),
            "processed_time": at(n + 60),
            "updated_time": at(n + 61),
            "device_id": device,
            "session_id": session,
            "view_id": 1,
            "event_type": kind,
            "event_properties": json.dumps(properties),
            "source_type": "web",
            "source_properties": json.dumps(
                {
                    "user_agent": {"browser": browser, "browser_version": "131.0", "device": "Desktop"},
                    "location": {"country": "DE"},
                    "url": {"full_url": "https://shop.example/checkout"},
                }
            ),
        }
        for n, (device, session, kind, browser, properties) in enumerate(
            [
                (11, 1, "navigate", "Chrome", {}),
                (1, 11, "navigate", "Chrome", {}),
                (11, 1, "identify", "Chrome", {"user_email": "a@example.com", "user_id": "u1"}),
                (11, 1, "custom", "Chrome", {"event_name": "promo", "custom_properties": {"accepted": True, "promo_code": "X1"}}),
                (1, 11, "custom", "Firefox", {"event_name": "promo", "custom_properties": {"accepted": False}}),
                (1, 11, "custom", "Chrome", {"event_name": "promo", "custom_properties": {"accepted": True}}),
            ]
        )
    ]
)  # fmt: skip
FULLSTORY_EXPORT = pl.DataFrame(
    [
        {
            "EventStart": at(n).isoformat(),
            "EventType": kind,
            "EventCustomName": "promo" if kind == "custom" else None,
            "UserId": user,
            "SessionId": session,
            "PageId": 1,
            "IndvId": 7,
            "PageUrl": "https://shop.example/checkout",
            "PageBrowser": browser,
            "PageBrowserVersion": "131.0",
            "PageName": "Checkout",
            "UserEmail": "a@example.com",
            "UserAppKey": "u1",
            "evt_accepted_bool": accepted,
            "EventSessionUrl": "https://app.fullstory.com/ui/O/session/11:1",
        }
        for n, (user, session, kind, browser, accepted) in enumerate(
            [
                (11, 1, "navigate", "Chrome", None),
                (1, 11, "navigate", "Chrome", None),
                (11, 1, "custom", "Chrome", True),
                (1, 11, "custom", "Firefox", False),
            ]
        )
    ]
)
SEGMENT = pl.DataFrame(
    {
        "id": ["m1", "m2", "m3", "m4"],
        "anonymous_id": ["a", "a", "a", "b"],
        "user_id": [None, "u", "u", None],
        "event": ["product_viewed", "order_completed", "order_completed", "order_completed"],
        "event_text": ["Product Viewed", "Order Completed", "Order Completed", "Order Completed"],
        "timestamp": [at(0), at(20), at(90), at(20)],
        "received_at": [at(1), at(21), at(91), at(21)],
        "sent_at": [at(0), at(20), at(90), at(20)],
        "original_timestamp": [at(0), at(20), at(90), at(20)],
        "context_page_url": ["https://a.example/p", "https://a.example/done", "x", "y"],
        "context_campaign_source": ["mail", "mail", None, None],
    }
)
SEGMENT_RAW = pl.DataFrame(
    {
        "messageId": ["m1", "m2", "m3"],
        "anonymousId": ["a", "a", "b"],
        "userId": [None, "u", None],
        "type": ["track"] * 3,
        "event": ["Product Viewed", "Order Completed", "Order Completed"],
        "timestamp": [at(0).isoformat(), at(20).isoformat(), at(20).isoformat()],
        "receivedAt": [at(1).isoformat()] * 3,
        "properties": ['{"sku": "A"}', '{"total": 12.5}', "{}"],
        "context": ['{"page": {"url": "https://a.example/p"}}'] * 3,
    }
)
GA4_PARAMS = pa.list_(
    pa.struct(
        {
            "key": pa.string(),
            "value": pa.struct(
                {
                    "string_value": pa.string(),
                    "int_value": pa.int64(),
                    "float_value": pa.float64(),
                    "double_value": pa.float64(),
                }
            ),
        }
    )
)


def ga4_params(session: int, url: str) -> list[dict[str, Any]]:
    return [
        {"key": "ga_session_id", "value": {"int_value": session}},
        {"key": "page_location", "value": {"string_value": url}},
    ]


GA4 = pa.table(
    {
        "event_date": ["20260301"] * 4,
        "event_timestamp": [int(at(n).timestamp() * 1e6) for n in (0, 5, 6, 7)],
        "event_name": ["page_view", "purchase", "purchase", "page_view"],
        "event_params": pa.array(
            [
                ga4_params(1, "https://a.example/"),
                ga4_params(1, "https://a.example/done"),
                ga4_params(2, "https://a.example/done"),
                ga4_params(2, "https://a.example/"),
            ],
            GA4_PARAMS,
        ),
        "user_pseudo_id": ["p", "p", "p", "p"],
        "user_id": pa.array([None] * 4, pa.string()),
        "geo": [{"country": "Germany", "city": "Berlin"}] * 4,
        "device": [{"category": "mobile", "web_info": {"browser": "Chrome"}}] * 4,
    }
)
POSTHOG = pl.DataFrame(
    {
        "uuid": ["1", "2", "3"],
        "event": ["$pageview", "paid", "paid"],
        "distinct_id": ["d"] * 3,
        "person_id": ["p"] * 3,
        "properties": [
            json.dumps({"$session_id": s, "$browser": b, "$current_url": "https://a.example/"})
            for s, b in (("s1", "Chrome"), ("s1", "Chrome"), ("s2", "Chrome"))
        ],
        "person_properties": ['{"email": "a@example.com"}'] * 3,
        "timestamp": [at(0), at(1), at(2)],
        "created_at": [at(1)] * 3,
    }
)
AMPLITUDE = pl.DataFrame(
    {
        "uuid": ["1", "2", "3"],
        "event_type": ["visit", "paid", "paid"],
        "event_time": [f"2026-03-01 10:0{n}:00.000000" for n in range(3)],
        "session_id": [1772359200000] * 3,
        "user_id": ["u", "u", "v"],
        "amplitude_id": [5, 5, 6],
        "device_id": ["d", "d", "e"],
        "event_properties": ['{"plan": "pro"}'] * 3,
        "user_properties": ['{"email": "a@example.com"}'] * 3,
        "country": ["Germany"] * 3,
        "os_name": ["ios"] * 3,
    }
)
MIXPANEL = pl.DataFrame(
    {
        "event_name": ["visit", "paid", "paid"],
        "distinct_id": ["d", "d", "e"],
        "device_id": ["x", "x", "y"],
        "user_id": ["u", "u", None],
        "insert_id": ["1", "2", "3"],
        "time": [at(0), at(1), at(2)],
        "properties": ['{"$browser": "Chrome", "$city": "Berlin"}'] * 3,
    }
)
MIXPANEL_RAW = pl.DataFrame(
    {
        "event": ["visit", "paid", "paid"],
        "properties": [
            json.dumps(
                {"time": int(at(n).timestamp()), "distinct_id": d, "$insert_id": str(n),
                 "$browser": "Chrome"}
            )
            for n, d in ((0, "d"), (1, "d"), (2, "e"))
        ],
    }
)  # fmt: skip

CASES: dict[str, tuple[str, Any, dict[str, Any], tuple[str, str], dict[str, Any], dict[str, Any], int]] = {
    # preset, rows, schema by hand (the session of several columns as one), first and second
    # event, criteria by friendly names, the same by paths, matches
    "fullstory": (
        "fullstory",
        FULLSTORY,
        {"time": "event_time", "name": "event_type", "session": "whole", "user": "device_id",
         "id": "event_id", "json": ["event_properties", "source_properties"]},
        ("navigate", "custom"),
        {"ua_browser": "Chrome", "custom_properties.accepted": True, "country": "DE"},
        {"source_properties.user_agent.browser": "Chrome",
         "event_properties.custom_properties.accepted": True,
         "source_properties.location.country": "DE"},
        2,
    ),
    "fullstory_export": (
        "fullstory_export",
        FULLSTORY_EXPORT,
        {"time": "EventStart", "name": "EventType", "session": "whole", "user": "IndvId"},
        ("navigate", "custom"),
        {"ua_browser": "Chrome", "custom_properties.accepted": True, "page_name": "Checkout"},
        {"PageBrowser": "Chrome", "evt_accepted_bool": True, "PageName": "Checkout"},
        1,
    ),
    "segment": (
        "segment",
        SEGMENT,
        {"time": "timestamp", "name": "event", "user": "anonymous_id", "id": "id",
         "sessionizer": {"by": "anonymous_id", "inactivity": "30m"}},
        ("product_viewed", "order_completed"),
        {"url": "https://a.example/done", "utm_source": "mail"},
        {"context_page_url": "https://a.example/done", "context_campaign_source": "mail"},
        1,
    ),
    "segment raw": (
        "segment",
        SEGMENT_RAW,
        {"time": "timestamp", "name": "event", "user": "anonymousId", "id": "messageId",
         "sessionizer": {"by": "anonymousId", "inactivity": "30m"},
         "json": ["properties", "context"]},
        ("Product Viewed", "Order Completed"),
        {"url": "https://a.example/p", "properties.total": {"gt": 10}},
        {"context.page.url": "https://a.example/p", "properties.total": {"gt": 10}},
        1,
    ),
    "ga4": (
        "ga4",
        GA4,
        {"time": "event_timestamp", "name": "event_name", "session": "whole",
         "user": "user_pseudo_id", "time_unit": "us"},
        ("page_view", "purchase"),
        {"url": {"ends_with": "/done"}, "country": "Germany", "browser": "Chrome"},
        {"event_params.page_location.string_value": {"ends_with": "/done"},
         "geo.country": "Germany", "device.web_info.browser": "Chrome"},
        1,
    ),
    "posthog": (
        "posthog",
        POSTHOG,
        {"time": "timestamp", "name": "event", "session": "properties.$session_id",
         "user": "person_id", "id": "uuid", "json": ["properties", "person_properties"]},
        ("$pageview", "paid"),
        {"browser": "Chrome", "email": "a@example.com"},
        {"properties.$browser": "Chrome", "person_properties.email": "a@example.com"},
        1,
    ),
    "amplitude": (
        "amplitude",
        AMPLITUDE,
        {"time": "event_time", "name": "event_type", "session": "whole", "user": "amplitude_id",
         "id": "uuid", "json": ["event_properties", "user_properties"]},
        ("visit", "paid"),
        {"email": "a@example.com", "os": "ios"},
        {"user_properties.email": "a@example.com", "os_name": "ios"},
        1,
    ),
    "mixpanel": (
        "mixpanel",
        MIXPANEL,
        {"time": "time", "name": "event_name", "user": "distinct_id", "id": "insert_id",
         "sessionizer": {"by": "distinct_id", "inactivity": "30m"}, "json": ["properties"]},
        ("visit", "paid"),
        {"browser": "Chrome", "city": "Berlin"},
        {"properties.$browser": "Chrome", "properties.$city": "Berlin"},
        1,
    ),
    "mixpanel raw": (
        "mixpanel",
        MIXPANEL_RAW,
        {"time": "properties.time", "name": "event", "user": "properties.distinct_id",
         "id": "properties.$insert_id", "time_unit": "s",
         "types": {"properties.time": "integer"},
         "sessionizer": {"by": "properties.distinct_id", "inactivity": "30m"},
         "json": ["properties"]},
        ("visit", "paid"),
        {"browser": "Chrome"},
        {"properties.$browser": "Chrome"},
        1,
    ),
}  # fmt: skip
JOINED = {
    "fullstory": ("device_id", "session_id"),
    "fullstory_export": ("UserId", "SessionId"),
    "amplitude": ("amplitude_id", "session_id"),
}


def with_whole_session(name: str, rows: Any) -> Any:
    """The rows with the session's parts joined in a column, as the schema by hand reads it."""
    if name == "ga4":
        sessions = [
            f"{user.as_py()}:{params[0]['value']['int_value'].as_py()}"
            for user, params in zip(rows["user_pseudo_id"], rows["event_params"], strict=True)
        ]
        return rows.append_column("whole", pa.array(sessions))
    if name not in JOINED:
        return rows
    one, two = JOINED[name]
    return rows.with_columns(whole=pl.format("{}:{}", one, two))


@pytest.mark.parametrize("name", CASES)
def test_a_preset_asks_what_a_schema_by_hand_asks(name: str) -> None:
    """Same matches through friendly names as through columns and paths."""
    preset, rows, by_hand, (first, second), friendly, plain, count = CASES[name]
    got = matches(stream("", first, second, **friendly), rows, streamkit.Schema.preset(preset))
    wanted = matches(stream("", first, second, **plain), with_whole_session(name, rows), by_hand)
    assert_frame_equal(got, wanted)
    assert got.height == count


@pytest.mark.parametrize("name", [name for name in CASES if name != "mixpanel raw"])
def test_a_preset_finds_itself(name: str) -> None:
    """Without a schema the columns propose the preset, and the note says so."""
    preset, rows, *_ = CASES[name]
    history = streamkit.History(rows)
    assert history.schema.preset_name == preset
    assert PRESETS[preset].title in history.notes[0]
    assert f"preset {preset!r}" in history.notes[0]


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_a_warehouse_may_write_columns_in_any_case(change: Any) -> None:
    """Friendly names and roles find them; a schema file needs one line."""
    rows = FULLSTORY.rename({column: change(column) for column in FULLSTORY.columns})
    asked = stream("", "navigate", "custom", ua_browser="Chrome", event_type="custom")
    got = matches(asked, rows, streamkit.Schema.from_dict({"preset": "fullstory"}))
    assert got.height == 2
    assert got["key"].to_list() == [["11:1"], ["1:11"]]


FRIENDLY = (
    "ua_browser",
    "ua_browser_version",
    "event_time",
    "url",
    "page_name",
    "user_email",
    "custom_properties.accepted",
    "app_url_event",
    "device_id",
    "session_id",
)


@pytest.mark.parametrize("name", ["fullstory", "fullstory_export"])
@pytest.mark.parametrize("path", FRIENDLY)
def test_the_names_of_fullstorys_mapping_resolve(name: str, path: str) -> None:
    """Over the Warehouse's JSON and over the columns of Data Export."""
    history = streamkit.History(CASES[name][1], streamkit.Schema.preset(name))
    assert str(history.bind(path).path) == path


def test_a_catalogue_is_searched_by_friendly_names() -> None:
    """The path behind the name is found."""
    catalog = streamkit.History(FULLSTORY).catalog(now=NOW)
    assert catalog.friendly["ua_browser"] == "source_properties.user_agent.browser"
    paths = {found.path for found in catalog.search("ua_browser")}
    assert "source_properties.user_agent.browser" in paths


def test_sessions_of_two_columns_never_run_together() -> None:
    """A colon inside a part is marked, so that ("a:b", "c") and ("a", "b:c") differ."""
    rows = pl.DataFrame(
        {
            "time": [at(0), at(1), at(2), at(3)],
            "event": ["A", "B", "A", "B"],
            "device": ["a:b", "a", "x", "x"],
            "session": ["c", "b:c", "y", "y"],
        }
    )
    schema = streamkit.Schema(time="time", name="event", session=["device", "session"])
    got = matches(stream("", "A", "B"), rows, schema)
    assert got["key"].to_list() == [["x:y"]]


def test_a_row_without_a_part_of_the_session_has_none() -> None:
    """It is skipped and counted as any row without a key."""
    rows = FULLSTORY.with_columns(session_id=pl.lit(None, pl.Int64))
    result = streamkit.backtest(
        stream("", "navigate", "custom"),
        streamkit.History(rows, streamkit.Schema.preset("fullstory")),
        now=NOW,
    )
    assert result.summary["skipped"]["null_key"] == rows.height


def test_a_schema_file_adds_to_a_preset(tmp_path: Any) -> None:
    """Overrides take the place of the preset's roles; aliases and types are added."""
    file = tmp_path / "schema.yaml"
    file.write_text(
        "preset: fullstory\nuser: event_properties.user_id\n"
        "aliases: {promo: event_properties.custom_properties.promo_code}\n"
    )
    schema = streamkit.Schema.from_file(file)
    assert schema.user == "event_properties.user_id"
    assert schema.session == ("device_id", "session_id")
    assert streamkit.Schema.from_dict(schema.to_dict()) == schema
    asked = stream("", "navigate", "custom", promo="X1", ua_browser="Chrome")
    assert matches(asked, FULLSTORY, schema).height == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"preset": "fulstory"}, "did you mean 'fullstory'"),
        ({"preset": "fullstory", "tme": "x"}, "unknown key 'tme'"),
        ({"preset": "fullstory", "aliases": ["a"]}, "aliases maps names to paths"),
        ({"preset": "fullstory", "aliases": {"a": "b..c"}}, "a path has no empty segment"),
        ({"time": "t", "name": "n", "session": []}, "no list of different columns"),
        ({"time": "t", "name": "n", "session": ["a", "a"]}, "no list of different columns"),
        ({"time": "t", "name": "n", "session": ["a", 3]}, "is not a column name"),
    ],
)
def test_a_wrong_preset_says_what_is_wrong(data: dict[str, Any], words: str) -> None:
    """And the nearest right word."""
    with pytest.raises(streamkit.EventsError, match=words):
        streamkit.Schema.from_dict(data)


def test_a_preset_that_does_not_fit_names_the_one_that_does() -> None:
    """Warehouse rows read as Data Export."""
    with pytest.raises(streamkit.EventsError, match="write 'preset: fullstory'"):
        streamkit.History(FULLSTORY, streamkit.Schema.preset("fullstory_export"))


def test_a_column_wins_over_an_alias() -> None:
    """And an alias that stands for nothing there names what it would stand for."""
    rows = FULLSTORY.with_columns(url=pl.lit("mine"))
    history = streamkit.History(rows, streamkit.Schema.preset("fullstory"))
    assert history.bind("url").column == "url"
    rows = FULLSTORY_EXPORT.drop("PageBrowser")
    history = streamkit.History(rows, streamkit.Schema.preset("fullstory_export"))
    with pytest.raises(streamkit.EventsError, match="'ua_browser' stands for 'PageBrowser'"):
        history.bind("ua_browser")


needs_realdata = pytest.mark.skipif(
    not REALDATA.exists(), reason="the sets of real data lie beside the repository, not in it"
)


@needs_realdata
def test_fullstory_on_the_vendors_seed_rows() -> None:
    """Repeated ids, late rows, JSON: an identify after another event of its session."""
    with (REALDATA / "fullstory_schema_fixture" / "events_seed.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["session_id"]]
    history = streamkit.History(
        REALDATA / "fullstory_schema_fixture" / "events_seed.csv",
    )
    assert history.schema.preset_name == "fullstory"
    by_hand = pl.DataFrame(rows).with_columns(whole=pl.format("{}:{}", "device_id", "session_id"))
    schema = {
        "time": "event_time", "name": "event_type", "session": "whole", "user": "device_id",
        "id": "event_id", "json": ["event_properties", "source_properties"],
    }  # fmt: skip
    for friendly, plain in (
        ({"user_email": {"exists": True}}, {"event_properties.user_email": {"exists": True}}),
        ({"ua_browser": "good_browser"},
         {"source_properties.user_agent.browser": "good_browser"}),
        ({"url": {"contains": "url_path"}},
         {"source_properties.url.full_url": {"contains": "url_path"}}),
    ):  # fmt: skip
        asked, plain_asked = (
            streamkit.Stream.from_dict({"name": "s", "steps": [{"where": w}], "frequency": "every"})
            for w in (friendly, plain)
        )
        got, wanted = (
            streamkit.backtest(asked, history, now=NOW).matches.drop("match_id", "version"),
            matches(plain_asked, by_hand, schema),
        )  # fmt: skip
        assert got.height > 0
        assert_frame_equal(got, wanted)


@needs_realdata
def test_snowplow_on_rows_the_vendor_published() -> None:
    """The question of the known faults, asked through friendly names."""
    file = REALDATA / "snowplow_web_edge_cases" / "events.parquet"
    agents = "contexts_com_snowplowanalytics_snowplow_ua_parser_context_1_0_0"
    history = streamkit.History(file)
    assert history.schema.preset_name == "snowplow"
    asked = {
        "name": "s",
        "steps": [
            {"event": "page_view"},
            {"where": {"event_name": {"not_in": ["page_view", "cmp_visible"]}}},
        ],
        "within": "1h",
        "frequency": "every",
    }
    friendly = streamkit.Stream.from_dict({**asked, "where": {"browser": "Chrome"}})
    plain = streamkit.Stream.from_dict(
        {**asked, "where": {f"{agents}.0.useragentFamily": "Chrome"}}
    )
    schema = {
        "time": "derived_tstamp", "name": "event_name", "session": "domain_sessionid",
        "user": "domain_userid", "id": "event_id", "json": [agents],
    }  # fmt: skip
    got = streamkit.backtest(friendly, history, now=NOW).matches.drop("match_id", "version")
    assert got.height > 10
    assert_frame_equal(got, matches(plain, file, schema))
