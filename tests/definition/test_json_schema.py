"""The JSON Schema accepts what the reader accepts, and refuses what a schema can tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from streamkit.definition import Stream, stream_json_schema
from streamkit.definition.criteria import OPERATORS
from streamkit.definition.stream_reading import STREAM_KEYS
from streamkit.document.yaml_text import read_yaml

from .examples import RESCUE_YAML
from .strategies import streams
from .test_bad_definitions import CASES

VALIDATOR = Draft202012Validator(stream_json_schema())
TOLD_BY_A_SCHEMA = frozenset(
    ["unknown-key", "unknown-operator", "unknown-value", "missing-key", "wrong-kind", "at-least-range", "bad-duration",
     "condition-form", "empty-criterion", "in-size", "null-operand", "wrong-operand"]
)  # fmt: skip # a table reads better in rows


def plain(node: Any) -> Any:
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def data_of(text: str) -> Any:
    root = read_yaml(text).root
    return None if root is None else plain(root)


def test_the_schema_is_one() -> None:
    """It is valid as a schema, and plain JSON."""
    Draft202012Validator.check_schema(stream_json_schema())
    assert json.loads(json.dumps(stream_json_schema())) == stream_json_schema()


def test_the_example() -> None:
    """The example of the docs is accepted."""
    VALIDATOR.validate(data_of(RESCUE_YAML))


def test_every_key_is_described() -> None:
    """Each key of a stream and each operator has a description for the editor to show."""
    schema = stream_json_schema()
    assert tuple(schema["properties"]) == STREAM_KEYS
    assert all("description" in each for each in schema["properties"].values())
    operators = schema["$defs"]["property"]["anyOf"][1]["properties"]
    assert set(operators) == {*OPERATORS, "ignore_case"}
    assert all("description" in each for each in operators.values())


@given(streams())
def test_accepts_what_is_valid(data: dict[str, Any]) -> None:
    """Every valid stream is accepted, as it was written and in its canonical form."""
    VALIDATOR.validate(data)
    VALIDATOR.validate(Stream.from_dict(data).to_dict())


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if {each["code"] for each in case["problems"]} & TOLD_BY_A_SCHEMA
        and case.get("schema", True)
    ],
    ids=lambda case: case["rule"],
)
def test_refuses_what_it_can_tell(case: dict[str, Any]) -> None:
    """Misspelt keys, wrong kinds and ranges are refused while typing."""
    assert not VALIDATOR.is_valid(data_of(case["text"]))
