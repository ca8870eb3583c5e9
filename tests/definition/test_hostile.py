"""Whatever a file holds, the answer is a readable error or a stream, and soon."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.definition import RULES, Stream
from streamkit.definition.reading_context import Reading
from streamkit.definition.stream_reading import read_stream
from streamkit.definition.yaml_writing import dump_yaml
from streamkit.document.json_text import read_json
from streamkit.document.yaml_text import read_yaml
from streamkit.errors import DefinitionError

from .strategies import garbage, streams

if TYPE_CHECKING:
    from streamkit.errors import Problem

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)
HOSTILE = {
    "alias bomb": BOMB,
    "deep lists": "[" * 100_000,
    "deep mappings": "{a: " * 50_000,
    "deep blocks": "- " * 100_000,
    "deep indentation": "\n".join(" " * n + "a:" for n in range(1000)),
    "long name": f"name: {'x' * 100_000}\nsteps: [{{event: a}}]",
    "long key": f"? {'x' * 100_000}\n: 1",
    "long number": "a: " + "9" * 100_000,
    "long path": "name: x\nsteps: [{event: a}]\nwhere:\n  ? " + "a." * 50_000 + "\n  : 1",
    "many keys": "".join(f"key{n}: 1\n" for n in range(10_000)),
    "many items": "- a\n" * 150_000,
    "many empty keys": "{" + ": 1, " * 10_000 + "}",
    "many anchors": "".join(f"k{n}: &a{n} 1\n" for n in range(5000)),
    "open quote": "a: '" + "\n" * 100_000,
    "quotes": "'" * 100_001,
    "colons": ":" * 100_000,
    "NUL": "a: \0",
    "bad escape": '"\\UFFFFFFFF"',
    "bad tag": "!<",
    "bad directive": "%YAML x\n---\n",
    "bad anchor": "& a",
    "huge pattern": "name: x\nsteps: [{event: a, where: {p: {matches: '"
    + "(a{0,100}){0,9}" * 3000
    + "'}}}]",
}
CODES = {
    "alias bomb": "too-large",
    "many items": "too-large",
    "deep lists": "too-deep",
    "deep blocks": "too-deep",
}


def problems_of(text: str, *, is_yaml: bool) -> list[Problem]:
    reading = Reading(read_yaml(text) if is_yaml else read_json(text))
    draft = read_stream(reading)
    if not reading.problems:
        Stream.from_draft(draft)
    for problem in reading.located_problems():
        assert len(str(problem).splitlines()) == 1
        assert len(str(problem)) < 1000
        assert problem.code in RULES
    return reading.located_problems()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_yaml", [True, False])
def test_hostile_files(name: str, is_yaml: bool) -> None:
    """Files made to exhaust a reader are refused in a few seconds with short messages."""
    started = time.perf_counter()
    problems = problems_of(HOSTILE[name], is_yaml=is_yaml)
    assert time.perf_counter() - started < 10
    assert 1 <= len(problems) <= 101
    if is_yaml and name in CODES:
        assert CODES[name] in {problem.code for problem in problems}


def test_deep_json() -> None:
    """Nested JSON is given up before the reader is exhausted."""
    assert problems_of('{"a":' * 100_000, is_yaml=False)[0].code == "too-deep"
    assert problems_of(f"[{','.join('1' * 100_001)}]", is_yaml=False)[0].code == "too-large"


def test_more_problems_are_counted() -> None:
    """After a hundred problems the rest is counted."""
    problems = problems_of("".join(f"key{n}: 1\n" for n in range(500)), is_yaml=True)
    assert len(problems) == 101
    assert (problems[-1].code, problems[-1].message[:3]) == ("too-many-problems", "402")


def test_many_values_are_quick() -> None:
    """A list of 10,000 values is read in a moment, in blocks or in brackets."""
    values = [f"sku-{number}" for number in range(10_000)]
    data = {"name": "x", "steps": [{"event": "a", "where": {"sku": {"in": values}}}]}
    block = "name: x\nsteps:\n  - event: a\n    where:\n      sku:\n        in:\n"
    block += "".join(f"          - {value}\n" for value in values)
    for text in (block, json.dumps(data)):
        started = time.perf_counter()
        assert problems_of(text, is_yaml=True) == []
        assert time.perf_counter() - started < 5


@given(garbage)
def test_garbage_data(data: Any) -> None:
    """Any plain data is a stream or raises DefinitionError."""
    problems: tuple[Problem, ...] = ()
    try:
        Stream.from_dict(data)
    except DefinitionError as error:
        problems = error.problems
    assert {problem.code for problem in problems} <= set(RULES)


@given(streams(), garbage, st.integers(0, 11))
def test_one_part_of_garbage(data: dict[str, Any], rubbish: Any, position: int) -> None:
    """A stream with any part replaced by rubbish is a stream or raises DefinitionError."""
    keys = sorted(data)
    data = {**data, keys[position % len(keys)]: rubbish}
    try:
        stream = Stream.from_dict(data)
    except DefinitionError:
        return
    assert Stream.from_dict(stream.to_dict()) == stream


@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet=" \n\t:-[]{},&*!|>'\"%@`#?ab1.~\\", max_size=60),
        streams().map(dump_yaml),
    ),
    st.integers(0, 400),
    st.text(alphabet=" \n\t:-[]{},&*!|>'\"%@`#?a1~\\\0", max_size=3),
    st.booleans(),
)
def test_garbage_text(text: str, position: int, inserted: str, is_yaml: bool) -> None:
    """Any text, and any valid text with something put into it, is read or refused in a line."""
    problems_of(text[:position] + inserted + text[position:], is_yaml=is_yaml)


@given(st.binary(max_size=60))
def test_garbage_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes in a file are read or refused."""
    file = tmp_path_factory.mktemp("bytes") / "x.yaml"
    file.write_bytes(data)
    problems: tuple[Problem, ...] = ()
    try:
        Stream.from_file(file)
    except DefinitionError as error:
        problems = error.problems
    assert {problem.file for problem in problems} <= {str(file)}
