"""`load` reads a file or a folder, and tells what is wrong in all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streamkit.definition import load
from streamkit.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path


def stream(name: str, step: str = "{event: a}") -> str:
    return f"name: {name}\nsteps: [{step}]\n"


def codes(folder: Path | str) -> list[tuple[str, str | None, int | None]]:
    with pytest.raises(DefinitionError) as caught:
        load(folder)
    assert all("\n" not in str(problem) for problem in caught.value.problems)
    return [(problem.code, problem.file, problem.line) for problem in caught.value.problems]


def test_folder(tmp_path: Path) -> None:
    """Stream files in the order of their names; the other files of a project are left alone."""
    for name in ("b.yaml", "a.yml"):
        (tmp_path / name).write_text(stream(name), encoding="utf-8")
    data = {"name": "j", "steps": [{"defined": "n"}]}
    (tmp_path / "c.JSON").write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "events.yaml").write_text("n: {event: x}\n", encoding="utf-8")
    for name in ("schema.yaml", "streamkit.yaml", "connections.yaml", "notes.txt", ".hidden.yaml"):
        (tmp_path / name).write_text("a: b", encoding="utf-8")
    (tmp_path / "folder.yaml").mkdir()
    assert [each.name for each in load(tmp_path)] == ["a.yml", "b.yaml", "j"]
    assert [each.name for each in load(str(tmp_path / "c.JSON"))] == ["j"]


def test_all_files_at_once(tmp_path: Path) -> None:
    """Problems of every file come together, events.yaml included, each with its file and line."""
    (tmp_path / "a.yaml").write_text("name: a\nsteps: []\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_bytes(b"name: \xff\n")
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    (tmp_path / "d.yaml").write_text(stream("d"), encoding="utf-8")
    (tmp_path / "events.yaml").write_text("n: {evnt: x}\n", encoding="utf-8")
    assert codes(tmp_path) == [
        ("unknown-key", str(tmp_path / "events.yaml"), 1),
        ("no-step", str(tmp_path / "a.yaml"), 2),
        ("bad-text", str(tmp_path / "b.yaml"), 1),
        ("bad-json", str(tmp_path / "c.json"), 1),
    ]


def test_equal_names(tmp_path: Path) -> None:
    """Two streams of one name are an error that names both files."""
    (tmp_path / "a.yaml").write_text(stream("same"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(stream("same"), encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load(tmp_path)
    assert caught.value.code == "duplicate-name"
    assert str(tmp_path / "a.yaml") in str(caught.value)
    assert str(tmp_path / "b.yaml") in str(caught.value)


def test_nothing_there(tmp_path: Path) -> None:
    """A missing file and an empty folder are readable errors."""
    assert codes(tmp_path / "none.yaml") == [("no-such-file", str(tmp_path / "none.yaml"), None)]
    assert codes(tmp_path) == [("no-streams", str(tmp_path), None)]
    assert codes("\0")[0][0] == "no-such-file"
    assert codes("x" * 5000)[0][0] == "no-such-file"


def test_too_large(tmp_path: Path) -> None:
    """A file larger than any definition is not read."""
    (tmp_path / "a.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert codes(tmp_path)[0][0] == "too-large"
