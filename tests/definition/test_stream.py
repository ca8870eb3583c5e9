"""What a stream holds once it is read."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import streamkit.definition
from streamkit.definition import Condition, Exclude, Step, Stream, event, exclude
from streamkit.duration import Duration
from streamkit.errors import DefinitionError

from .examples import RESCUE_YAML, rescue_in_python

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rescue(tmp_path: Path) -> Stream:
    file = tmp_path / "rescue.yaml"
    file.write_text(RESCUE_YAML, encoding="utf-8")
    return Stream.from_file(file)


def test_yaml_and_python_are_the_same(rescue: Stream) -> None:
    """The same definition in a file and in Python is the same value with the same version."""
    assert rescue == rescue_in_python()
    assert rescue.version == rescue_in_python().version


def test_values_are_frozen(rescue: Stream) -> None:
    """A stream is not changed; `dataclasses.replace` gives another one, checked again."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        rescue.within = None  # type: ignore[misc]
    assert dataclasses.replace(rescue, within="2h").within == Duration.parse("2h")
    with pytest.raises(DefinitionError, match="within-required"):
        dataclasses.replace(rescue, within=None)


def test_plain_data_is_not_shared() -> None:
    """Changing the data a stream was made of, or the data it gives, does not change it."""
    data = {"name": "x", "steps": [{"event": "a"}], "payload": {"json": {"a": [1]}}}
    stream = Stream.from_dict(data)
    data["payload"]["json"]["a"].append(2)  # type: ignore[index]
    stream.to_dict()["payload"]["json"]["a"].append(3)
    assert stream.payload == {"json": {"a": [1]}}


def test_places_of_excludes(rescue: Stream) -> None:
    """Each positive step knows the excludes in front of it, the last ones their waits."""
    assert [step.at_least for step in rescue.positive_steps] == [1, 1, 2]
    assert rescue.copies == 4
    assert [len(excludes) for excludes in rescue.excludes_before] == [0, 1, 0]
    assert rescue.first_excludes == ()
    assert rescue.last_excludes == (Exclude((Condition("purchase"),), for_=Duration.parse("30m")),)
    assert rescue.wait == Duration.parse("30m")


def test_for_defaults_to_within() -> None:
    """A last exclude without `for` lasts as long as `within`; the longest wait decides."""
    steps = [event("a"), exclude(event("b")), exclude(event("c"), for_="5m")]
    stream = Stream("x", steps, within="1h")
    assert [str(each.for_) for each in stream.last_excludes] == ["1h", "5m"]
    assert stream.wait == Duration.parse("1h")


def test_first_excludes() -> None:
    """Excludes before the first step keep their lookback; without one it is the whole key."""
    steps = [exclude(event("a"), lookback="7d"), exclude(event("b")), event("c")]
    stream = Stream("x", steps)
    assert [each.lookback for each in stream.first_excludes] == [Duration.parse("7d"), None]
    assert stream.last_excludes == ()
    assert stream.wait is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([event("a")], False),
        ([exclude(event("b")), event("a")], False),
        ([event("a").at_least(2)], True),
        ([event("a"), event("b")], True),
        ([event("a"), exclude(event("b"))], True),
    ],
)
def test_pattern(steps: list[object], expected: bool) -> None:
    """More than one copy in all, or a wait, makes a pattern."""
    assert Stream("x", steps, within="1h").is_pattern is expected  # type: ignore[arg-type]


def test_durations_in_python() -> None:
    """A duration is text, a `timedelta` or a `Duration`."""
    for length in ("90s", timedelta(seconds=90), Duration(90_000_000)):
        assert Stream("x", [event("a")], within=length).within == Duration.parse("90s")


def test_single_part_list_is_the_part() -> None:
    """`per: [user]` is `per: user`; a column named like a role is written in quotes."""
    assert Stream("x", [event("a")], per=["user"]).per == "user"
    assert Stream("x", [event("a")], per=["session", '"user"', '"sku"']).per == (
        "session",
        '"user"',
        "sku",
    )


def test_model_values_are_accepted() -> None:
    """Steps, conditions and excludes may be given as the values a stream holds."""
    stream = Stream("x", [Step((Condition("a"),)), Exclude((Condition("b"),), for_=Duration(1))])
    assert stream == Stream("x", [event("a"), exclude(event("b"), for_="1us")])


def test_values_that_cannot_be_written_down() -> None:
    """What is neither text, number, boolean, time, list nor mapping is refused."""
    with pytest.raises(DefinitionError) as caught:
        Stream("x", [event("a").where({"p": {"in": [object(), b"x"]}})], payload={"json": {1, 2}})
    assert {problem.code for problem in caught.value.problems} >= {"not-plain-data"}


def test_nesting_without_end() -> None:
    """Data that holds itself is refused, not followed."""
    data: dict[str, object] = {"name": "x", "steps": [{"event": "a"}]}
    data["payload"] = {"json": data}
    with pytest.raises(DefinitionError) as caught:
        Stream.from_dict(data)
    assert caught.value.code == "too-deep"


def test_ten_thousand_values() -> None:
    """`in` lists up to 10,000 values."""
    values = [f"sku-{number}" for number in range(10_001)]
    where = {"sku": {"in": values[:-1]}}
    assert Stream("x", [{"event": "a", "where": where}]).copies == 1
    with pytest.raises(DefinitionError) as caught:
        Stream("x", [{"event": "a", "where": {"sku": {"in": values}}}])
    assert caught.value.code == "in-size"


def test_public_names() -> None:
    """Every public name is there, and the list is in order."""
    assert sorted(streamkit.definition.__all__, key=_isort_key) == streamkit.definition.__all__
    for name in streamkit.definition.__all__:
        assert getattr(streamkit.definition, name) is not None


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_import_is_light() -> None:
    """Importing the package loads neither the YAML library nor the regex library."""
    code = (
        "import sys, streamkit.definition; print(sorted({'ruamel.yaml', 're2'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
