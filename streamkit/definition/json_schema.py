"""A JSON Schema of stream files, with which editors complete and check them while typing.

It says what a schema can say; `load` checks the rest (paths, patterns, what excludes what).
"""

from __future__ import annotations

from typing import Any, TypeAlias

from streamkit.definition.criteria import NEGATIVES, ORDERED_OPERATORS, TEXT_OPERATORS
from streamkit.definition.criteria_reading import MOST_VALUES
from streamkit.definition.destination_reading import (
    LONGEST_DELAY,
    METHODS,
    MOST_DELAYS,
    MOST_REQUESTS,
    RETRY_PROFILES,
)
from streamkit.definition.payload_json_schema import (
    field_schema,
    mapping_schema,
    payload_schema,
)
from streamkit.definition.stream_reading import (
    FREQUENCIES,
    LONGEST_NAME,
)

__all__ = ["stream_json_schema"]

Schema: TypeAlias = dict[str, Any]

DURATION = r"^([0-9]+(\.[0-9]+)?)(d|h|m|s|ms|us)$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
OPERATOR_MEANINGS = {
    "eq": "Equal to the value.",
    "ne": "Missing, or not equal to the value.",
    "in": "Equal to one of the values.",
    "not_in": "Missing, or equal to none of the values.",
    "gt": "Greater, later, or behind in the order of code points.",
    "gte": "Greater or equal.",
    "lt": "Less.",
    "lte": "Less or equal.",
    "between": "From the first bound to the second, both included.",
    "contains": "The text occurs in it.",
    "not_contains": "Missing, or the text does not occur in it.",
    "starts_with": "It starts with the text.",
    "not_starts_with": "Missing, or it does not start with the text.",
    "ends_with": "It ends with the text.",
    "not_ends_with": "Missing, or it does not end with the text.",
    "matches": "The RE2 pattern matches somewhere in it.",
    "not_matches": "Missing, or the RE2 pattern matches nowhere in it.",
    "exists": "true: present and not null. false: missing or null.",
}


def stream_json_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a stream file.

    Returns:
        A new dict, ready for `json.dump`.

    Example:
        >>> stream_json_schema()["required"]
        ['name', 'steps']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "streamkit stream",
        "description": "What to match, what to send and where to send it.",
        **_object(_stream_keys(), required=["name", "steps"]),
        "$defs": {
            "duration": _duration(),
            "time": _time(),
            "scalar": _scalar(),
            "ordered": _ordered(),
            "property": _property(),
            "where": _where(),
            "condition": _condition(),
            "alternative": _one_of("condition", "named"),
            "named": _object({"defined": DEFINED}, required=["defined"]),
            "any_of": _object({"any_of": ANY_OF}, required=["any_of"]),
            "pattern": _one_of("condition", "any_of", "named"),
            "step": _step(),
            "exclude": _exclude(),
            "field": field_schema(),
            "mapping": mapping_schema(),
        },
    }


def _ref(name: str, description: str | None = None) -> Schema:
    reference: Schema = {"$ref": f"#/$defs/{name}"}
    return reference if description is None else {**reference, "description": description}


def _one_of(*names: str) -> Schema:
    return {"anyOf": [_ref(name) for name in names]}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _stream_keys() -> Schema:
    return {
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_NAME,
            "description": "Unique in its folder; part of every match id.",
        },
        "description": {"type": "string", "description": "For people."},
        "enabled": {
            "type": "boolean",
            "default": True,
            "description": "Whether it is switched on.",
        },
        "per": _per(),
        "where": _ref("where", "Criteria that every step's event meets as well."),
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": _one_of("step", "exclude"),
            "description": "What happens, in order, and what must not happen in between.",
        },
        "exclude": {
            "type": "array",
            "items": _ref("pattern"),
            "description": "Never anywhere between the first and the last event.",
        },
        "within": {
            "anyOf": [_ref("duration"), {"const": "unbounded"}],
            "description": "First to last event; needed for more than one event.",
        },
        "frequency": {
            "enum": list(FREQUENCIES),
            "default": "once",
            "description": "Which of the firing events of a key count.",
        },
        "cooldown": _cooldown(),
        "payload": payload_schema(),
        "destination": _destination(),
    }


def _per() -> Schema:
    return {
        "anyOf": [
            {"enum": ["session", "user"]},
            {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "uniqueItems": True,
                "contains": {"enum": ["session", "user"]},
            },
        ],
        "default": "session",
        "description": "What a match lives inside; a list is the whole key.",
    }


def _cooldown() -> Schema:
    keys = {
        "for": _ref("duration", "From one match to the next."),
        "by": {
            "type": "string",
            "default": "key",
            "description": "key, session, user, or a path of the firing event.",
        },
    }
    return {
        **_object(keys, required=["for"]),
        "description": "The least time between two matches of one value.",
    }


def _destination() -> Schema:
    seconds = {"type": "number", "minimum": 0, "maximum": LONGEST_DELAY}
    delays = {
        "type": "array",
        "items": {"anyOf": [seconds, _ref("duration")]},
        "maxItems": MOST_DELAYS,
    }
    keys: Schema = {
        "method": {"enum": list(METHODS), "default": "POST", "description": "How it is sent."},
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "The address; env:NAME, keyring:service/name or file:path if it is a secret.",
        },
        "connection": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": "A name in connections.yaml: how the endpoint knows who sends.",
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "More headers; a secret is a reference such as env:NAME.",
        },
        "retry": {
            "anyOf": [{"enum": list(RETRY_PROFILES)}, delays],
            "default": "standard",
            "description": "How long to wait before each further try.",
        },
        "rate": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": MOST_REQUESTS,
            "default": 10,
            "description": "At most so many requests a second.",
        },
        "max_age": _ref("duration", "What is older is not sent any more; 72h by default."),
        "allow_http": {
            "type": "boolean",
            "default": False,
            "description": "Whether the address may be http, readable by anybody on the way.",
        },
        "allow_private": {
            "type": "boolean",
            "default": False,
            "description": "Whether the address may be inside a private network.",
        },
    }
    return {**_object(keys, required=["url"]), "description": "Where to send it."}


def _duration() -> Schema:
    return {
        "type": "string",
        "pattern": DURATION,
        "examples": ["500ms", "90s", "15m", "24h", "7d"],
    }


def _time() -> Schema:
    keys = {
        "time": {
            "type": "string",
            "pattern": TIME,
            "description": "RFC 3339; UTC without an offset.",
        }
    }
    return _object(keys, required=["time"])


def _scalar() -> Schema:
    return {"anyOf": [{"type": ["string", "boolean", "number"]}, _ref("time")]}


def _ordered() -> Schema:
    return {"anyOf": [{"type": ["string", "number"]}, _ref("time")]}


def _property() -> Schema:
    operators = {name: _operand(name) for name in OPERATOR_MEANINGS}
    operators["ignore_case"] = {
        "type": "boolean",
        "description": "Fold case; beside text operators.",
    }
    operators_only = {**_object(operators), **_some_operator()}
    return {"anyOf": [_ref("scalar"), operators_only]}


def _some_operator() -> Schema:
    return {"minProperties": 1, "not": {"required": ["ignore_case"], "maxProperties": 1}}


def _operand(operator: str) -> Schema:
    meaning = {"description": OPERATOR_MEANINGS[operator]}
    positive = NEGATIVES.get(operator, operator)
    if positive == "in":
        items = {"items": _ref("scalar"), "minItems": 1, "maxItems": MOST_VALUES}
        return {"type": "array", **items, **meaning}
    if positive == "between":
        items = {"items": _ref("ordered"), "minItems": 2, "maxItems": 2}
        return {"type": "array", **items, **meaning}
    if positive in TEXT_OPERATORS:
        return {"type": "string", **meaning}
    if positive == "exists":
        return {"type": "boolean", **meaning}
    return {**_ref("ordered" if positive in ORDERED_OPERATORS else "scalar"), **meaning}


def _where() -> Schema:
    inner = {"allOf": [_ref("where")], "minProperties": 1}
    several = {"type": "array", "items": inner, "minItems": 1}
    return {
        "type": "object",
        "properties": {
            "any": {**several, "description": "At least one of these holds."},
            "all": {**several, "description": "Every one of these holds."},
            "not": {**inner, "description": "This does not hold."},
        },
        "additionalProperties": _ref("property"),
        "description": "Properties by path, and what each must meet; all of them.",
    }


EVENT: Schema = {"type": "string", "description": "The event's name; without it, any event."}
DEFINED: Schema = {"type": "string", "description": "A condition named in events.yaml."}
ANY_OF: Schema = {
    "type": "array",
    "items": {"$ref": "#/$defs/alternative"},
    "minItems": 1,
    "description": "Any of these conditions.",
}


def _condition() -> Schema:
    return {**_object({"event": EVENT, "where": _ref("where")}), "minProperties": 1}


def _step() -> Schema:
    keys = {
        "event": EVENT,
        "where": _ref("where"),
        "any_of": ANY_OF,
        "defined": DEFINED,
        "within": _ref("duration", "At most this long after the event of the step before."),
        "at_least": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 1,
            "description": "At least this many such events.",
        },
    }
    forms = [_only(["event", "where"]), _only(["any_of"]), _only(["defined"])]
    return {**_object(keys), "anyOf": forms}


def _only(keys: list[str]) -> Schema:
    """At least one of these keys, and none of the others that say what the event is."""
    others = [key for key in ("event", "where", "any_of", "defined") if key not in keys]
    return {
        "anyOf": [{"required": [key]} for key in keys],
        "not": {"anyOf": [{"required": [key]} for key in others]},
    }


def _exclude() -> Schema:
    keys = {
        "exclude": _ref("pattern", "What must not happen here."),
        "lookback": _ref("duration", "Before the first step: how far back it counts."),
        "for": _ref("duration", "After the last step: how long it must not happen."),
    }
    return _object(keys, required=["exclude"])
