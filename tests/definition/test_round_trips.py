"""A stream is one value, however it was written down."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.definition import Stream
from streamkit.definition.reading_context import Reading
from streamkit.definition.stream_reading import read_stream
from streamkit.document.files import Origin
from streamkit.document.json_text import read_json
from streamkit.document.yaml_text import read_yaml

from .strategies import conditions, streams


def from_text(text: str, *, is_yaml: bool) -> Stream:
    reading = Reading(read_yaml(text) if is_yaml else read_json(text), None)
    draft = read_stream(reading)
    assert reading.problems == []
    return Stream.from_draft(draft, Origin(text, "stream.yaml", is_yaml))


def executed(source: str) -> Stream:
    namespace: dict[str, Any] = {}
    exec(source.replace("from streamkit import", "from streamkit.definition import"), namespace)  # noqa: S102 # what the test is about
    return namespace["stream"]


@given(streams())
def test_plain_data(data: dict[str, Any]) -> None:
    """`to_dict` gives plain data that `from_dict` reads back to an equal stream."""
    stream = Stream.from_dict(data)
    again = Stream.from_dict(stream.to_dict())
    assert again == stream
    assert again.to_dict() == stream.to_dict()
    assert hash(again) == hash(stream)
    assert again.version == stream.version


@given(streams())
def test_yaml(data: dict[str, Any]) -> None:
    """`to_yaml` gives a document that reads back to an equal stream."""
    stream = Stream.from_dict(data)
    again = from_text(stream.to_yaml(), is_yaml=True)
    assert again == stream
    assert again.to_dict() == stream.to_dict()
    assert again.to_yaml() == stream.to_yaml()


@given(streams())
def test_json(data: dict[str, Any]) -> None:
    """`to_json` gives a document that reads back to an equal stream, as JSON and as YAML 1.2."""
    stream = Stream.from_dict(data)
    again = from_text(stream.to_json(), is_yaml=False)
    assert again == stream
    assert again.to_dict() == stream.to_dict()
    assert json.loads(stream.to_json()) == stream.to_dict()


@given(streams())
def test_python(data: dict[str, Any]) -> None:
    """`to_python` gives source that builds an equal stream when it is executed."""
    stream = Stream.from_dict(data)
    again = executed(stream.to_python())
    assert again == stream
    assert again.to_dict() == stream.to_dict()


@given(streams())
def test_constructor_takes_its_own_values(data: dict[str, Any]) -> None:
    """`dataclasses.replace` without a change and pickling give an equal stream."""
    stream = Stream.from_dict(data)
    assert dataclasses.replace(stream) == stream
    assert pickle.loads(pickle.dumps(stream)) == stream  # noqa: S301 # just written


@settings(max_examples=50)
@given(streams(), streams(), st.booleans())
def test_edited_file_reads_as_the_edited_stream(
    first: dict[str, Any], second: dict[str, Any], commented: bool
) -> None:
    """A file with any change made to its stream reads as the changed stream."""
    text = Stream.from_dict(first).to_yaml()
    if commented:
        text = "".join(
            f"# before\n{line}\n" if line[:1].isalpha() else f"{line}\n"
            for line in text.splitlines()
        )
        text = text if _reads(text) else Stream.from_dict(first).to_yaml()
    target = Stream.from_dict(second)
    changed = dataclasses.replace(target, origin=Origin(text, "stream.yaml", True))
    again = from_text(changed.to_yaml(), is_yaml=True)
    assert again == target
    assert again.to_dict() == target.to_dict()


def _reads(text: str) -> bool:
    reading = Reading(read_yaml(text), None)
    read_stream(reading)
    return not reading.problems


@given(streams(), st.lists(conditions, min_size=1, max_size=3))
def test_named_conditions(data: dict[str, Any], alternatives: list[Any]) -> None:
    """A stream with a named condition survives every form, what the name stands for included."""
    named = {"rage on pay": {"any_of": alternatives}}
    steps = [*data["steps"], {"exclude": {"defined": "rage on pay"}, "for": "5m"}]
    stream = Stream.from_dict({**data, "steps": steps}, defined=named)
    assert Stream.from_dict(stream.to_dict(), defined=named) == stream
    assert executed(stream.to_python()) == stream
    assert dataclasses.replace(stream) == stream
    assert dataclasses.replace(stream, origin=Origin("name: x", "x.yaml", True)).to_yaml()
