"""No mapping and no event makes rendering fail in an odd way, or run long.

What is bounded is work, not time: characters read and written, counted by the state of each body.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streamkit import PayloadError, Stream, StreamkitError
from streamkit.matching.contexts import Context, SessionFacts
from streamkit.payload import compile_payload
from streamkit.payload.state import LARGEST_BODY, MOST_WORK

from ..definition.payload_strategies import garbage_mappings, mappings, plain_values
from .examples import MATCH, body_of, evaluate, shown, stream_of

NAMES = ("price", "tags", "props", "props.a", "props.b.0", '"od d"')
events = st.dictionaries(
    st.sampled_from(NAMES), plain_values.filter(lambda value: value is not None)
)
contexts = st.builds(
    lambda first, second, email: Context(
        (first, second), {"user.email": email}, SessionFacts(3, 0, 10**12, second)
    ),
    events,
    events,
    st.text(max_size=5),
)
BIG = "x" * 1_000_000


@given(garbage_mappings, contexts)
def test_any_json_as_a_mapping(mapping: Any, context: Context) -> None:
    """It is refused with the library's own errors, or it renders to JSON."""
    try:
        stream = Stream("s", [{"event": "a"}], payload={"json": mapping})
        body = compile_payload(stream).render(MATCH, context)
    except StreamkitError:
        return
    shown(body)


@settings(max_examples=200)
@given(mappings, contexts, st.sampled_from(["as_null", "omit", "error"]))
@example(["mul", *[2**63] * 60], Context(), "as_null")
@example(["round", 1e308, 15], Context(), "as_null")
def test_any_mapping_of_any_event(mapping: Any, context: Context, missing: str) -> None:
    """A body that meets its own schema and is the same when made again, or a value that is missing."""
    payload = compile_payload(stream_of({"json": {"v": mapping}, "missing": missing}))
    try:
        body = payload.render(MATCH, context)
    except PayloadError as error:
        codes = [error.code]
    else:
        codes = []
        assert payload.render(MATCH, context) == body
        Draft202012Validator(payload.body_schema()).validate(shown(body))
    assert codes in ([], ["missing-value"])
    assert codes == [] or missing == "error"


@pytest.mark.parametrize(
    "mapping",
    [
        ["list", *[["var", "event.0.big"]] * 100],
        ["concat", *[["var", "event.0.big"]] * 100],
        ["length", ["replace", ["var", "event.0.big"], "x", "y" * 100_000]],
        ["length", ["replace", ["var", "event.0.big"], "x", "xxxx"]],
        ["length", ["concat", *[["concat", ["var", "event.0.big"]]] * 3]],
        ["join", ["split", ["var", "event.0.big"], "x"], "y" * 100_000],
        ["join", ["var", "event.0.many"], "y" * 1_000],
        ["length", ["list", *[["var", "event.0.document"]] * 100]],
        ["eq", ["list", *[["var", "event.0.document"]] * 60], 1],
        ["urlEncode", ["upper", ["replace", ["var", "event.0.big"], "x", "😀"]]],
        ["asString", ["list", *[["var", "event.0.many"]] * 50]],
    ],
    ids=lambda mapping: str(mapping)[:40],
)
def test_growth_is_stopped(mapping: Any) -> None:
    """Texts, lists and documents that grow without end are an error before they are made."""
    document = {"rows": [{"a": i, "b": "text"} for i in range(20_000)]}
    context = Context(({"big": BIG, "many": ["x"] * 100_000, "document": document}, {}))
    with pytest.raises(PayloadError) as caught:
        body_of({"value": mapping}, context)
    assert caught.value.code == "body-too-large"
    assert "4 MiB of values" in str(caught.value)


def test_the_largest_body() -> None:
    """256 KiB are sent, one byte more is not."""
    room = LARGEST_BODY - len('{"value":""}')
    fits = Context(({"big": "x" * room}, {}))
    assert len(body_of({"value": ["var", "event.0.big"]}, fits).content) == LARGEST_BODY
    context = Context(({"big": "x" * (room + 1)}, {}))
    with pytest.raises(PayloadError, match="262,145 bytes"):
        body_of({"value": ["var", "event.0.big"]}, context)
    assert evaluate(["length", ["var", "event.0.big"]], context) == room + 1
    assert MOST_WORK > LARGEST_BODY


def test_a_context_that_is_no_json() -> None:
    """Contexts made by hand may hold anything: one error says so."""
    for value in (float("nan"), {1, 2}, "\ud800", {"a": object()}):
        with pytest.raises(PayloadError):
            body_of({"value": ["var", "event.0.v"]}, Context(({"v": value}, {})))


def test_deep_values() -> None:
    """A value as deep as contexts can hold is written; endless depth by hand is an error."""
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    assert json.dumps(evaluate(["var", "event.0.v"], Context(({"v": deep}, {})))) == json.dumps(
        deep
    )
    for _ in range(100_000):
        deep = [deep]
    for mapping in (["var", "event.0.v"], ["eq", ["var", "event.0.v"], ["list", ["var", "event.0.v"]]],
                    [["secret", "env:A"], ["var", "event.0.v"]]):  # fmt: skip
        with pytest.raises(PayloadError):
            body_of({"value": mapping}, Context(({"v": deep}, {})))
