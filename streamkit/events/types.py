"""The types of values that criteria and keys tell apart, read off DuckDB's types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from duckdb.sqltypes import DuckDBPyType

__all__ = ["Kind", "ValueType"]


class Kind(Enum):
    """What a value is, as far as its meaning goes."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DOUBLE = "double"
    DECIMAL = "decimal"
    TIMESTAMP = "timestamp"
    DATE = "date"
    JSON = "json"
    LIST = "list"
    STRUCT = "struct"
    MAP = "map"
    OTHER = "other"


INTEGERS = {
    "tinyint": (-(2**7), 2**7 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
    "hugeint": (-(2**127), 2**127 - 1),
    "utinyint": (0, 2**8 - 1),
    "usmallint": (0, 2**16 - 1),
    "uinteger": (0, 2**32 - 1),
    "ubigint": (0, 2**64 - 1),
    "uhugeint": (0, 2**128 - 1),
}
KINDS = {
    "varchar": Kind.TEXT,
    "enum": Kind.TEXT,
    "uuid": Kind.TEXT,
    "boolean": Kind.BOOLEAN,
    "float": Kind.DOUBLE,
    "double": Kind.DOUBLE,
    "decimal": Kind.DECIMAL,
    "timestamp": Kind.TIMESTAMP,
    "timestamp_s": Kind.TIMESTAMP,
    "timestamp_ms": Kind.TIMESTAMP,
    "timestamp_ns": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMP,
    "date": Kind.DATE,
    "list": Kind.LIST,
    "array": Kind.LIST,
    "struct": Kind.STRUCT,
    "map": Kind.MAP,
} | dict.fromkeys(INTEGERS, Kind.INTEGER)


NESTED = (Kind.LIST, Kind.MAP, Kind.STRUCT, Kind.DECIMAL)


@dataclass(frozen=True, slots=True)
class ValueType:
    """A value's type.

    Args:
        kind: What it is.
        name: DuckDB's name of the exact type, such as `DECIMAL(10,2)`.
        element: Of a list: its elements' type; of a map: its values' type.
        key: Of a map: its keys' type.
        fields: Of a struct: names and types, in order.
        bounds: Of an integer: smallest and largest value.
        digits: Of a decimal: precision and scale.
    """

    kind: Kind
    name: str
    element: ValueType | None = None
    key: ValueType | None = None
    fields: tuple[tuple[str, ValueType], ...] = ()
    bounds: tuple[int, int] | None = None
    digits: tuple[int, int] | None = None

    @classmethod
    def of(cls, type_: DuckDBPyType) -> ValueType:
        """Read a DuckDB type.

        Example:
            >>> import duckdb
            >>> ValueType.of(duckdb.type("BIGINT[]")).element.kind
            <Kind.INTEGER: 'integer'>
        """
        identifier, name = type_.id, str(type_)
        kind = KINDS.get(identifier, Kind.OTHER)
        children: list[tuple[str, Any]] = type_.children if kind in NESTED else []
        if kind is Kind.LIST:
            return cls(kind, name, element=cls.of(children[0][1]))
        if kind is Kind.MAP:
            (_, key), (_, value) = children
            return cls(kind, name, element=cls.of(value), key=cls.of(key))
        if kind is Kind.STRUCT:
            return cls(kind, name, fields=tuple((n, cls.of(t)) for n, t in children))
        if kind is Kind.DECIMAL:
            (_, precision), (_, scale) = children
            return cls(kind, name, digits=(precision, scale))
        return cls(kind, name, bounds=INTEGERS.get(identifier))


JSON = ValueType(Kind.JSON, "JSON")
"""A value inside a JSON document: what it is shows only row by row."""
