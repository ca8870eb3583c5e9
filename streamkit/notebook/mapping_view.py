"""The part of the builder that says what is sent, with a real body beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit.definition.payload_templates import TEMPLATES
from streamkit.document.nodes import Place
from streamkit.markup import Markup, shown, tag
from streamkit.notebook.criteria_view import field_name
from streamkit.notebook.field_rows_view import FieldRowsView
from streamkit.notebook.fields import Field, Kit, Open, problem_html, scrolling
from streamkit.notebook.plain_edits import REMOVED, put, value_at

if TYPE_CHECKING:
    from streamkit.notebook.bodies import SampleBody
    from streamkit.notebook.builder import Builder

__all__ = ["MappingView"]

PLACE: Place = ("payload",)
MODES = [
    ("the generic envelope (default)", ""),
    ("fields: step, property, name", "fields"),
    ("JSON", "json"),
    *((f"template: {each.title}", f"template {name}") for name, each in TEMPLATES.items()),
]
MISSING = [("null (default)", ""), ("as null", "as_null"), ("left out", "omit"),
           ("an error: nothing is sent", "error")]  # fmt: skip
LONGEST_LINE = 70
STARTING_JSON = {"match_id": ["var", "match.id"], "stream": ["var", "stream.name"]}


class MappingView:
    """Fields, JSON or a template; and the body of a match.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._mode = kit.choice("The body is made from", MODES, classes="sk-wide")
        self._missing = kit.choice("A missing value is", MISSING)
        self._strict = kit.check("Only Fullstory's own calls (strict)")
        self._forms: dict[str, Any] = {
            "fields": FieldRowsView(kit, builder),
            "json": _JsonView(kit, builder),
            "template": _TemplateView(kit, builder),
        }
        self._lines = kit.html(classes="sk-problem")
        self._form = kit.column()
        self._body = kit.html(classes="sk-wide-content")
        self._options = kit.row(classes="sk-options sk-aligned")
        left = kit.column(
            [
                self._options,
                self._form,
                self._lines,
            ],
            "sk-left",
        )
        right = kit.column(
            [kit.html(tag("h4", "What would be sent")), self._body], "sk-right sk-preview"
        )
        self.box = kit.row([left, right], "sk-main-row")
        kit.on_change(self._mode, self._mode_edited)
        kit.on_change(self._missing, partial(self._put, "missing"))
        kit.on_change(self._strict, lambda value: self._put("strict", "fullstory" if value else ""))

    def show(self) -> None:
        """Show the builder's draft."""
        draft = self._builder.draft
        problems = Open(() if draft.broken else draft.problems)
        payload = draft.data.get("payload")
        mode = _mode_of(payload)
        known = MODES if mode in [each for _, each in MODES] else [*MODES, ("as in the YAML", mode)]
        self._kit.offer(self._mode, known)
        self._mode.value = mode
        missing = value_at(payload, ("missing",), "")
        self._missing.value = missing if missing in dict(MISSING).values() else ""
        self._strict.value = value_at(payload, ("strict",)) is not None
        form = self._forms.get(mode.split(" ")[0])
        if form is not None:
            form.show(problems)
        self._kit.fill(self._options, [self._mode, *([self._missing] if form else [])])
        self._kit.fill(self._form, [] if form is None else [form.box, self._strict])
        self._lines.value = problem_html(problems.take(PLACE))

    def show_body(self, sample: SampleBody) -> None:
        """Show the body of a match."""
        with self._kit.showing():
            self._body.value = body_html(sample)

    def _mode_edited(self, mode: str) -> None:
        data = self._builder.draft.data
        before = data.get("payload")
        kept = {}
        if isinstance(before, Mapping):
            kept = {key: before[key] for key in ("missing", "strict") if key in before}
        kind, _, name = mode.partition(" ")
        if kind == "fields":
            payload: Any = {"fields": [{"step": 0, "property": "", "as": ""}], **kept}
        elif kind == "json":
            payload = {"json": _as_json(self._builder) or STARTING_JSON, **kept}
        elif kind == "template":
            required = {
                key: "" for key, each in TEMPLATES[name].parameters.items() if each.is_required
            }
            payload = {"template": name, **({"with": required} if required else {})}
        else:
            payload = REMOVED
        self._builder.editing.change(put(data, PLACE, payload))

    def _put(self, key: str, value: str) -> None:
        data = put(self._builder.draft.data, (*PLACE, key), value or REMOVED)
        self._builder.editing.change(data)


def body_html(sample: SampleBody) -> Markup:
    """A body, or why there is none."""
    if sample.body is None:
        return Markup(tag("div", sample.words) + problem_html(sample.problems))
    lines = "\n".join(shown(line, 300) for line in sample.text.splitlines())
    return Markup(tag("div", sample.words) + scrolling("The body", tag("pre", lines)))


def _mode_of(payload: Any) -> str:
    if payload is None:
        return ""
    if not isinstance(payload, Mapping):
        return "other"
    if "template" in payload:
        return f"template {payload['template']}"
    return next((key for key in ("fields", "json") if key in payload), "other")


def _as_json(builder: Builder) -> Any:
    """The fields there are as a mapping in JSON mode; None where there are none."""
    from streamkit.definition.payload_mapping import payload_mapping

    stream = builder.draft.stream
    if stream is None or stream.payload is None or "fields" not in stream.payload:
        return None
    return payload_mapping(stream).body


class _JsonView:
    """The mapping as JSON text, with errors at their lines."""

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._builder = builder
        self._text = Field(
            kit, kit.area("The body, as JSON; an array that begins with text is a call", rows=16)
        )
        self.box = self._text.box
        kit.on_change(self._text.widget, self._edited)

    def show(self, problems: Open) -> None:
        value = value_at(self._builder.draft.data, (*PLACE, "json"))
        html = problem_html(problems.take((*PLACE, "json")))
        if _parsed(self._text.widget.value)[0] == value and self._text.widget.value:
            self._text.say(html)
        else:
            self._text.show(_laid_out(value), html)

    def _edited(self, text: str) -> None:
        value, problem = _parsed(text)
        if problem:
            self._text.say(tag("div", tag("strong", "Problem: "), problem, **{"class": "sk-line"}))
            return
        place = (*PLACE, "json")
        data = put(self._builder.draft.data, place, value)
        self._builder.editing.change(data, field_name(place, "json"))


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON with a line for each key, and what is short, such as a call, on one line."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    if len(indent + line) <= LONGEST_LINE or not isinstance(value, (dict, list)) or not value:
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        items = [
            f"{json.dumps(k, ensure_ascii=False)}: {_laid_out(v, inner)}" for k, v in value.items()
        ]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    items = [_laid_out(each, inner) for each in value]
    return "[\n" + ",\n".join(inner + item for item in items) + f"\n{indent}]"


def _parsed(text: str) -> tuple[Any, str]:
    """What JSON text means, and why it means nothing."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        return None, f"line {error.lineno}, column {error.colno}: {error.msg}"
    except (ValueError, RecursionError) as error:
        return None, str(error)


class _TemplateView:
    """What a template asks for."""

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._about = kit.html()
        self._fields: dict[str, Field] = {}
        self.box = kit.column()

    def show(self, problems: Open) -> None:
        payload = self._builder.draft.data.get("payload")
        template = TEMPLATES.get(str(value_at(payload, ("template",))))
        if template is None:
            self._kit.fill(self.box, [])
            return
        self._about.value = tag("div", f"Checked against: {template.checked}")
        boxes = []
        for key, parameter in template.parameters.items():
            if key not in self._fields:
                label = f"{key}: {parameter.help}"
                widget = self._kit.combo(label, options=parameter.choices, classes="sk-widest")
                self._kit.on_change(widget, partial(self._edited, key))
                self._fields[key] = Field(self._kit, widget)
            field = self._fields[key]
            field.widget.description = f"{key}: {parameter.help}"
            value = value_at(payload, ("with", key))
            html = problem_html(problems.take((*PLACE, "with", key)))
            if _given(field.widget.value) == value:
                field.say(html)
            else:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                field.show("" if value is None else text, html)
            boxes.append(field.box)
        self._kit.fill(self.box, [self._about, *boxes])

    def _edited(self, key: str, text: str) -> None:
        place = (*PLACE, "with", key)
        value = _given(text)
        data = put(self._builder.draft.data, place, REMOVED if value is None else value)
        if not data["payload"]["with"]:
            data = put(data, (*PLACE, "with"), REMOVED)
        self._builder.editing.change(data, field_name(place, key))


def _given(text: str) -> Any:
    """What is given to a template: text, or a mapping as JSON."""
    if not text:
        return None
    if text.lstrip()[:1] in "[{":
        value, problem = _parsed(text)
        return text if problem else value
    return text
