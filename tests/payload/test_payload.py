"""Payloads: forms, missing values, numbers as they are, the same bytes every time."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from streamkit import History, PayloadError, Schema, Stream
from streamkit.definition.payload_templates import TEMPLATES
from streamkit.events.presets import PRESETS
from streamkit.matching.contexts import Context, Needs
from streamkit.payload import compile_payload, render
from streamkit.running.event_types import EventTypes

from .examples import CONTEXT, MATCH, body_of, evaluate, shown, stream_of

FULLSTORY_MAPPING: dict[str, Any] = {
    "browser_info_array": ["list", ["var", "event.0.ua_browser"], ["var", "event.0.ua_browser_version"]],
    "event_time": ["var", "event.0.event_time"],
    "event_time_unix_ts": ["toUnixTimestamp", ["var", "event.0.event_time"]],
    "promo_applied_info": {
        "promo_accepted": ["var", "event.0.custom_properties.accepted"],
        "promo_code": ["var", "event.0.custom_properties.promo_code"],
    },
    "session_id_for_server_api": ["concat", ["var", "event.0.device_id"], "%3A", ["var", "event.0.session_id"]],
}  # fmt: skip
FULLSTORY_BODY = {
    "browser_info_array": ["Chrome", "121.0"],
    "event_time": "2026-03-01T10:00:00.000005Z",
    "event_time_unix_ts": 1772359200,
    "promo_applied_info": {"promo_accepted": True, "promo_code": "SPRING"},
    "session_id_for_server_api": "9007199254740993%3A4611686018427387904",
}
TIME = datetime(2026, 3, 1, 10, 0, 0, 5)
PROMO = '{"accepted": true, "promo_code": "SPRING"}'


def test_a_mapping_written_for_fullstory_on_plain_columns() -> None:
    """It works unchanged, and `strict: fullstory` has nothing against it."""
    events = pl.DataFrame(
        {
            "event_time": [TIME],
            "event_type": ["custom"],
            "device_id": [9007199254740993],
            "session_id": [4611686018427387904],
            "ua_browser": ["Chrome"],
            "ua_browser_version": ["121.0"],
            "custom_properties": [PROMO],
        }
    )
    schema = {
        "time": "event_time",
        "name": "event_type",
        "session": "session_id",
        "json": ["custom_properties"],
    }
    stream = Stream(
        "promo",
        [{"event": "custom"}],
        payload={"json": FULLSTORY_MAPPING, "strict": "fullstory"},
    )
    rendering = render(stream, History(events, schema))
    assert json.loads(rendering.rendered[0].text) == FULLSTORY_BODY
    assert list(json.loads(rendering.rendered[0].text)) == list(FULLSTORY_MAPPING)


def test_a_mapping_written_for_fullstory_on_its_warehouse() -> None:
    """The same mapping over the warehouse's columns: friendly names lead to them."""
    agent = {"user_agent": {"browser": "Chrome", "browser_version": "121.0"}}
    events = pl.DataFrame(
        {
            "event_id": ["e1"],
            "event_time": [TIME],
            "event_type": ["custom"],
            "device_id": [9007199254740993],
            "session_id": [4611686018427387904],
            "event_properties": [json.dumps({"custom_properties": json.loads(PROMO)})],
            "source_properties": [json.dumps(agent)],
        }
    )
    stream = Stream("promo", [{"event": "custom"}], payload={"json": FULLSTORY_MAPPING})
    rendering = render(stream, History(events, {"preset": "fullstory"}))
    assert "fullstory" in PRESETS
    assert json.loads(rendering.rendered[0].text) == FULLSTORY_BODY


def test_fields_make_a_flat_object() -> None:
    """A row each, in order; without a step the property is a path of the context."""
    fields = [
        {"step": 0, "property": "sku", "as": "sku"},
        {"step": "last", "property": "price", "as": "last price"},
        {"property": "user.email", "as": "mail"},
        {"step": 0, "property": "coupon", "as": "coupon"},
    ]
    payload = compile_payload(stream_of({"fields": fields}))
    assert payload.render(MATCH, CONTEXT).content == (
        b'{"sku":" Ab-12 ","last price":5,"mail":"ada@example.com","coupon":null}'
    )
    omitting = compile_payload(stream_of({"fields": fields, "missing": "omit"}))
    assert "coupon" not in shown(omitting.render(MATCH, CONTEXT))


def test_what_becomes_of_missing_values() -> None:
    """`as_null` writes null, `omit` leaves the key out; in an array places count, so it is null."""
    mapping = {
        "a": ["var", "event.0.no"],
        "b": [["var", "event.0.no"], 1],
        "c": ["asNumber", "x"],
        "d": None,
    }
    assert shown(body_of(mapping)) == {"a": None, "b": [None, 1], "c": None, "d": None}
    assert shown(body_of(mapping, missing="omit")) == {"b": [None, 1], "d": None}
    assert shown(body_of({"a": {"b": ["var", "event.0.no"]}}, missing="omit")) == {"a": {}}


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ({"a": {"b": ["var", "event.0.no"]}}, "payload.json.a.b"),
        ({"a": [1, ["var", "event.0.no"]]}, "payload.json.a[1]"),
        ({"a": ["list", ["asNumber", "x"]]}, "payload.json.a[1]"),
        ({"a": ["asNumbers", ["list", "x"]]}, "payload.json.a"),
        (["var", "event.0.no"], "payload.json"),
    ],
)
def test_no_body_without_a_value(mapping: Any, place: str) -> None:
    """`missing: error` names the place; a default, a null that stands there and "" in concat are fine."""
    with pytest.raises(PayloadError) as caught:
        body_of(mapping, missing="error")
    assert (caught.value.code, caught.value.path) == ("missing-value", place)


def test_what_is_not_missing() -> None:
    """A default, a null that stands in the body, and what `concat` leaves empty are no errors."""
    mapping = {
        "a": ["var", "event.0.no", "x"],
        "b": None,
        "c": ["concat", ["var", "event.0.no"]],
        "d": ["coalesce", ["var", "event.0.no"], 1],
        "e": ["literal", [None]],
    }
    expected = {"a": "x", "b": None, "c": "", "d": 1, "e": [None]}
    assert shown(body_of(mapping, missing="error")) == expected


def test_large_integers_are_written_as_they_are() -> None:
    """64 bits and more, in and out of documents; a double keeps its shortest digits."""
    numbers = [2**63, -(2**63), 9007199254740993, 10**30, 0.1, 1e21]
    context = Context(({"n": numbers, "one": 2**64 - 1},))
    assert body_of(["var", "event.0.n"], context).content == (
        b"[9223372036854775808,-9223372036854775808,9007199254740993,"
        b"1000000000000000000000000000000,0.1,1e+21]"
    )
    assert evaluate(["var", "event.0.one"], context) == 2**64 - 1


def test_bytes_are_the_same_every_time() -> None:
    """Compact UTF-8 in the order of the definition; compiled anew they are the same."""
    mapping = {"é": ["var", "event.0.address"], "a": '\u2028\x00"\\', "t": ["var", "event.0.tags"]}
    first = body_of(mapping)
    assert first.content == (
        '{"é":{"city":"Zürich"},"a":"\u2028\\u0000\\"\\\\","t":["new","sale"]}'.encode()
    )
    assert all(body_of(mapping) == first for _ in range(3))


def test_a_match_may_be_a_row_or_a_match() -> None:
    """Both say the same: times as datetimes or as microseconds."""
    from streamkit.running import Match

    match = Match("s", "v", "id1", ("k",), "s1", "u1", 1_000_000, 2_500_000, 3_000_000, ())
    payload = compile_payload(
        stream_of(
            {
                "json": [
                    ["var", f"match.{fact}"]
                    for fact in ("id", "started_at", "fired_at", "duration")
                ]
                + [["var", "key"], ["var", "user.id"]]
            }
        )
    )
    expected = [
        "id1",
        "1970-01-01T00:00:01.000000Z",
        "1970-01-01T00:00:03.000000Z",
        1.5,
        ["k"],
        "u1",
    ]
    assert shown(payload.render(match, Context())) == expected
    assert shown(payload.render(match.to_row(), Context())) == expected


def test_what_a_payload_needs() -> None:
    """Each property once, by step; roles and facts of the match need nothing of the events."""
    mapping = {
        "a": ["var", "event.first.price", ["var", "event.1.sku"]],
        "b": [
            "if",
            ["eq", ["var", "event.0.price"], 1],
            ["var", "user.email"],
            ["var", "session.plan"],
        ],
        "c": [
            ["var", "user.id"],
            ["var", "session.id"],
            ["var", "key"],
            ["literal", ["var", "event.0.x"]],
        ],
        "d": ["var", 'session.last.props."a.b"'],
    }
    needs = compile_payload(stream_of({"json": mapping})).needs
    assert needs == Needs(
        {0: ("price",), 1: ("sku",)}, ("user.email", "session.plan"), False, ('props."a.b"',)
    )
    assert compile_payload(stream_of({"json": ["var", "session.duration"]})).needs.session_facts


def test_paths_are_checked_against_the_events() -> None:
    """All that the events lack at once, with places and near names; a default makes it optional."""
    events = pl.DataFrame(
        {"time": [TIME], "event": ["a"], "session_id": ["s"], "price": [1.0], "user_email": ["x"]}
    )
    mapping = {
        "a": ["var", "event.0.prise"],
        "b": ["var", "event.1.prise", None],
        "c": ["var", "user.email"],
        "d": ["var", "user.emial"],
        "e": ["var", "session.price"],
        "f": ["var", "session.last.prise"],
    }
    stream = stream_of({"json": mapping}, per="session")
    for columns in (History(events), EventTypes.of(History(events))):
        with pytest.raises(PayloadError) as caught:
            compile_payload(stream, columns)
        found = [(each.path, each.code, each.hint) for each in caught.value.problems]
        assert found == [
            ("payload.json.a[1]", "unknown-column", "did you mean 'price'?"),
            ("payload.json.d[1]", "unknown-column", "did you mean 'user_email'?"),
            ("payload.json.f[1]", "unknown-column", "did you mean 'price'?"),
        ]
    untyped = EventTypes(Schema(time="time", name="event"))
    assert compile_payload(stream, untyped).needs.steps == {0: ("prise",), 1: ("prise",)}


def test_the_default_is_the_generic_envelope() -> None:
    """A stream without a payload sends who, what and when."""
    stream = stream_of(None)
    body = shown(compile_payload(stream).render(MATCH, CONTEXT))
    assert body == {
        "name": stream.name,
        "timestamp": "2026-03-01T10:05:00.250000Z",
        "api_version": "v2",
        "signal_version": stream.version,
        "user": {"id": "u1", "uid": None, "email": "ada@example.com", "display_name": None},
    }
    assert set(body) == set(TEMPLATES["envelope"].mapping)
