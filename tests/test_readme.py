"""The README tells the truth."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import streamkit
from streamkit.cli import run
from tests.readme import README, ROOT, renewed

TEXT = README.read_text()
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in SHELL for line in block.splitlines() if line.startswith("streamkit ")]


def test_shown_output_is_the_real_output() -> None:
    """What the README shows is what the commands print today."""
    assert renewed(TEXT) == TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_work(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that the README gives ends well from the project's folder."""
    monkeypatch.chdir(ROOT)
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().err == ""


def test_there_are_commands() -> None:
    """The test above has something to run."""
    assert len(COMMANDS) >= 2


def test_recipes_exist() -> None:
    """Every `make` recipe that README and CONTRIBUTING name is in the Makefile."""
    recipes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = TEXT + (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"\bmake ([a-z]+)\b(?= |`|$)", texts)) - {"and"} <= recipes


def test_the_yaml_and_the_python_example_are_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the Python block runs as it stands."""
    from streamkit.document.yaml_text import read_yaml

    document = read_yaml(re.search(r"```yaml\n(name:.*?)```", TEXT, re.DOTALL)[1])
    names: dict[str, object] = {}
    monkeypatch.chdir(ROOT)
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], names)  # noqa: S102 # our own text
    assert names["stream"] == streamkit.Stream.from_dict(document.plain())


def test_the_schema_example_is_valid() -> None:
    """All keys of the schema example are keys of `Schema`."""
    from streamkit.document.yaml_text import read_yaml

    block = re.search(r"```yaml\n(time:.*?)```", TEXT, re.DOTALL)[1]
    assert streamkit.Schema.from_dict(read_yaml(block).plain()).sequence == "event_order"


def test_the_top_level_is_what_was_agreed() -> None:
    """Nothing else lies beside these."""
    agreed = {
        "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "constraints.txt",
        "data", "notebooks", "pyproject.toml", "streamkit", "tests",
    }  # fmt: skip
    made = {"out", "build", "dist"}
    names = {path.name for path in Path(ROOT).iterdir() if not path.name.startswith(".")}
    assert names - made == agreed
