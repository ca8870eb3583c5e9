"""What a path means in one schema: decided once, before any row is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from streamkit.errors import EventsError
from streamkit.events.types import JSON, Kind, ValueType
from streamkit.path import Path
from streamkit.suggest import did_you_mean

__all__ = [
    "Access",
    "Each",
    "Element",
    "Field",
    "JsonKeys",
    "MapKey",
    "PairKey",
    "Property",
    "bind",
    "is_pairs",
]


@dataclass(frozen=True, slots=True)
class Field:
    """A struct's field."""

    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """A list's element, counted from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class MapKey:
    """A map's value under a key of the map's key type."""

    key: str | int


@dataclass(frozen=True, slots=True)
class PairKey:
    """The value of the first `{key, value}` struct in a list that has this key."""

    key: str


@dataclass(frozen=True, slots=True)
class Each:
    """Every element of a list, reached on by the accesses that follow."""


@dataclass(frozen=True, slots=True)
class JsonKeys:
    """The rest of a path, inside a JSON document: keys, indexes, or lists to map over."""

    segments: tuple[str, ...]


Access: TypeAlias = Field | Element | MapKey | PairKey | Each | JsonKeys


@dataclass(frozen=True, slots=True)
class Property:
    """A path bound to a schema.

    Args:
        path: What the user wrote.
        column: The column it starts from.
        column_type: That column's type.
        accesses: The way from the column's value to the property's.
        type: The value's type at the end of the way; behind `Each` it is a list.
        cast: Type that scalars are cast to first (`text`, `integer`, `number`, `boolean`,
            `time`), if the schema declares one.
        sql_column: What SQL calls the column, where that is not its name: DuckDB tells no
            two columns apart that differ in nothing but case.
        joined: Properties whose texts together are the value; then there is no column.
    """

    path: Path
    column: str
    column_type: ValueType
    accesses: tuple[Access, ...]
    type: ValueType
    cast: str | None = None
    sql_column: str | None = None
    joined: tuple[Property, ...] = ()

    @property
    def is_document(self) -> bool:
        """Whether the value is inside a JSON document, so that its type shows row by row."""
        return self.type.kind is Kind.JSON


def bind(
    path: Path,
    columns: Mapping[str, ValueType],
    json: frozenset[Path] = frozenset(),
    types: Mapping[Path, str] | None = None,
) -> Property:
    """Decide what a path means.

    The longest column name that the path begins with wins; then each segment is a struct field,
    a map key or a JSON key, in a list an index, or a name inside each of its elements.

    Args:
        path: The path.
        columns: The input's columns and their types.
        json: Paths of text values that hold JSON documents.
        types: Types to cast to, by path.

    Raises:
        EventsError: No such column or struct field (with the nearest name), or a segment below
            a value that has no parts.

    Example:
        >>> columns = {"props": ValueType(Kind.TEXT, "VARCHAR")}
        >>> bind(Path.parse("props.price"), columns, frozenset({Path.parse("props")})).accesses
        (JsonKeys(segments=('price',)),)
    """
    column, *rest = _from_column(path, columns)
    if column not in columns:
        raise EventsError(
            f"no column {column[:200]!r} in the events",
            code="unknown-column",
            hint=did_you_mean(column, columns)
            or "the columns are " + ", ".join(list(columns)[:20]),
        )
    documents = {_from_column(each, columns) for each in json}
    casts = {_from_column(each, columns): cast for each, cast in (types or {}).items()}
    accesses, type_ = _walk((column, *rest), columns[column], documents)
    cast = casts.get((column, *rest))
    return Property(path, column, columns[column], accesses, type_, cast)


def _from_column(path: Path, columns: Mapping[str, ValueType]) -> tuple[str, ...]:
    """A path as the longest column name that it begins with, then segments."""
    for length in range(len(path.segments), 0, -1):
        column = ".".join(path.segments[:length])
        if column in columns:
            return (column, *path.segments[length:])
    return path.segments


def _walk(
    way: tuple[str, ...], type_: ValueType, documents: Collection[tuple[str, ...]]
) -> tuple[tuple[Access, ...], ValueType]:
    """The accesses that lead on from a column, and the type they end at."""
    accesses: list[Access] = []
    lists = 0
    for place in range(1, len(way) + 1):
        if type_.kind is Kind.JSON or (type_.kind is Kind.TEXT and way[:place] in documents):
            accesses.append(JsonKeys(way[place:]))
            return tuple(accesses), _listed(JSON, lists)
        if place == len(way):
            break
        segment = way[place]
        while type_.kind is Kind.LIST and not segment.isdecimal() and not is_pairs(type_):
            accesses.append(Each())
            lists += 1
            type_ = _element(type_)
        access, type_ = _step(way[:place], segment, type_)
        accesses.append(access)
    return tuple(accesses), _listed(type_, lists)


def _step(above: tuple[str, ...], segment: str, type_: ValueType) -> tuple[Access, ValueType]:
    shown = Path(above)
    match type_.kind:
        case Kind.LIST if segment.isdecimal():
            return Element(int(segment)), _element(type_)
        case Kind.LIST:
            return PairKey(segment), dict(_element(type_).fields)["value"]
        case Kind.STRUCT:
            fields = dict(type_.fields)
            if segment in fields:
                return Field(segment), fields[segment]
            raise EventsError(
                f"no field {segment[:200]!r} in the struct {str(shown)!r}",
                code="unknown-field",
                hint=did_you_mean(segment, fields)
                or "the fields are " + ", ".join(list(fields)[:20]),
            )
        case Kind.MAP:
            assert type_.key is not None
            assert type_.element is not None
            if type_.key.kind is Kind.TEXT:
                return MapKey(segment), type_.element
            if type_.key.kind is Kind.INTEGER and segment.lstrip("-").isdecimal():
                return MapKey(int(segment)), type_.element
            raise EventsError(f"the map {str(shown)!r} has no keys of text", code="unknown-field")
    raise EventsError(
        f"{str(shown)!r} is {type_.name} and has nothing below it",
        code="no-parts",
        hint=f"if it holds JSON, list it under 'json:' in the schema ({shown})"
        if type_.kind is Kind.TEXT
        else None,
    )


def _element(type_: ValueType) -> ValueType:
    assert type_.element is not None
    return type_.element


def is_pairs(type_: ValueType) -> bool:
    """Whether a list of structs reads as a map, as GA4 exports one."""
    element = _element(type_)
    return element.kind is Kind.STRUCT and {name for name, _ in element.fields} == {"key", "value"}


def _listed(type_: ValueType, lists: int) -> ValueType:
    for _ in range(lists):
        type_ = ValueType(Kind.LIST, f"{type_.name}[]", element=type_)
    return type_
