"""The two doors through which anything of the user's reaches SQL: names quoted, values bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Parameters", "Query", "join_lines", "literal", "quote", "select_items"]


@dataclass(frozen=True, slots=True)
class Query:
    """An SQL text, and the values bound to its `$` names."""

    sql: str
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """All of it as one text, the same for what asks the same."""
        return f"{self.sql}\n{dict(self.values)!r}"


def quote(name: str) -> str:
    """A name as an SQL identifier, whatever it holds.

    Example:
        >>> quote('a"b')
        '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal, for the one place that takes no bound value: a file's name.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    return "'" + text.replace("'", "''") + "'"


class Parameters:
    """Values bound to a query, each under a name of its own.

    Example:
        >>> parameters = Parameters()
        >>> parameters.bind("checkout"), parameters.bind(20), parameters.bind("checkout")
        ('$p0', '$p1', '$p0')
        >>> parameters.values
        {'p0': 'checkout', 'p1': 20}
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[type, str], str] = {}

    def bind(self, value: Any) -> str:
        """Bind a value, once for equal ones, and return the placeholder to put in the SQL."""
        known = (type(value), repr(value))
        if known not in self._names:
            name = f"p{len(self.values)}"
            self._names[known] = name
            self.values[name] = value
        return f"${self._names[known]}"


def join_lines(items: Iterable[str]) -> str:
    """Select items, one a line."""
    return ",\n    ".join(items)


def select_items(columns: Mapping[str, str]) -> str:
    """Select items from SQL expressions by the name each shall have."""
    return join_lines(f"{sql} AS {name}" for name, sql in columns.items())
