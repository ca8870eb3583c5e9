"""The JSON Schema that every body of a payload meets, worked out from the mapping and the types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from streamkit.definition.context_paths import ContextPath, parse_context_path
from streamkit.definition.payload_mapping import PayloadMapping, payload_mapping
from streamkit.errors import EventsError
from streamkit.events.property import Property
from streamkit.events.types import Kind, ValueType
from streamkit.matching.contexts import Columns, meanings_of_firing
from streamkit.payload.compiling import plain_copy

if TYPE_CHECKING:
    from streamkit.definition import Stream

__all__ = ["body_schema"]

Schema: TypeAlias = dict[str, Any]
ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
SCALARS: Mapping[Kind, Schema] = {
    Kind.TEXT: TEXT,
    Kind.BOOLEAN: BOOLEAN,
    Kind.INTEGER: INTEGER,
    Kind.DOUBLE: NUMBER,
    Kind.DECIMAL: {"type": ["number", "string"]},
    Kind.TIMESTAMP: TIME,
    Kind.DATE: {"type": "string", "format": "date"},
}
CASTS: Mapping[str, Schema] = {
    "text": TEXT,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "time": TIME,
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a part of the mapping may give.

    Args:
        schema: The schema of its values.
        may_lack: Whether it may be missing.
    """

    schema: Schema
    may_lack: bool = True


def _listed(schema: Schema) -> Schema:
    return {"type": "array", "items": _or_null(schema)}


RESULTS: Mapping[str, _Shape] = {
    "concat": _Shape(TEXT, may_lack=False),
    "toUnixTimestamp": _Shape(INTEGER),
    "asString": _Shape(TEXT),
    "asNumber": _Shape(NUMBER),
    "asBool": _Shape(BOOLEAN),
    "asStrings": _Shape({"type": "array", "items": {"type": ["string", "null"]}}),
    "asNumbers": _Shape({"type": "array", "items": {"type": ["number", "null"]}}),
    "asBools": _Shape({"type": "array", "items": {"type": ["boolean", "null"]}}),
    **dict.fromkeys(("eq", "gt", "lt", "and", "or", "not"), _Shape(BOOLEAN, may_lack=False)),
    **dict.fromkeys(
        ("lower", "upper", "trim", "replace", "join", "formatTime", "sha256", "urlEncode", "limit"),
        _Shape(TEXT),
    ),
    "split": _Shape({"type": "array", "items": TEXT}),
    "length": _Shape(INTEGER),
    "get": _Shape(ANYTHING),
    **dict.fromkeys(("add", "sub", "mul", "div", "round"), _Shape(NUMBER)),
    "secret": _Shape(TEXT, may_lack=False),
}
"""What calls give whose result says its own type."""


def body_schema(stream: Stream, columns: Columns | None) -> Schema:
    """The JSON Schema (draft 2020-12) of a stream's bodies, secrets filled in or not.

    Args:
        stream: The stream.
        columns: The events, whose types then show in it.
    """
    mapping = payload_mapping(stream)
    shaping = _Shaping(stream, columns, mapping)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"body of {stream.name}",
        **shaping.placed(shaping.shape(mapping.body)),
    }


@dataclass(frozen=True, slots=True)
class _Shaping:
    """One walk over a mapping."""

    stream: Stream
    columns: Columns | None
    mapping: PayloadMapping

    def shape(self, value: Any) -> _Shape:
        """What a part of the mapping may give."""
        if isinstance(value, Mapping):
            return _Shape(self._object(value), may_lack=False)
        if not isinstance(value, list | tuple):
            return _Shape({"const": value}, may_lack=False)
        if value and isinstance(value[0], str):
            return self._call(value[0], value[1:])
        return self.array(value)

    def placed(self, shape: _Shape) -> Schema:
        """The schema of a part where it stands in the body: what is missing may be null there."""
        if not shape.may_lack or self.mapping.missing == "error":
            return shape.schema
        return _or_null(shape.schema)

    def _object(self, entries: Mapping[str, Any]) -> Schema:
        shapes = {key: self.shape(item) for key, item in entries.items()}
        omits = self.mapping.missing == "omit"
        schema: Schema = {
            "type": "object",
            "properties": {
                key: shape.schema if omits else self.placed(shape) for key, shape in shapes.items()
            },
            "additionalProperties": False,
        }
        required = [key for key, shape in shapes.items() if not (omits and shape.may_lack)]
        return {**schema, "required": required} if required else schema

    def array(self, items: Sequence[Any]) -> _Shape:
        count = len(items)
        schema: Schema = {"type": "array", "minItems": count, "maxItems": count}
        if count:
            schema["prefixItems"] = [self.placed(self.shape(each)) for each in items]
        return _Shape(schema, may_lack=False)

    def _call(self, name: str, arguments: Sequence[Any]) -> _Shape:
        if name in RESULTS:
            return RESULTS[name]
        return SHAPES[name](self, arguments)

    def any_of(self, values: Sequence[Any]) -> Schema:
        """The schema of one of several parts."""
        schemas: list[Schema] = []
        for value in values:
            schema = self.shape(value).schema
            if schema not in schemas:
                schemas.append(schema)
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def path(self, text: str) -> _Shape:
        """What a path may give."""
        path = parse_context_path(text, len(self.stream.positive_steps))
        match path:
            case ContextPath("stream", fact=fact):
                known = self.stream.name if fact == "name" else self.stream.version
                return _Shape({"const": known}, may_lack=False)
            case ContextPath("key", step=part):
                listed = {"type": "array", "items": TEXT}
                return _Shape(TEXT) if part is not None else _Shape(listed, may_lack=False)
            case ContextPath("match" | "session" | "user", fact=str(fact)):
                return _Shape(FACTS[fact])
        if path.root not in ("user", "session"):
            return _Shape(self._type(path))
        assert path.path is not None
        meanings = [] if self.columns is None else meanings_of_firing(path.path, self.columns)
        return _Shape(_of_property(meanings[0]) if len(meanings) == 1 else ANYTHING)

    def _type(self, path: ContextPath) -> Schema:
        if self.columns is None or path.path is None:
            return ANYTHING
        try:
            return _of_property(self.columns.bind(path.path))
        except EventsError:
            return ANYTHING


FACTS: Mapping[str, Schema] = {
    "id": TEXT,
    "started_at": TIME,
    "matched_at": TIME,
    "fired_at": TIME,
    "duration": NUMBER,
    "event_count": INTEGER,
}


def _var(shaping: _Shaping, arguments: Sequence[Any]) -> _Shape:
    found = shaping.path(arguments[0])
    if len(arguments) == 1 or arguments[1] is None:
        return found
    default = shaping.shape(arguments[1])
    if ANYTHING in (found.schema, default.schema):
        return _Shape(ANYTHING, found.may_lack and default.may_lack)
    schema = {"anyOf": [found.schema, default.schema]}
    return _Shape(schema, found.may_lack and default.may_lack)


def _either(shaping: _Shaping, arguments: Sequence[Any]) -> _Shape:
    """`coalesce`, and `if` without its condition: a null that stands there is missing."""
    shapes = [shaping.shape(each) for each in arguments]
    return _Shape(
        shaping.any_of(arguments),
        all(each.may_lack or each.schema == {"const": None} for each in shapes),
    )


def _if(shaping: _Shaping, arguments: Sequence[Any]) -> _Shape:
    branches = arguments[1:]
    shapes = [shaping.shape(each) for each in branches]
    may_lack = any(each.may_lack or each.schema == {"const": None} for each in shapes)
    return _Shape(shaping.any_of(branches), may_lack or len(branches) == 1)


def _literal(_: _Shaping, arguments: Sequence[Any]) -> _Shape:
    value = plain_copy(arguments[0])
    return _Shape({"const": value}, may_lack=value is None)


def _param(shaping: _Shaping, arguments: Sequence[Any]) -> _Shape:
    assert shaping.mapping.given is not None
    return shaping.shape(shaping.mapping.given[arguments[0]])


def _need(shaping: _Shaping, arguments: Sequence[Any]) -> _Shape:
    return _Shape(shaping.shape(arguments[0]).schema, may_lack=False)


SHAPES: Mapping[str, Callable[[_Shaping, Sequence[Any]], _Shape]] = {
    "var": _var,
    "list": lambda shaping, arguments: shaping.array(arguments),
    "literal": _literal,
    "coalesce": _either,
    "if": _if,
    "param": _param,
    "need": _need,
}


def _of_property(bound: Property) -> Schema:
    type_ = bound.type
    if bound.cast is not None:
        lists = 0
        while type_.kind is Kind.LIST and type_.element is not None:
            type_, lists = type_.element, lists + 1
        if type_.kind is Kind.JSON:  # a document may hold a list where a scalar was declared
            return ANYTHING
        return _listed(CASTS[bound.cast]) if lists else CASTS[bound.cast]
    return _of_type(type_)


def _of_type(type_: ValueType) -> Schema:
    if type_.kind in SCALARS:
        return SCALARS[type_.kind]
    if type_.kind is Kind.LIST and type_.element is not None:
        return _listed(_of_type(type_.element))
    if type_.kind is Kind.MAP and type_.element is not None:
        return {"type": "object", "additionalProperties": _or_null(_of_type(type_.element))}
    if type_.kind is Kind.STRUCT:
        fields = {name: _or_null(_of_type(each)) for name, each in type_.fields}
        return {"type": "object", "properties": fields, "additionalProperties": False}
    return ANYTHING


def _or_null(schema: Schema) -> Schema:
    return schema if schema == ANYTHING else {"anyOf": [schema, {"type": "null"}]}
