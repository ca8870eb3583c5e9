"""What is refused is refused with its code, its place, its line and its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from streamkit.definition import RULES, Stream
from streamkit.errors import DefinitionError

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("bad_definitions.yaml").read_text(encoding="utf-8")
)


def problems_of(case: dict[str, Any], folder: Path) -> tuple[Any, ...]:
    text = case["text"].replace("A100", "a" * 101).replace("NINES", "9" * 5000)
    file = folder / ("stream.json" if case.get("json") else "stream.yaml")
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(DefinitionError) as caught:
        Stream.from_file(file)
    assert {problem.file for problem in caught.value.problems} == {str(file)}
    return caught.value.problems


@pytest.mark.parametrize("case", CASES, ids=[case["rule"] for case in CASES])
def test_refused(case: dict[str, Any], tmp_path: Path) -> None:
    """Each definition of the table is refused with exactly the problems written beside it."""
    problems = problems_of(case, tmp_path)
    found = [(problem.code, problem.path, problem.line) for problem in problems]
    assert found == [(each["code"], each["path"], each["line"]) for each in case["problems"]]
    for problem, expected in zip(problems, case["problems"], strict=True):
        assert expected.get("hint", "") in (problem.hint or ""), str(problem)
        assert "\n" not in str(problem)
        assert problem.code in RULES


def test_every_rule_is_shown() -> None:
    """Every code of the registry is in the table, apart from those that other tests hold."""
    shown = {each["code"] for case in CASES for each in case["problems"]}
    elsewhere = {
        "duplicate-name",
        "nested-defined",
        "no-streams",
        "no-such-file",
        "not-plain-data",
        "too-deep",
        "too-large",
        "too-many-problems",
    }
    assert shown | elsewhere == set(RULES)
    assert not shown & elsewhere
