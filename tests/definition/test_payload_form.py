"""Payloads as they are read: the forms, the table of calls, templates, and what stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from streamkit.definition import Stream
from streamkit.definition.context_paths import ContextPathError, parse_context_path
from streamkit.definition.payload_calls import CALLS, call_table
from streamkit.definition.payload_mapping import payload_mapping, payload_paths
from streamkit.definition.payload_templates import TEMPLATES
from streamkit.errors import DefinitionError

from .payload_strategies import garbage_mappings

FULLSTORY = (
    "var", "list", "literal", "concat", "toUnixTimestamp", "asString", "asNumber", "asBool",
    "asStrings", "asNumbers", "asBools",
)  # fmt: skip
EXTENSIONS = [
    "coalesce",
    "if",
    "eq",
    "gt",
    "lt",
    "and",
    "or",
    "not",
    "lower",
    "upper",
    "trim",
    "replace",
    "split",
    "join",
    "length",
    "get",
    "add",
    "sub",
    "mul",
    "div",
    "round",
    "formatTime",
    "sha256",
    "urlEncode",
    "secret",
]


def stream(payload: Any, steps: int = 1, **more: Any) -> Stream:
    within = {"within": "1h"} if steps > 1 else {}
    data = {"name": "s", "steps": [{"event": "a"}] * steps, "payload": payload, **within, **more}
    return Stream.from_dict(data)


def test_the_calls_are_these() -> None:
    """Those of Fullstory's mapping, then the extensions, in the contract's order."""
    assert tuple(CALLS) == (*FULLSTORY, *EXTENSIONS)
    assert {name for name, call in CALLS.items() if call.is_fullstory} == set(FULLSTORY)


def test_the_table_of_calls_has_a_row_each() -> None:
    """The docs' table names every call with its example."""
    rows = call_table().splitlines()[2:]
    assert len(rows) == len(CALLS)
    for row, call in zip(rows, CALLS.values(), strict=True):
        assert row.startswith(f"| `{call.name}{'' if call.is_fullstory else ' *'}` (")
        assert call.help in row


def test_strict_allows_what_fullstory_has() -> None:
    """`strict: fullstory` accepts its own calls with any number of arguments they take."""
    mapping = {name: CALLS[name].example for name in FULLSTORY}
    assert stream({"json": mapping, "strict": "fullstory"}).payload is not None


@pytest.mark.parametrize("name", EXTENSIONS)
def test_strict_refuses_each_extension(name: str) -> None:
    """And no other call."""
    mapping = {"a": CALLS[name].example}
    assert stream({"json": mapping}).payload is not None
    with pytest.raises(DefinitionError) as caught:
        stream({"json": mapping, "strict": "fullstory"})
    assert caught.value.problems[0].code == "strict-call"
    assert caught.value.problems[0].path == "payload.json.a[0]"


def test_a_payload_is_kept_as_it_was_written() -> None:
    """Reading checks and changes nothing; the version does not know payloads."""
    payload = {"json": {"b": ["list", ["a"][0]], "a": [[1, None], {}]}, "missing": "omit"}
    read = stream(payload)
    assert read.to_dict()["payload"] == payload
    assert Stream.from_dict(read.to_dict()) == read
    assert read.version == stream({"json": {}}).version


def test_first_and_last_are_steps() -> None:
    """`event.first` and `event.last` are the first and last positive step; excludes do not count."""
    assert parse_context_path("event.first.p", 3).step == 0
    assert parse_context_path("event.last.p", 3).step == 2
    with pytest.raises(ContextPathError, match="no step 3"):
        parse_context_path("event.3.p", 3)
    fields = [
        {"step": "last", "property": "p", "as": "p"},
        {"property": "user.email", "as": "mail"},
    ]
    steps = [{"event": "a"}, {"exclude": {"event": "x"}}, {"event": "b"}]
    found = payload_paths(Stream("s", steps, within="1h", payload={"fields": fields}))
    assert [(each.path.step, each.text) for each in found] == [
        (1, "event.last.p"),
        (None, "user.email"),
    ]


def test_quoted_segments_in_paths() -> None:
    """A segment with a dot is quoted, as in criteria."""
    path = parse_context_path('event.0.props."utm.source"', 1).path
    assert path is not None
    assert path.segments == ("props", "utm.source")


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_reads_without_a_problem(name: str) -> None:
    """A template's own mapping keeps the rules that it is checked by, with all it asks for."""
    template = TEMPLATES[name]
    given = {
        key: each.choices[0] if each.choices else "x" for key, each in template.parameters.items()
    }
    chosen = stream({"template": name, **({"with": given} if given else {})}, steps=2)
    assert payload_mapping(chosen).body == template.mapping
    assert template.checked
    written = json.dumps(template.mapping)
    for key in template.parameters:
        assert f'["param", "{key}"]' in written, key


def test_what_a_stream_without_a_payload_sends() -> None:
    """The generic envelope."""
    bare = Stream("s", [{"event": "a"}])
    assert payload_mapping(bare).body == TEMPLATES["envelope"].mapping
    assert set(payload_mapping(bare).body) == {
        "name", "timestamp", "api_version", "signal_version", "user",
    }  # fmt: skip
    assert set(payload_mapping(bare).body["user"]) == {"id", "uid", "email", "display_name"}


def test_calls_of_templates_are_no_calls_of_streams() -> None:
    """`param`, `limit` and `need` are unknown, in `with` as well."""
    for payload in (
        {"json": ["param", "x"]},
        {"template": "slack", "with": {"text": ["limit", "a", 3]}},
    ):
        with pytest.raises(DefinitionError) as caught:
            stream(payload)
        assert [each.code for each in caught.value.problems] == ["unknown-call"]


@given(garbage_mappings)
def test_any_json_is_read_or_refused_with_places(mapping: Any) -> None:
    """Whatever stands there: a stream, or problems that each name a place inside the payload."""
    try:
        read = stream({"json": mapping})
    except DefinitionError as error:
        found = [each.path for each in error.problems]
    else:
        found = []
        assert read.payload == {"json": mapping}
        payload_paths(read)
    assert all(path.startswith("payload.json") for path in found)
