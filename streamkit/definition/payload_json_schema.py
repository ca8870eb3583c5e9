"""The part of a stream's JSON Schema that is about its payload."""

from __future__ import annotations

from typing import Any, TypeAlias

from streamkit.definition.payload_calls import CALLS
from streamkit.definition.payload_reading import MISSING, MODES
from streamkit.definition.payload_templates import TEMPLATES, Template

__all__ = ["field_schema", "mapping_schema", "payload_schema"]

Schema: TypeAlias = dict[str, Any]
MAPPING: Schema = {"$ref": "#/$defs/mapping"}


def payload_schema() -> Schema:
    """The key `payload` of a stream."""
    keys: Schema = {
        "fields": {
            "type": "array",
            "items": {"$ref": "#/$defs/field"},
            "minItems": 1,
            "description": "A flat body: a property under a name, each.",
        },
        "json": {
            **MAPPING,
            "not": {"type": "string"},
            "description": "The body; an array that begins with text is a call.",
        },
        "template": {"enum": list(TEMPLATES), "description": "The form that a receiver asks for."},
        "with": {"type": "object", "description": "What the template asks for."},
        "missing": {
            "enum": list(MISSING),
            "default": "as_null",
            "description": "What becomes of a missing value: null, left out, or no body at all.",
        },
        "strict": {"enum": ["fullstory"], "description": "Only calls of Fullstory's own mapping."},
    }
    modes = [{"required": [mode]} for mode in MODES]
    return {
        **_closed(keys),
        "oneOf": modes,
        "allOf": [_template(name, template) for name, template in TEMPLATES.items()],
        "description": "What to send.",
    }


def _template(name: str, template: Template) -> Schema:
    """What `with` holds beside the name of a template."""
    is_it = {"properties": {"template": {"const": name}}, "required": ["template"]}
    parameters = {
        key: {
            **MAPPING,
            "description": each.help,
            **(_one_of(each.choices) if each.choices else {}),
        }
        for key, each in template.parameters.items()
    }
    needed = [key for key, each in template.parameters.items() if each.is_required]
    given: Schema = {"properties": {"with": _closed(parameters, required=needed)}}
    return {"if": is_it, "then": {**given, "required": ["with"]} if needed else given}


def _one_of(choices: tuple[str, ...]) -> Schema:
    """A word if it is text; a mapping may stand in its place."""
    return {"if": {"type": "string"}, "then": {"enum": list(choices)}}


def field_schema() -> Schema:
    """A row of `fields`."""
    keys: Schema = {
        "step": {
            "anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["first", "last"]}],
            "description": "The step, from 0; without it the property is a path such as user.email.",
        },
        "property": {"type": "string", "description": "The property's path."},
        "as": {"type": "string", "description": "Its name in the body."},
    }
    return _closed(keys, required=["property", "as"])


def mapping_schema() -> Schema:
    """A mapping: any JSON, in which an array that begins with text is a call."""
    is_literal = {"type": "array", "prefixItems": [{"const": "literal"}], "minItems": 1}
    call = {"prefixItems": [{"anyOf": [{"not": {"type": "string"}}, {"enum": list(CALLS)}]}]}
    return {
        "if": is_literal,
        "then": {"minItems": 2, "maxItems": 2},
        "else": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "object", "additionalProperties": MAPPING},
                {"type": "array", **call, "items": MAPPING},
            ]
        },
        "description": "A value of the body: itself, an object, an array, or a call.",
    }


def _closed(properties: Schema, required: list[str] | None = None) -> Schema:
    """An object with these keys and no others."""
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema
