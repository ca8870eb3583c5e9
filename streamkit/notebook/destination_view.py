"""The part of the builder that says where matches go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit.definition.destination_reading import METHODS, RETRY_PROFILES
from streamkit.document.nodes import Place
from streamkit.markup import tag
from streamkit.notebook.connection_view import ConnectionView
from streamkit.notebook.criteria_view import field_name
from streamkit.notebook.fields import Field, Kit, Open, problem_html
from streamkit.notebook.plain_edits import REMOVED, put, value_at
from streamkit.notebook.step_view import typed_text

if TYPE_CHECKING:
    from streamkit.notebook.builder import Builder

__all__ = ["DestinationView"]

PLACE: Place = ("destination",)
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class DestinationView:
    """Method, address, connection, headers, retry and rate.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._fields: dict[str, Field] = {}
        methods = [("POST (default)", ""), *((each, each) for each in METHODS)]
        self._add("method", kit.choice("Method", methods))
        self._add("url", kit.text("URL, or a reference such as env:HOOK_URL", classes="sk-widest"))
        self._add("connection", kit.choice("Connection", [("none", "")]))
        self._add("retry", kit.combo("Retry", options=tuple(RETRY_PROFILES), hint="standard"))
        self._add("rate", kit.text("Requests a second", hint="10"))
        self._add(
            "max_age",
            kit.combo("Not sent when older than", options=("1h", "24h", "72h"), hint="72h"),
        )
        self._add("allow_http", kit.check("Allow http"))
        self._add("allow_private", kit.check("Allow private addresses"))
        self._headers = _HeadersView(kit, builder)
        self._connections = ConnectionView(kit, builder)
        self._lines = kit.html(classes="sk-problem")
        boxes = {name: field.box for name, field in self._fields.items()}
        row = "sk-options sk-aligned"
        remove = kit.button("Remove the destination", self._removed, classes="sk-small")
        self.box = kit.column(
            [
                kit.row([boxes["method"], boxes["url"]], row),
                kit.row(
                    [boxes["connection"], boxes["retry"], boxes["rate"], boxes["max_age"]], row
                ),
                kit.row([boxes["allow_http"], boxes["allow_private"]]),
                self._lines,
                kit.html(tag("h4", "Headers")),
                self._headers.box,
                kit.html(tag("h4", "Connections: how the endpoint knows who sends")),
                self._connections.box,
                kit.row([remove]),
            ],
            "sk-part",
        )

    def _add(self, name: str, widget: Any) -> None:
        self._fields[name] = Field(self._kit, widget)
        self._kit.on_change(widget, partial(self._edited, name))

    def show(self) -> None:
        """Show the builder's draft."""
        draft = self._builder.draft
        problems = Open(() if draft.broken else draft.problems)
        names = self._builder.connection_names
        chosen = value_at(draft.data, (*PLACE, "connection"))
        known = [("none", ""), *((name, name) for name in names)]
        if isinstance(chosen, str) and chosen not in names:
            known.append((f"{chosen} (not known here)", chosen))
        self._kit.offer(self._fields["connection"].widget, known)
        for name, field in self._fields.items():
            value = value_at(draft.data, (*PLACE, name))
            html = problem_html(problems.take((*PLACE, name)))
            if name in ("allow_http", "allow_private"):
                field.show(value is True, html)
            elif name in ("method", "connection"):
                options = [each for _, each in field.widget.options]
                field.show(value if value in options else "", html)
            elif _read(name, field.widget.value) == value:
                field.say(html)
            else:
                field.show(_shown(value), html)
        self._headers.show(problems)
        self._connections.show()
        self._lines.value = problem_html(problems.take(PLACE))

    def _edited(self, name: str, value: Any) -> None:
        place = (*PLACE, name)
        read = _read(name, value)
        data = put(self._builder.draft.data, place, REMOVED if read is None else read)
        if not data["destination"]:
            data = put(data, PLACE, REMOVED)
        self._builder.editing.change(data, field_name(place, name))

    def _removed(self) -> None:
        self._builder.editing.change(put(self._builder.draft.data, PLACE, REMOVED))


def _shown(value: Any) -> str:
    """A value as its field has it; delays of several tries with commas between."""
    return ", ".join(map(typed_text, value)) if isinstance(value, list) else typed_text(value)


def _read(name: str, value: Any) -> Any:
    """What a field's value means; None for a key to be left out."""
    if isinstance(value, bool):
        return value or None
    text = value.strip()
    if name == "retry" and ("," in text or NUMBER.fullmatch(text) or text[:1].isdigit()):
        return [_number(part.strip()) for part in text.split(",") if part.strip()]
    if name == "rate":
        return _number(text) or None
    return text or None


def _number(text: str) -> Any:
    if NUMBER.fullmatch(text) is None or len(text) > 15:
        return text
    return float(text) if "." in text else int(text)


class _HeadersView:
    """Names and values, a row each."""

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._rows: list[tuple[Any, Any, Field]] = []
        self._pairs: list[tuple[str, Any]] = []
        self._add = kit.row([kit.button("Add header", self._added)], "sk-quiet")
        self.box = kit.column()

    def show(self, problems: Open) -> None:
        headers = value_at(self._builder.draft.data, (*PLACE, "headers"))
        self._pairs = list(headers.items()) if isinstance(headers, Mapping) else []
        while len(self._rows) < len(self._pairs):
            self._rows.append(self._new(len(self._rows)))
        for (name, value, field), (key, text) in zip(self._rows, self._pairs, strict=False):
            name.value = key
            value.value = typed_text(text)
            field.say(problem_html(problems.take((*PLACE, "headers", key))))
        boxes = [field.box for _, _, field in self._rows[: len(self._pairs)]]
        self._kit.fill(self.box, [*boxes, self._add])

    def _new(self, number: int) -> tuple[Any, Any, Field]:
        context = f"Header {number + 1}"
        name = self._kit.text("Name", context)
        value = self._kit.text("Value, or a reference of a secret", context, classes="sk-wide")
        remove = self._kit.button("Remove", partial(self._edit, number, None), classes="sk-small",
                                  title=f"{context}: remove")  # fmt: skip
        self._kit.on_change(name, lambda text: self._edit(number, (text, self._pairs[number][1])))
        self._kit.on_change(value, lambda text: self._edit(number, (self._pairs[number][0], text)))
        row = self._kit.row([name, value, remove], "sk-options sk-aligned")
        return name, value, Field(self._kit, row)

    def _edit(self, number: int, pair: tuple[str, Any] | None) -> None:
        pairs = list(self._pairs)
        pairs[number : number + 1] = [] if pair is None else [pair]
        self._change(pairs, f"header {number}" if pair else "")

    def _added(self) -> None:
        self._change([*self._pairs, ("", "")], "")

    def _change(self, pairs: list[tuple[str, Any]], field: str) -> None:
        place = (*PLACE, "headers")
        data = put(self._builder.draft.data, place, dict(pairs) or REMOVED)
        self._builder.editing.change(data, field_name(place, field))
