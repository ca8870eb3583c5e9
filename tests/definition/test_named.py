"""Named conditions: the events.yaml beside the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamkit.definition import (
    Condition,
    NamedCondition,
    Stream,
    defined,
    event,
    load_named,
    prop,
    save_named,
)
from streamkit.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = """\
# conditions we all use
rage_on_pay:            # three clicks on a dead button
  description: Angry clicks on the pay button
  event: rage_click
  where: {target: {contains: pay}}
bought:
  any_of:
    - event: purchase   # web
    - event: order      # app
"""
STREAM = "name: x\nsteps:\n  - defined: rage_on_pay\n  - exclude: {defined: bought}\n    for: 5m\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_lookup(tmp_path: Path) -> None:
    """`defined` stands for what the events.yaml beside the stream says."""
    write(tmp_path, events=EVENTS, x=STREAM)
    stream = Stream.from_file(tmp_path / "x.yaml")
    assert [each.name for each in stream.named_conditions] == ["rage_on_pay", "bought"]
    assert stream.named_conditions[1].alternatives == (Condition("purchase"), Condition("order"))
    assert stream.sentence.startswith(
        'For each session, fires once, the first time that rage_on_pay [rage_click (target contains "pay")] '
    )
    named = load_named(tmp_path / "events.yaml")
    assert named["rage_on_pay"].description == "Angry clicks on the pay button"
    assert Stream.from_dict(stream.to_dict(), defined=named) == stream


def test_near_name(tmp_path: Path) -> None:
    """An unknown name is an error with the nearest one, on its line."""
    write(tmp_path, events=EVENTS, x=STREAM.replace("rage_on_pay", "rage_on_play"))
    with pytest.raises(DefinitionError) as caught:
        Stream.from_file(tmp_path / "x.yaml")
    assert (caught.value.code, caught.value.path, caught.value.line, caught.value.hint) == (
        "unknown-defined",
        "steps[0].defined",
        3,
        "did you mean 'rage_on_pay'?",
    )


@pytest.mark.parametrize(
    ("text", "code", "path", "line"),
    [
        ("a: {event: x}\nb: {defined: a}\n", "nested-defined", "b.defined", 2),
        (
            "a:\n  any_of:\n    - {event: x}\n    - {defined: a}\n",
            "nested-defined",
            "a.any_of[1].defined",
            4,
        ),
        ("a: {evnt: x}\n", "unknown-key", "a", 1),
        ("a: {event: x, within: 5m}\n", "unknown-key", "a", 1),
        ("a: {event: x, description: 5}\n", "wrong-kind", "a.description", 1),
        ("a: {description: x}\n", "condition-form", "a", 1),
        ("a: x\n", "wrong-kind", "a", 1),
        ("- a\n", "wrong-kind", "", 1),
        ("a: {event: x}\na: {event: y}\n", "duplicate-key", "", 2),
        ("'': {event: x}\n", "name-form", "", 1),
        ("a: [", "bad-yaml", "", 1),
    ],
)
def test_refused(text: str, code: str, path: str, line: int, tmp_path: Path) -> None:
    """A file of names is refused with its own place and line."""
    write(tmp_path, events=text)
    with pytest.raises(DefinitionError) as caught:
        load_named(tmp_path / "events.yaml")
    found = caught.value
    assert (found.code, found.path, found.line) == (code, path, line)
    assert found.problems[0].file == str(tmp_path / "events.yaml")


def test_an_empty_file_names_nothing(tmp_path: Path) -> None:
    """An events.yaml in which everything is commented out is valid."""
    write(tmp_path, events="# nothing yet\n", x="name: x\nsteps: [{event: a}]\n")
    assert Stream.from_file(tmp_path / "x.yaml").name == "x"
    assert load_named(tmp_path / "events.yaml") == {}


def test_save_keeps_comments(tmp_path: Path) -> None:
    """Saving a condition adds it, or changes its lines, and leaves the comments."""
    file = tmp_path / "events.yaml"
    file.write_text(EVENTS, encoding="utf-8")
    saved = save_named(file, "login", event("login").where(prop("ok") == True))  # noqa: E712 # builds a criterion
    assert isinstance(saved, NamedCondition)
    assert file.read_text(encoding="utf-8") == EVENTS + "login: {event: login, where: {ok: true}}\n"
    save_named(file, "bought", event("purchase") | event("sale"))
    text = file.read_text(encoding="utf-8")
    assert "- event: purchase   # web\n    - event: sale" in text
    assert "# three clicks on a dead button" in text
    assert load_named(file)["bought"].alternatives == (Condition("purchase"), Condition("sale"))


def test_save_makes_the_file(tmp_path: Path) -> None:
    """Without a file one is made; nothing else is left in the folder."""
    file = tmp_path / "events.yaml"
    save_named(file, "login", event("login"), description="Signed in")
    assert load_named(file) == {
        "login": NamedCondition("login", (Condition("login"),), "Signed in")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["events.yaml"]


def test_save_refuses(tmp_path: Path) -> None:
    """A condition that is not valid, or a file that is not, leaves the file as it was."""
    file = tmp_path / "events.yaml"
    file.write_text(EVENTS, encoding="utf-8")
    with pytest.raises(DefinitionError, match="bad-regex"):
        save_named(file, "x", event("a").where(prop("p").matches("(")))
    with pytest.raises(DefinitionError, match="nested-defined"):
        save_named(file, "x", defined("bought"))
    assert file.read_text(encoding="utf-8") == EVENTS
    file.write_text("a: [", encoding="utf-8")
    with pytest.raises(DefinitionError, match="bad-yaml"):
        save_named(file, "x", event("a"))
    assert file.read_text(encoding="utf-8") == "a: ["
