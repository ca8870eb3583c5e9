"""`render`: the bodies of real matches, and a marked sample where nothing matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from streamkit import EventsError, History, PayloadError, Stream, backtest, load, render
from streamkit.matching.check import check_streams
from streamkit.payload import compile_payload, sample_context

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
EVENTS = pl.DataFrame(
    {
        "time": [START + timedelta(minutes=n) for n in range(6)],
        "event": ["cart", "error", "cart", "error", "cart", "page"],
        "session": ["s1", "s1", "s2", "s2", "s3", "s3"],
        "user": ["u1", "u1", None, None, "u3", "u3"],
        "price": [25, None, 10, None, 25, None],
        "props": ['{"code": "a", "n": 1}', '{"code": "b"}', "{", '{"code": "b", "n": null}', None, '{"page": "1"}'],
        "tags": [["x"], None, ["x", "y"], None, None, None],
    }
)  # fmt: skip
SCHEMA = {"time": "time", "name": "event", "session": "session", "user": "user", "json": ["props"]}
MAPPING: dict[str, Any] = {
    "price": ["var", "event.0.price"],
    "code": ["var", "event.last.props.code"],
    "user": ["var", "user.id"],
    "tags": ["var", "event.0.tags"],
    "all": ["var", "session.event_count"],
    "token": ["secret", "env:TOKEN"],
}


def stream(mapping: Any = None, **more: Any) -> Stream:
    data: dict[str, Any] = {
        "name": "rescue",
        "steps": [{"event": "cart"}, {"event": "error"}],
        "within": "1h",
        "payload": {"json": MAPPING if mapping is None else mapping},
    }
    return Stream.from_dict({**data, **more})


@pytest.fixture
def history() -> History:
    return History(EVENTS, SCHEMA)


def test_the_bodies_of_real_matches(history: History) -> None:
    """A row a match, in the order of the matches, with their ids; secrets are marks in the text only."""
    rendering = render(stream(), history)
    matches = backtest(stream(), history).matches
    assert [each.match["match_id"] for each in rendering.rendered] == matches["match_id"].to_list()
    assert [json.loads(each.text) for each in rendering.rendered] == [
        {
            "price": 25,
            "code": "b",
            "user": "u1",
            "tags": ["x"],
            "all": 2,
            "token": "<secret env:TOKEN>",
        },
        {
            "price": 10,
            "code": "b",
            "user": None,
            "tags": ["x", "y"],
            "all": 2,
            "token": "<secret env:TOKEN>",
        },
    ]
    body = rendering.rendered[0].body
    assert body is not None
    assert b"TOKEN" not in body.content
    assert (rendering.count, rendering.is_sample) == (2, False)
    assert str(rendering).startswith("rescue: 2 of 2 matches\n")


def test_a_part_of_the_matches(history: History) -> None:
    """By time, by number, by id; an id that is none is an error."""
    last = backtest(stream(), history).matches["match_id"][1]
    assert len(render(stream(), history, limit=1).rendered) == 1
    assert render(stream(), history, match_id=last).rendered[0].match["match_id"] == last
    assert len(render(stream(), history, since=START + timedelta(minutes=3)).rendered) == 1
    with pytest.raises(PayloadError, match="has no match"):
        render(stream(), history, match_id="nonsense")


def test_a_match_without_a_body_is_shown(history: History) -> None:
    """`missing: error` ends that match's body, not the others'."""
    strict = stream(payload={"json": {"user": ["var", "user.id"]}, "missing": "error"})
    first, second = render(strict, history).rendered
    assert first.text == '{"user":"u1"}'
    assert second.body is None
    assert "payload.json.user" in (second.problem or "")


def test_a_sample_where_nothing_matches(history: History) -> None:
    """Values that the events have most often, each of its type; marked, and under no real id."""
    mapping = {**MAPPING, "page": ["var", "event.1.props.page"], "time": ["var", "event.1.time"]}
    steps = [{"event": "cart"}, {"event": "page", "where": {"price": 99}}]
    never = stream(mapping, steps=steps)
    rendering = render(never, history)
    assert (rendering.count, rendering.is_sample) == (0, True)
    assert "no match; a sample" in str(rendering)
    (only,) = rendering.rendered
    assert json.loads(only.text) == {
        "price": 25, "code": None, "user": "u3", "tags": ["x"], "all": 2, "token": "<secret env:TOKEN>",
        "page": "1", "time": "2026-03-01T10:05:00.000000Z",
    }  # fmt: skip
    payload = compile_payload(never, history)
    Draft202012Validator(payload.body_schema(history)).validate(json.loads(only.text))
    assert only.match["key"] == ["s3"]
    assert set(only.match) == set(backtest(never, history).matches.columns)


def test_a_sample_of_events_that_are_not_there() -> None:
    """No row at all: a sample of the mapping's shape."""
    empty = History(EVENTS.clear(), SCHEMA)
    (only,) = render(stream(), empty).rendered
    assert set(json.loads(only.text)) == set(MAPPING)


def test_samples_of_every_shipped_stream(shop: Path, streams: Path, schema_file: Path) -> None:
    """Each has a sample that its payload renders."""
    history = History(shop / "events_2026-03-01.parquet", schema_file)
    catalog = history.catalog()
    for each in load(streams):
        match, context = sample_context(each, history, catalog)
        body = compile_payload(each, history).render(match, context)
        assert json.loads(body.fill(str)), each.name
        assert len(match["key"]) == (1 if isinstance(each.per, str) else len(each.per))


@pytest.mark.parametrize("missing", ["as_null", "omit"])
def test_bodies_meet_the_schema_of_their_types(history: History, missing: str) -> None:
    """What the columns hold shows in the schema of the body, and every body meets it."""
    mapping = {
        **MAPPING,
        "default": ["var", "event.0.price", "none"],
        "time": ["var", "event.0.time"],
        "choice": ["if", ["gt", ["var", "event.0.price"], 20], ["var", "event.0.props"], 7],
        "nested": [["var", "event.0.nothing", None], {"a": ["coalesce", ["var", "user.id"], "?"]}],
    }
    chosen = stream(payload={"json": mapping, "missing": missing})
    schema = compile_payload(chosen, history).body_schema(history)
    Draft202012Validator.check_schema(schema)
    for each in render(chosen, history).rendered:
        Draft202012Validator(schema).validate(json.loads(each.text))
    null = {"type": "null"}
    expected = {"type": "integer"} if missing == "omit" else {"anyOf": [{"type": "integer"}, null]}
    assert schema["properties"]["price"] == expected
    assert ("price" in schema["required"]) is (missing == "as_null")
    assert {"token", "default", "nested"} <= set(schema["required"])
    assert not Draft202012Validator(schema).is_valid({"price": "25"})


def test_check_tells_of_keys_that_are_never_filled(history: History) -> None:
    """As for criteria: an unseen key is a warning with a near name; a default takes it back."""
    mapping = {
        "a": ["var", "event.0.props.cod"],
        "b": ["var", "event.0.props.other", "x"],
        "c": ["var", "session.last.props.page"],
        "d": ["var", "event.last.props.n"],
        "e": ["var", "user.nothing", "x"],
        "f": ["concat", ["var", "event.0.props.cod"], ["var", "event.0.props.code"]],
    }
    found = check_streams([stream(mapping)], history)
    assert [(each.code, each.path) for each in found] == [
        ("no-column", "payload.json.e[1]"),
        ("unseen-key", "payload.json.a[1]"),
        ("unseen-key", "payload.json.d[1]"),
        ("unseen-key", "payload.json.f[1][1]"),
    ]
    assert found[1].hint == "did you mean 'props.code'?"
    assert "never filled in 'cart'" in found[1].message


def test_check_refuses_what_events_cannot_have(history: History) -> None:
    """Together with what criteria lack: all problems at once."""
    wrong = stream({"a": ["var", "event.0.prise"]}, where={"plam": 1})
    with pytest.raises(EventsError) as caught:
        check_streams([wrong], history)
    assert [each.path for each in caught.value.problems] == ["where.plam", "payload.json.a[1]"]


def test_lines_of_files(tmp_path: Path, history: History) -> None:
    """A path that the events lack is told with the line it stands on."""
    file = tmp_path / "a.yaml"
    file.write_text(
        "name: a\nsteps: [{event: cart}]\npayload:\n  json:\n    p: [var, event.0.prise]\n"
    )
    with pytest.raises(PayloadError) as caught:
        compile_payload(Stream.from_file(file), history)
    assert (caught.value.line, caught.value.problems[0].file) == (5, str(file))
