"""A stream's payload as one mapping, whatever mode it is written in, and the paths it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamkit.definition.context_paths import ContextPath, parse_context_path
from streamkit.definition.payload_templates import TEMPLATES
from streamkit.document.nodes import Place

if TYPE_CHECKING:
    from streamkit.definition.stream import Stream

__all__ = ["PayloadMapping", "PayloadPath", "payload_mapping", "payload_paths"]

DEFAULT = "envelope"
"""The template of a stream that says nothing about its payload."""


@dataclass(frozen=True, slots=True)
class PayloadMapping:
    """A payload in one form.

    Args:
        body: A mapping as in JSON mode, which may hold the calls of templates.
        missing: `as_null`, `omit` or `error`.
        place: Where it stands in the definition, or would stand for the default envelope.
        given: In a template: the mappings for its parameters.
    """

    body: Any
    missing: str
    place: Place
    given: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PayloadPath:
    """A path that a payload uses.

    Args:
        place: Where it stands in the definition.
        text: The path as it was written.
        path: What it points at.
        has_default: Whether the mapping says what stands for it where it is missing.
    """

    place: Place
    text: str
    path: ContextPath
    has_default: bool


def payload_mapping(stream: Stream) -> PayloadMapping:
    """The payload of a stream as a mapping; that of the generic envelope where it has none.

    Example:
        >>> from streamkit.definition import Stream
        >>> fields = [{"step": 0, "property": "price", "as": "amount"}]
        >>> stream = Stream("s", [{"event": "a"}], payload={"fields": fields})
        >>> payload_mapping(stream).body
        {'amount': ['var', 'event.0.price']}
    """
    payload = stream.payload
    if payload is None:
        template = TEMPLATES[DEFAULT]
        return PayloadMapping(template.mapping, template.missing, ("payload", "template"), {})
    missing = payload.get("missing")
    if payload.get("template") is not None:
        template = TEMPLATES[payload["template"]]
        given = {name: each.default for name, each in template.parameters.items()}
        given.update(payload.get("with") or {})
        return PayloadMapping(
            template.mapping, missing or template.missing, ("payload", "template"), given
        )
    if payload.get("fields") is not None:
        body = {field["as"]: ["var", _field_path(field)] for field in payload["fields"]}
        return PayloadMapping(body, missing or "as_null", ("payload", "fields"))
    return PayloadMapping(payload.get("json"), missing or "as_null", ("payload", "json"))


def _field_path(field: Mapping[str, Any]) -> str:
    step = field.get("step")
    property_: str = field["property"]
    return property_ if step is None else f"event.{step}.{property_}"


def payload_paths(stream: Stream) -> list[PayloadPath]:
    """Every path that a stream's payload uses, with its place in the definition."""
    payload, mapping = stream.payload, payload_mapping(stream)
    steps = len(stream.positive_steps)
    if payload is not None and payload.get("fields") is not None:
        return [
            PayloadPath(
                ("payload", "fields", index, "property"),
                text := _field_path(field),
                parse_context_path(text, steps),
                has_default=False,
            )
            for index, field in enumerate(payload["fields"])
        ]
    found = list(_paths(mapping.body, mapping.place, steps))
    own = (payload or {}).get("with") or {}
    for name, value in (mapping.given or {}).items():
        place: Place = ("payload", "with", name) if name in own else mapping.place
        found += _paths(value, place, steps)
    return found


def _paths(value: Any, place: Place, steps: int) -> Iterator[PayloadPath]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*place, key), steps)
    elif isinstance(value, list | tuple):
        if value and value[0] in ("literal", "param", "secret"):
            return
        start = 1 if value and isinstance(value[0], str) else 0
        if start and value[0] == "var":
            path = parse_context_path(value[1], steps)
            yield PayloadPath((*place, 1), value[1], path, has_default=len(value) > 2)
            start = 2
        for index, item in enumerate(value[start:], start):
            yield from _paths(item, (*place, index), steps)
