"""A payload in fields mode: rows of step, property and name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit.document.nodes import Place
from streamkit.markup import shown
from streamkit.notebook.criteria_view import field_name
from streamkit.notebook.fields import Field, Kit, Open, problem_html
from streamkit.notebook.plain_edits import REMOVED, put, value_at
from streamkit.notebook.step_view import typed_text

if TYPE_CHECKING:
    from streamkit.notebook.builder import Builder

__all__ = ["FieldRowsView"]

PLACE: Place = ("payload",)


class FieldRowsView:
    """Rows of step, property and name.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._rows: list[dict[str, Any]] = []
        self._add = kit.row([kit.button("Add field", self._added)], "sk-quiet")
        self.box = kit.column()

    def show(self, problems: Open) -> None:
        """Show the fields of the builder's draft."""
        items = value_at(self._builder.draft.data, (*PLACE, "fields"))
        items = items if isinstance(items, list) else []
        while len(self._rows) < len(items):
            self._rows.append(self._new(len(self._rows)))
        steps = _step_options(self._builder)
        for number, item in enumerate(items):
            self._show_row(number, item if isinstance(item, Mapping) else {}, steps, problems)
        boxes = [row["field"].box for row in self._rows[: len(items)]]
        self._kit.fill(self.box, [*boxes, self._add])

    def _show_row(
        self, number: int, item: Mapping[str, Any], steps: list[tuple[str, Any]], problems: Open
    ) -> None:
        row = self._rows[number]
        step = item.get("step", "")
        known = steps if step in [each for _, each in steps] else [*steps, (str(step), step)]
        self._kit.offer(row["step"], known)
        row["step"].value = step
        row["property"].value = typed_text(item.get("property"))
        row["as"].value = typed_text(item.get("as"))
        self._kit.offer(row["property"], _paths(self._builder, step))
        row["field"].say(problem_html(problems.take((*PLACE, "fields", number))))

    def _new(self, number: int) -> dict[str, Any]:
        kit, context = self._kit, f"Field {number + 1}"
        row: dict[str, Any] = {
            "step": kit.choice("Of", [("the match", "")], context),
            "property": kit.combo("Property", context, classes="sk-wide"),
            "as": kit.text("Name in the body", context),
        }
        for key, widget in row.items():
            kit.on_change(widget, partial(self._edited, number, key))
        remove = kit.button("Remove", partial(self._removed, number), classes="sk-small",
                            title=f"{context}: remove")  # fmt: skip
        row["field"] = Field(kit, kit.row([*row.values(), remove], "sk-options sk-aligned"))
        return row

    def _edited(self, number: int, key: str, value: Any) -> None:
        place = (*PLACE, "fields", number, key)
        data = self._builder.draft.data
        item = dict(value_at(data, (*PLACE, "fields", number)) or {})
        if key == "property" and item.get("as") == _last_segment(item.get("property")):
            item["as"] = _last_segment(value)  # the name goes with the property until it is edited
        item[key] = value
        if item.get("step") == "":
            del item["step"]
        data = put(data, (*PLACE, "fields", number), item)
        self._builder.editing.change(data, field_name(place, key))

    def _added(self) -> None:
        data = self._builder.draft.data
        items = value_at(data, (*PLACE, "fields")) or []
        item = {"step": 0, "property": "", "as": ""}
        self._builder.editing.change(put(data, (*PLACE, "fields"), [*items, item]))

    def _removed(self, number: int) -> None:
        data = put(self._builder.draft.data, (*PLACE, "fields", number), REMOVED)
        self._builder.editing.change(data)


def _last_segment(path: Any) -> str:
    return typed_text(path).rsplit(".", 1)[-1]


def _step_options(builder: Builder) -> list[tuple[str, Any]]:
    """The positive steps, by number, with what they are."""
    steps = builder.draft.data.get("steps")
    words = builder.draft.step_words
    options: list[tuple[str, Any]] = [("the match", "")]
    number = 0
    for index, item in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(item, Mapping) and "exclude" not in item:
            said = shown(words[index], 40) if index < len(words) else ""
            options.append((f"step {number + 1}: {said}" if said else f"step {number + 1}", number))
            number += 1
    return [*options, ("the first step", "first"), ("the last step", "last")]


OF_MATCH = (
    "match.id", "match.started_at", "match.matched_at", "match.fired_at", "match.duration", "key",
    "stream.name", "stream.version", "session.event_count", "session.started_at",
    "session.duration",
)  # fmt: skip


def _paths(builder: Builder, step: Any) -> tuple[str, ...]:
    """Properties to choose from: those of a step's event, or what is known of the match."""
    if step == "":
        return OF_MATCH
    steps = builder.draft.data.get("steps")
    positive = [
        item
        for item in (steps if isinstance(steps, list) else [])
        if isinstance(item, Mapping) and "exclude" not in item
    ]
    index = {"first": 0, "last": len(positive) - 1}.get(step, step)
    item = positive[index] if isinstance(index, int) and 0 <= index < len(positive) else {}
    name = item.get("event")
    return tuple(builder.choices.properties(name if isinstance(name, str) else None))
