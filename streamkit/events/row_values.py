"""The properties a query needs from each input row, as named columns of its first steps."""

from __future__ import annotations

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
from streamkit.events.sql import Parameters, quote

__all__ = ["RowValues"]

BLANKS = "e' \\t\\n\\r'"
"""What JSON allows before a document, as an SQL literal."""


class RowValues:
    """Collects properties and says how to bring each out of a row, once.

    A JSON document is parsed once a row, whatever number of properties come from it. One that is
    not JSON gives NULL for all of them: a lone surrogate or a stray brace in one row must
    not end a query over millions.

    Example:
        >>> from streamkit.events.property import bind
        >>> from streamkit.events.types import Kind, ValueType
        >>> from streamkit.path import Path
        >>> columns = {"props": ValueType(Kind.TEXT, "VARCHAR")}
        >>> price = bind(Path.parse("props.price"), columns, frozenset({Path.parse("props")}))
        >>> values = RowValues(Parameters())
        >>> values.column(price)
        '_value_0'
        >>> values.documents()
        ['json_values("props", $p1) AS _document_0']
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._pointers: dict[str, list[str]] = {}
        self._values: dict[tuple[str, tuple[Access, ...]], str] = {}

    def column(self, bound: Property) -> str:
        """SQL of the property's value: a column of the step that selects `values()`.

        Typed values are as they are, behind `Each` a list; in a document it is JSON.
        """
        assert not bound.joined, "a joined property has no value, only a text"
        column = bound.sql_column or bound.column
        if not bound.accesses:
            return quote(column)
        way = (column, bound.accesses)
        if way not in self._values:
            self._values[way] = self._reach(quote(column), bound.accesses, 0)
        return f"_value_{list(self._values).index(way)}"

    def documents(self) -> list[str]:
        """Select items of the first step: each document's values, as a list."""
        return [
            f"json_values({document}, {self._parameters.bind(pointers)}) AS {self._name(document)}"
            for document, pointers in self._pointers.items()
        ]

    def values(self) -> list[str]:
        """Select items of the second step: each property's value under its name."""
        return [f"{sql} AS _value_{place}" for place, sql in enumerate(self._values.values())]

    def unreadable(self) -> list[str]:
        """Conditions that hold on rows whose document is not JSON."""
        return [
            f"({document} IS NOT NULL AND {self._name(document)} IS NULL)"
            for document in self._pointers
        ]

    def _name(self, document: str) -> str:
        return f"_document_{list(self._pointers).index(document)}"

    def _extract(self, document: str, segments: tuple[str, ...]) -> str:
        """SQL of the JSON value at the segments; of equal keys the first counts."""
        pointers = self._pointers.setdefault(document, [])
        pointer = _pointer(segments)
        if pointer not in pointers:
            pointers.append(pointer)
        return f"{self._name(document)}[{pointers.index(pointer) + 1}]"

    def _reach(self, sql: str, accesses: tuple[Access, ...], depth: int) -> str:
        if not accesses:
            return sql
        access, rest = accesses[0], accesses[1:]
        match access:
            case Field(name):
                sql = f"({sql}).{quote(name)}"
            case Element(index):
                sql = f"list_extract({sql}, {index + 1})"
            case MapKey(key):
                sql = f"map_extract_value({sql}, {self._parameters.bind(key)})"
            case PairKey(key):
                item = f"item_{depth}"
                wanted = f"{item}.key = {self._parameters.bind(key)}"
                sql = f"list_filter({sql}, lambda {item}: {wanted})[1].value"
            case Each():
                item = f"item_{depth}"
                return f"list_transform({sql}, lambda {item}: {self._reach(item, rest, depth + 1)})"
            case JsonKeys(segments) if depth:
                return f"json_values({sql}, {self._parameters.bind([_pointer(segments)])})[1]"
            case JsonKeys(segments):
                return self._json_value(sql, segments)
        return self._reach(sql, rest, depth + 1)

    def _json_value(self, document: str, segments: tuple[str, ...]) -> str:
        """The value straight down the keys or, where a list stands in the way, mapped over it."""
        straight = self._extract(document, segments)
        cases = []
        for place, segment in enumerate(segments):
            if segment.isdecimal():
                continue
            if place:
                above = self._extract(document, segments[:place])
                is_list = f"starts_with({above}, '[')"
            else:  # taking the whole document out of itself would copy every row's text
                above, is_valid = document, f"{self._name(document)} IS NOT NULL"
                is_list = f"{is_valid} AND ltrim({document}, {BLANKS})[1] = '['"
            below = self._parameters.bind(_pointer(segments[place:]))
            cases.append(
                f"WHEN {is_list} THEN to_json(list_transform("
                f"CAST({above} AS JSON[]), lambda item: json_extract(item, {below})))"
            )
        return f"coalesce({straight}, CASE {' '.join(cases)} END)" if cases else straight


def _pointer(segments: tuple[str, ...]) -> str:
    """Segments as a JSON pointer (RFC 6901)."""
    return "".join("/" + s.replace("~", "~0").replace("/", "~1") for s in segments)
