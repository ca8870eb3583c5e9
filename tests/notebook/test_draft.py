"""The draft: every stream opens and loses nothing, and problems are those the API raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import DefinitionError, Stream
from streamkit.definition.named import read_named_beside
from streamkit.definition.stream_reading import STREAM_KEYS
from streamkit.notebook.draft import Draft
from streamkit.notebook.editing import Editing
from streamkit.notebook.plain_edits import REMOVED, inserted, moved, put, value_at
from tests.conformance.cases import corpus
from tests.conftest import ROOT
from tests.definition.strategies import garbage, streams

SHIPPED = sorted(
    file
    for file in (ROOT / "data" / "streams").glob("*.yaml")
    if file.name not in ("events.yaml", "connections.yaml")
)


def named_in(file: Path) -> Any:
    found, _ = read_named_beside(file)
    return {name: each.alternatives for name, each in (found or {}).items()}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_file_opens_whole(file: Path) -> None:
    """It is the stream that `from_file` reads, and its text is the file's, byte for byte."""
    draft = Draft.of(file, named_in(file))
    assert draft.problems == ()
    assert draft.stream == Stream.from_file(file)
    assert draft.text == file.read_text()
    assert draft.stream is not None
    assert draft.stream.to_yaml() == file.read_text()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_an_edit_keeps_the_comments(file: Path) -> None:
    """One key is changed and taken back: the lines of all others stay as they are."""
    draft = Draft.of(file, named_in(file))
    edited = draft.with_data(put(draft.data, ("enabled",), False))
    before, after = file.read_text().splitlines(), edited.text.splitlines()
    assert [line for line in after if line not in before] == ["enabled: false"]
    assert [line for line in before if line not in after] == []
    assert edited.with_data(put(edited.data, ("enabled",), REMOVED)).text == file.read_text()


def test_definitions_of_the_corpus_survive() -> None:
    """Each opens, is written, and is read as the same data and the same stream again."""
    definitions = [data for _, case, _ in corpus() for data in case.streams]
    assert len(definitions) > 100
    for data in definitions:
        opened = Draft(data)
        assert opened.problems == ()
        again = Draft().with_text(opened.text)
        assert again.data == data
        assert again.stream == Stream.from_dict(data)


@given(streams())
def test_any_stream_survives(data: dict[str, Any]) -> None:
    """A random stream opens as itself, and its text reads as it."""
    stream = Stream.from_dict(data)
    draft = Draft.of(stream)
    assert draft.stream == stream
    assert Draft().with_text(draft.text).stream == stream


@given(st.dictionaries(st.sampled_from([*STREAM_KEYS, "typo"]), garbage))
def test_problems_are_those_of_the_api(data: dict[str, Any]) -> None:
    """Whatever the data: the draft has the problems that `Stream.from_dict` raises, or none."""
    draft = Draft(data)
    assert isinstance(draft.sentence, str)
    if draft.problems:
        with pytest.raises(DefinitionError) as caught:
            Stream.from_dict(data)
        assert draft.problems == caught.value.problems
        assert draft.stream is None
    else:
        assert draft.stream == Stream.from_dict(data)


def test_unreadable_text_is_kept() -> None:
    """What cannot be read stays as typed, with its line, and the data before it stays as well."""
    draft = Draft({"name": "any", "steps": [{"event": "visit"}]})
    broken = draft.with_text("name: [")
    assert broken.text == "name: ["
    assert broken.data == draft.data
    assert broken.problems[0].line
    assert broken.stream is None
    assert broken.with_text("name: any\nsteps: [{event: visit}]").stream == draft.stream


def test_comments_typed_in_the_editor_stay() -> None:
    """A comment typed in the YAML editor outlives a change made in a form."""
    draft = Draft().with_text("name: any\nsteps:\n  - event: visit # the first\n")
    edited = draft.with_data(put(draft.data, ("steps", 0, "event"), "login"))
    assert edited.text == "name: any\nsteps:\n  - event: login # the first\n"


def test_a_sentence_before_it_is_complete() -> None:
    """What can be read is said, while something is missing elsewhere."""
    draft = Draft({"name": "", "steps": [{"event": "a"}, {"event": "b"}]})
    assert "a happens, then b" in draft.sentence
    assert {problem.code for problem in draft.problems} == {"name-form", "within-required"}


def test_what_matches_does_not_wait_for_the_rest() -> None:
    """A missing name or a wrong destination keeps nobody from a preview."""
    draft = Draft({"name": "", "steps": [{"event": "a"}], "destination": {"url": 1}})
    assert draft.stream is None
    assert draft.matching is not None
    assert draft.matching.version == Stream("x", [{"event": "a"}]).version


def test_undo_and_redo() -> None:
    """Letters of one field are undone together, other edits one by one; redo takes it back."""
    editing = Editing(Draft({"name": "", "steps": [{"event": "a"}]}))
    for name in ("r", "re", "res"):
        editing.change(put(editing.draft.data, ("name",), name), "name")
    editing.change(inserted(editing.draft.data, ("steps",), 1, {"event": "b"}))
    editing.change(put(editing.draft.data, ("within",), "1h"), "within")
    assert editing.draft.stream is not None
    editing.undo()
    assert "within" not in editing.draft.data
    editing.undo()
    assert editing.draft.data == {"name": "res", "steps": [{"event": "a"}]}
    editing.undo()
    assert editing.draft.data["name"] == ""
    assert not editing.can_undo
    for _ in range(3):
        editing.redo()
    assert not editing.can_redo
    assert editing.draft.data["within"] == "1h"


def test_the_last_valid_stream_is_there() -> None:
    """While the draft has problems, the value is the stream before them."""
    editing = Editing(Draft.of(Stream("any", [{"event": "visit"}])))
    editing.change(put(editing.draft.data, ("steps",), []))
    assert editing.draft.stream is None
    assert editing.valid == Stream("any", [{"event": "visit"}])


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda data: put(data, ("per",), "user"), {"name": "x", "per": "user", "steps": [1, 2]}),
        (lambda data: put(data, ("steps", 1), REMOVED), {"name": "x", "steps": [1]}),
        (lambda data: moved(data, ("steps",), 0, 1), {"name": "x", "steps": [2, 1]}),
        (lambda data: inserted(data, ("exclude",), 0, 3), {"name": "x", "steps": [1, 2], "exclude": [3]}),
    ],
)  # fmt: skip # one edit a line
def test_edits(edit: Any, expected: dict[str, Any]) -> None:
    """An edit gives new data in the order of the documentation, and leaves the old alone."""
    data = {"name": "x", "steps": [1, 2]}
    found = edit(data)
    assert found == expected
    assert list(found) == list(expected)
    assert data == {"name": "x", "steps": [1, 2]}
    assert value_at(found, ("steps", 0)) == expected["steps"][0]
