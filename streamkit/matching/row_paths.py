"""Properties as functions of one event: the counterpart of `events.row_values`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streamkit.events.property import (
    Access,
    Each,
    Element,
    Field,
    JsonKeys,
    MapKey,
    PairKey,
    Property,
)
from streamkit.events.types import Kind, ValueType
from streamkit.matching.row_casts import cast_to_column, declared_cast
from streamkit.matching.row_documents import INVALID, parse_document
from streamkit.matching.row_values import plain

__all__ = ["Event", "Faults", "Read", "RowReaders"]

Event: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Any], Any]
"""A function of an event, or of a value inside one."""
AS_THEY_ARE = (Kind.JSON, Kind.STRUCT, Kind.MAP, Kind.OTHER)
UNTYPED = (JsonKeys(()),)
"""The accesses of a whole column whose type nobody said."""


class Faults:
    """Values that count as missing, counted once for each event and path.

    Attributes:
        unreadable_json: Documents that are not JSON.
        failed_casts: Values that do not fit the type of their column or path.
    """

    __slots__ = ("failed_casts", "unreadable_json")

    def __init__(self) -> None:
        self.unreadable_json = 0
        self.failed_casts = 0


class RowReaders:
    """Compiles properties to functions of an event.

    A JSON document is parsed once an event, whatever number of properties come from it.

    Args:
        documents: Paths of values that hold JSON text, as column and segments; only asked where
            the column's type does not say it.
        faults: Where values that count as missing are counted.

    Example:
        >>> from streamkit.events.property import bind
        >>> from streamkit.path import Path
        >>> columns = {"props": ValueType(Kind.TEXT, "VARCHAR")}
        >>> price = bind(Path.parse("props.price"), columns, frozenset({Path.parse("props")}))
        >>> RowReaders(faults=Faults()).value(price)({"props": '{"price": 20}'})
        20
    """

    def __init__(
        self, documents: frozenset[tuple[str, ...]] = frozenset(), *, faults: Faults
    ) -> None:
        self.faults = faults
        self._documents = documents
        self._values: dict[tuple[str, tuple[Access, ...], ValueType], Read] = {}
        self._parsers: dict[tuple[str, ...], Read] = {}

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the compiled properties begin at."""
        return frozenset(column for column, _, _ in self._values)

    def value(self, bound: Property) -> Read:
        """The property's value, of its column's type; `types:` not yet applied."""
        known = (bound.column, bound.accesses, bound.type)
        if known not in self._values:
            self._values[known] = self._compile(bound)
        return self._values[known]

    def cast(self, bound: Property) -> Read | None:
        """How one scalar of the property is cast to its declared type; None if none is."""
        if bound.cast is None:
            return None
        type_ = bound.type
        while type_.kind is Kind.LIST and type_.element is not None:
            type_ = type_.element
        cast, faults = declared_cast(bound.cast, type_), self.faults

        def counted(value: Any) -> Any:
            if value is None or type(value) is dict:
                return None
            found = cast(value)
            if found is None:
                faults.failed_casts += 1
            return found

        return counted

    def _compile(self, bound: Property) -> Read:
        column = bound.column
        if not bound.accesses:
            return self._column(column, bound.column_type)
        if bound.accesses == UNTYPED and self._is_open((column,), bound.column_type):
            return lambda event: event.get(column)
        reach = self._reach(bound.accesses, bound.column_type, (column,))

        def read(event: Event) -> Any:
            value = event.get(column)
            return None if value is None else reach(value)

        return read

    def _column(self, column: str, type_: ValueType) -> Read:
        if type_.kind in AS_THEY_ARE:
            return lambda event: event.get(column)
        right, cast = self._to_type(type_)

        def read(event: Event) -> Any:
            value = event.get(column)
            if value is None or type(value) is right:
                return value
            return cast(value)

        return read

    def _to_type(self, type_: ValueType) -> tuple[type, Read]:
        right, cast = cast_to_column(type_)
        faults = self.faults

        def counted(value: Any) -> Any:
            found = cast(value)
            if found is None:
                found = cast(plain(value))
                if found is None:
                    faults.failed_casts += 1
            return found

        return right, counted

    def _reach(self, accesses: tuple[Access, ...], type_: ValueType, way: tuple[str, ...]) -> Read:
        """A function of a value that is not null."""
        if not accesses:
            right, cast = self._to_type(type_)
            return lambda value: value if type(value) is right else cast(value)
        access, rest = accesses[0], accesses[1:]
        if isinstance(access, JsonKeys):
            return self._document(access.segments, way, is_text=type_.kind is Kind.TEXT)
        inner, name, step = _step(access, type_)
        reach = self._reach(rest, inner, (*way, name))
        if isinstance(access, Each):

            def each(value: Any) -> Any:
                value = value if type(value) is list else plain(value)
                if type(value) is not list:
                    return None
                return [None if item is None else reach(item) for item in value]

            return each

        def read(value: Any) -> Any:
            value = step(value)
            return None if value is None else reach(value)

        return read

    def _is_open(self, way: tuple[str, ...], type_: ValueType) -> bool:
        """Whether a value is what it is, without being parsed or cast."""
        return type_.kind is Kind.JSON and way not in self._documents

    def _document(self, segments: tuple[str, ...], way: tuple[str, ...], *, is_text: bool) -> Read:
        """What lies at the segments of a document; in untyped events it may be one already."""
        if is_text or way in self._documents:
            parse = self._parser(way)
            if len(segments) == 1:
                only = segments[0]

                def under_key(value: Any) -> Any:
                    found = parse(value)
                    return found.get(only) if type(found) is dict else _at(found, segments)

                return under_key
            return lambda value: _at(parse(value), segments)
        for place in range(1, len(segments) + 1):
            if (*way, *segments[:place]) in self._documents:
                parse = self._parser((*way, *segments[:place]))
                above, below = segments[:place], segments[place:]
                return lambda value: _at(parse(_at(value, above)), below)
        return lambda value: _at(value, segments)

    def _parser(self, way: tuple[str, ...]) -> Read:
        """Parses a document, the same one only once as long as no other comes between."""
        if way in self._parsers:
            return self._parsers[way]
        faults = self.faults
        last_text: Any = None
        last: Any = None

        def parse(text: Any) -> Any:
            nonlocal last_text, last
            if text is last_text:
                return last
            if type(text) is not str:
                return text if isinstance(text, dict | list) else plain(text)
            found = parse_document(text)
            if found is INVALID:
                faults.unreadable_json += 1
                found = None
            last_text, last = text, found
            return found

        self._parsers[way] = parse
        return parse


def _step(access: Access, type_: ValueType) -> tuple[ValueType, str, Read]:
    """The type behind an access, its name, and the access as a function of a value."""
    match access:
        case Field(name):
            return dict(type_.fields)[name], name, lambda value: _get(value, name)
        case Element(index):
            assert type_.element is not None
            return type_.element, str(index), lambda value: _item(value, index)
        case MapKey(key):
            assert type_.element is not None
            return type_.element, str(key), lambda value: _of_map(value, key)
        case PairKey(key):
            assert type_.element is not None
            inner = dict(type_.element.fields)["value"]
            return inner, key, lambda value: _of_map(value, key)
        case _:
            assert type_.element is not None
            return type_.element, "", lambda value: value


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _item(value: Any, index: int) -> Any:
    if isinstance(value, list | tuple):
        return value[index] if index < len(value) else None
    return None


def _of_map(value: Any, key: str | int) -> Any:
    """The value under a key of a map: a dict, a list of pairs, or of `{key, value}` structs."""
    if isinstance(value, dict):
        found = value.get(key)
        return value.get(str(key)) if found is None and isinstance(key, int) else found
    if not isinstance(value, list | tuple):
        return None
    for item in value:
        if isinstance(item, dict):
            if item.get("key") == key:
                return item.get("value")
        elif isinstance(item, tuple) and len(item) == 2 and item[0] == key:
            return item[1]
    return None


def _at(value: Any, segments: tuple[str, ...]) -> Any:
    """The value down the segments of a document; a name asked of a list is asked of its elements.

    One level: elements that are lists themselves have no names.
    """
    for place, segment in enumerate(segments):
        kind = type(value)
        if kind is dict:
            value = value.get(segment)
        elif kind is list:
            if segment.isdecimal():
                value = _indexed(value, segment)
            else:
                rest = segments[place:]
                return [_at(item, rest) if type(item) is dict else None for item in value]
        elif isinstance(value, Mapping):
            return _at(dict(value), segments[place:])
        elif isinstance(value, tuple):
            return _at(list(value), segments[place:])
        else:
            return None
    return value


def _indexed(value: list[Any], segment: str) -> Any:
    """An element by its number, as a JSON pointer writes it: no leading zeros."""
    if segment[0] == "0" and len(segment) > 1:
        return None
    index = int(segment)
    return value[index] if index < len(value) else None
