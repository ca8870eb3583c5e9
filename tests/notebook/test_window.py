"""The fields over a value, without a browser: whatever the draft holds is shown, and kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit import Builder, DefinitionError, Stream
from streamkit.definition.stream_reading import STREAM_KEYS
from streamkit.notebook.draft import Draft
from streamkit.notebook.plain_edits import put
from streamkit.notebook.window import Window
from tests.conformance.cases import corpus
from tests.conftest import ROOT
from tests.definition.strategies import garbage

EVENTS = pl.DataFrame(
    {
        "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z"],
        "event": ["add_to_cart", "<img src=x onerror=alert(1)>"],
        "session_id": ["s1", "s1"],
        "price": [25.0, None],
    }
)
PLAIN = st.dictionaries(st.sampled_from([*STREAM_KEYS, "typo"]), garbage).map(
    lambda data: json.loads(json.dumps(data, default=str))
)
"""What a file can hold, mistakes included."""
PARTS = ("Definition", "Destination", "Field mapping", "Send test", "Review and save", "YAML")


class Shown:
    """A builder and its fields, found by their labels as a user finds them."""

    def __init__(self, stream: Any = None) -> None:
        self.builder = Builder(EVENTS, stream)
        self.window = self.builder._window = Window(self.builder)

    def open(self, part: str) -> None:
        self.window._part.value = part

    def widgets(self, box: Any = None) -> Iterator[Any]:
        box = self.window.box if box is None else box
        yield box
        for child in getattr(box, "children", ()):
            yield from self.widgets(child)

    def field(self, label: str) -> Any:
        return next(
            each
            for each in self.widgets()
            if not isinstance(each, ipywidgets.Button)
            and (getattr(each, "description", "") or "").removesuffix("</span>").endswith(label)
        )

    def press(self, words: str) -> None:
        buttons = [each for each in self.widgets() if isinstance(each, ipywidgets.Button)]
        next(each for each in buttons if each.description == words).click()

    @property
    def html(self) -> str:
        return "".join(each.value for each in self.widgets() if isinstance(each, ipywidgets.HTML))


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    """One window through which many drafts go."""
    made = Shown()
    yield made
    made.builder.close()


def test_a_stream_is_built_by_its_fields() -> None:
    """Names, steps, criteria, windows: each field is a key of the file."""
    shown = Shown()
    shown.field("Name").value = "rescue"
    shown.press("Add step")
    shown.field("Event").value = "add_to_cart"
    shown.press("Add criterion")
    shown.field("Property").value = "price"
    shown.field("Test").value = "gt"
    shown.field("as").value = "number"
    shown.field("Value").value = "20"
    shown.press("Exclude after step 1")
    events = [
        each
        for each in shown.widgets()
        if getattr(each, "description", "").endswith("Event</span>")
    ]
    events[1].value = "purchase"
    shown.field("For how long after the last step").value = "30m"
    shown.field("Cooldown (empty: none)").value = "24h"
    shown.field("Cooldown by").value = "user"
    assert shown.builder.to_yaml() == (
        "name: rescue\n"
        "steps:\n"
        "  - event: add_to_cart\n"
        "    where: {price: {gt: 20}}\n"
        "  - exclude: {event: purchase}\n"
        "    for: 30m\n"
        "cooldown: {for: 24h, by: user}\n"
    )
    assert "add_to_cart (price is above 20)" in shown.builder.stream.sentence
    shown.builder.close()


def test_what_is_typed_while_values_are_shown_counts() -> None:
    """JupyterLab hands edits over in a thread of its own: one that comes meanwhile waits."""
    shown = Shown(Stream("any", [{"event": "visit"}]))
    name = shown.field("Name")
    with shown.window._kit.showing():
        typing = threading.Thread(target=lambda: setattr(name, "value", "typed"))
        typing.start()
        typing.join(0.2)
        assert shown.builder.draft.data["name"] == "any"
    typing.join()
    assert shown.builder.draft.data["name"] == "typed"
    shown.builder.close()


def test_problems_stand_at_their_fields_and_go() -> None:
    """Every problem of the draft is told beside a field; mended, it is gone."""
    shown = Shown(Stream("any", [{"event": "visit"}]))
    shown.field("At least, times").value = "500"
    assert "&#x27;at_least&#x27; is 1 to 100" in shown.html
    shown.field("Name").value = ""
    shown.field("Cooldown (empty: none)").value = "soon"
    for problem in shown.builder.draft.problems:
        assert problem.message.replace("'", "&#x27;") in shown.html
    assert len(shown.builder.draft.problems) == 3
    for _ in range(3):
        shown.builder.undo()
    assert "Problem" not in shown.html
    assert shown.builder.stream == Stream("any", [{"event": "visit"}])
    shown.builder.close()


def test_the_value_is_the_last_complete_stream() -> None:
    """Before there is one, asking for it raises what is missing; afterwards it is always there."""
    shown = Shown()
    with pytest.raises(DefinitionError) as caught:
        _ = shown.builder.stream
    assert caught.value.problems == shown.builder.draft.problems
    shown.builder.edit(("steps",), [{"event": "visit"}])
    shown.builder.edit(("name",), "any")
    shown.builder.edit(("steps", 0, "event"), 3)
    assert shown.builder.stream == Stream("any", [{"event": "visit"}])
    shown.builder.close()


def test_started_from_a_shape() -> None:
    """A new stream can start as one of the shapes that people ask for; it can be undone."""
    shown = Shown()
    shown.field("Name").value = "left"
    shown.field("Start from").value = "one event, and then not another"
    assert shown.builder.draft.data == {
        "name": "left",
        "steps": [{}, {"exclude": {}, "for": "30m"}],
    }
    assert {problem.code for problem in shown.builder.draft.problems} == {"condition-form"}
    shown.builder.undo()
    assert shown.builder.draft.data == {"name": "left", "steps": []}
    shown.builder.close()


def test_moves_keep_what_is_open(shown: Shown) -> None:
    """A card goes with its step: moved, it shows the same event at its new place."""
    steps = [{"event": "a"}, {"event": "b"}, {"exclude": {"event": "c"}, "for": "5m"}]
    shown.builder.editing.rebase(Draft({"name": "x", "steps": steps, "within": "1h"}))
    shown.open("Definition")
    views = list(shown.window._parts["Definition"]._steps._views)
    shown.press("Move down")
    after = shown.window._parts["Definition"]._steps._views
    assert [view.item.get("event") for view in after] == ["b", "a", None]
    assert after[:2] == [views[1], views[0]]
    shown.press("Duplicate")
    assert [step.get("event") for step in shown.builder.draft.data["steps"]] == [
        "b",
        "b",
        "a",
        None,
    ]
    assert shown.builder.draft.problems == ()


@pytest.mark.parametrize("part", PARTS)
def test_every_definition_is_shown_and_kept(shown: Shown, part: str) -> None:
    """Showing a definition edits nothing, in no part, whatever is in it."""
    shown.open(part)
    definitions = [data for _, case, _ in corpus() for data in case.streams][:: len(PARTS)]
    for data in definitions:
        shown.builder.editing.rebase(Draft(data))
        assert shown.builder.draft.data is data
    for file in (ROOT / "data" / "streams").glob("*-*.yaml"):
        shown.builder.editing.rebase(Draft.of(file))
        assert shown.builder.draft.text == file.read_text()


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=25)
@given(data=PLAIN)
def test_anything_is_shown_and_kept(shown: Shown, part: str, data: dict[str, Any]) -> None:
    """A file full of mistakes opens as well: mending it is what the builder is for."""
    shown.open(part)
    shown.builder.editing.rebase(Draft(data))
    assert shown.builder.draft.data is data


def test_what_the_form_cannot_say_stays(shown: Shown) -> None:
    """Groups deeper than the form are shown as text, and survive an edit beside them."""
    deep = {"any": [{"not": {"all": [{"any": [{"a": 1}, {"b": 2}]}, {"c": 3}]}}, {"d": 4}]}
    data = {
        "name": "x",
        "steps": [{"event": "a", "where": deep}],
        "payload": {"json": {"k": [1, "v"]}},
    }
    shown.builder.editing.rebase(Draft(data))
    shown.open("Definition")
    assert "Kept as it is" in shown.html
    shown.field("Name").value = "other"
    assert shown.builder.draft.data == {**data, "name": "other"}


def test_text_that_cannot_be_read_is_kept(shown: Shown) -> None:
    """The YAML editor keeps what is typed; the forms show what was readable before it."""
    shown.builder.editing.rebase(Draft({"name": "any", "steps": [{"event": "visit"}]}))
    shown.open("YAML")
    editor = shown.field("as YAML")
    editor.value = "name: [\nsteps"
    assert "Line " in shown.html
    shown.open("Definition")
    assert shown.field("Name").value == "any"
    shown.open("YAML")
    assert editor.value == "name: [\nsteps"
    editor.value = "name: new # said\nsteps: [{event: visit}]\n"
    assert shown.builder.to_yaml() == "name: new # said\nsteps: [{event: visit}]\n"


def test_markup_of_events_is_text(shown: Shown) -> None:
    """Names and values of events reach no HTML but as text."""
    evil = "<img src=x onerror=alert(1)>"
    data = {
        "name": evil,
        "steps": [{"event": evil, "where": {evil: evil, "any": [{evil: {"gt": evil}}]}}],
        "within": evil,
        "destination": {"url": evil, "headers": {evil: evil}},
        "payload": {"fields": [{"step": 0, "property": evil, "as": evil}]},
    }
    for part in PARTS:
        shown.open(part)
        shown.builder.editing.rebase(Draft(data))
        labels = "".join(
            each.description
            for each in shown.widgets()
            if getattr(each, "description_allow_html", False)
        )
        assert "<img" not in shown.html + labels
        assert "<img" not in shown.builder._summary()


def test_a_plain_secret_is_shown_in_no_summary() -> None:
    """A password typed where its reference belongs does not reach the saved notebook."""
    builder = Builder(EVENTS, Stream("any", [{"event": "visit"}]))
    data = put(
        builder.draft.data,
        ("destination",),
        {"url": "https://x.example", "headers": {"Authorization": "Bearer s3cr3t"}},
    )
    builder.editing.change(data)
    assert [problem.code for problem in builder.draft.problems] == ["plain-secret"]
    assert "s3cr3t" not in builder._summary()
    builder.close()


def test_saving(tmp_path: Any) -> None:
    """It writes the file with its comments, and not over what somebody else wrote meanwhile."""
    file = tmp_path / "any.yaml"
    file.write_text("name: any # what it is\nsteps:\n  - event: visit\n")
    builder = Builder(EVENTS, file)
    builder.edit(("enabled",), False)
    builder.save()
    assert file.read_text() == "name: any # what it is\nenabled: false\nsteps:\n  - event: visit\n"
    file.write_text("name: theirs\n")
    builder.edit(("enabled",), True)
    with pytest.raises(FileExistsError):
        builder.save()
    builder.save(overwrite=True)
    assert Stream.from_file(file) == builder.stream
    builder.save(tmp_path / "any.json")
    assert Stream.from_file(tmp_path / "any.json").name == "any"
    builder.close()


def test_a_file_that_is_not_there_yet(tmp_path: Any) -> None:
    """It is a new stream, which knows the named conditions beside it."""
    (tmp_path / "events.yaml").write_text("away: {event: logout}\n")
    builder = Builder(EVENTS, tmp_path / "new.yaml")
    builder.edit(("steps",), [{"defined": "away"}])
    builder.edit(("name",), "new")
    builder.save()
    assert Stream.from_file(tmp_path / "new.yaml") == builder.stream
    builder.close()


def test_thirty_steps_and_five_hundred_names() -> None:
    """A long stream opens with its cards closed, and an edit leaves the other cards alone."""
    names = [f"event_{number:03}" for number in range(500)]
    events = pl.DataFrame(
        {"time": ["2026-03-01T10:00:00Z"] * 500, "event": names, "session_id": ["s"] * 500}
    )
    steps = [{"event": name} for name in names[:30]]
    builder = Builder(events, Stream("long", steps, within="1h"))
    builder._read_catalog()
    builder._window = window = Window(builder)
    views = window._parts["Definition"]._steps._views
    assert len(views) == 30
    assert not any(view._body for view in views)
    assert len(builder.choices.options) == 501
    before = [view.box.children for view in views]
    builder.edit(("steps", 7, "event"), "event_499")
    assert [view.box.children for view in views] == before
    assert "event_499" in views[7]._title.value
    builder.close()
