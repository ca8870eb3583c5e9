"""What live events look like: the types that a history fixed, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from streamkit.errors import EventsError
from streamkit.events.aliases import meanings
from streamkit.events.history import TEXT, History
from streamkit.events.property import Property, bind
from streamkit.events.schema import Schema
from streamkit.events.types import JSON, Kind, ValueType
from streamkit.path import Path

__all__ = ["EventTypes", "SchemaLike"]

ROLES = ("time", "name", "session", "user", "id", "sequence")


@dataclass(frozen=True)
class EventTypes:
    """A schema, and the types of the columns if they are known.

    With the columns of a history, a live value is cast to its column's type first, so that live
    means what the backtest meant. Without, a value is what it is in JSON or in Python: `20` is
    a number, `"20"` a text. A path's column is then the longest name that the schema uses, or
    else its first segment.

    Args:
        schema: Roles of columns.
        columns: The columns and their types; None where nobody fixed them.
        history: The events that fixed them; it says what paths mean.

    Example:
        >>> types = EventTypes(Schema(time="at", name="event"))
        >>> types.bind("device.type").column
        'device'
    """

    schema: Schema
    columns: Mapping[str, ValueType] | None = None
    history: History | None = field(default=None, repr=False, compare=False)
    _known: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = self.schema
        roles = [getattr(schema, role) for role in ROLES]
        names = {name for role in roles for name in (role if isinstance(role, tuple) else (role,))}
        names |= {Path.parse(path).segments[0] for path in (*schema.json, *schema.types)}
        if schema.sessionizer is not None:
            names.add(schema.sessionizer.by)
        object.__setattr__(self, "_known", frozenset(name for name in names if name is not None))

    @classmethod
    def of(cls, source: SchemaLike) -> EventTypes:
        """The types of a history, or of a schema alone."""
        if isinstance(source, EventTypes):
            return source
        if isinstance(source, History):
            return cls(source.schema, dict(source.columns), source)
        if isinstance(source, Schema):
            return cls(source)
        if isinstance(source, Mapping):
            return cls(Schema.from_dict(source))
        raise EventsError(
            f"a matcher is not told what events are by {type(source).__name__}",
            code="bad-schema",
            hint="give a Schema, or the History whose column types shall hold",
        )

    @property
    def documents(self) -> frozenset[tuple[str, ...]]:
        """Where untyped events may hold JSON as text: column and segments."""
        if self.columns is not None:
            return frozenset()
        return frozenset(self._way(Path.parse(path)) for path in self.schema.json)

    def bind(self, path: Path | str) -> Property:
        """Decide what a path means.

        Raises:
            EventsError: The columns are known, and it is in none of them.
        """
        if isinstance(path, str):
            path = Path.parse(path)
        if self.history is not None:
            return self.history.bind(path)
        types = {Path.parse(each): name for each, name in self.schema.types.items()}
        if self.columns is not None:
            json = frozenset(Path.parse(each) for each in self.schema.json)
            return bind(path, self.columns, json, types)
        meant = next(meanings(path, self.schema.aliases, self._known), path)
        columns = dict.fromkeys((*self._known, meant.segments[0]), JSON)
        return bind(meant, columns, types=types)

    def bind_column(self, column: str) -> Property:
        """What a role's column means: a column's name as it stands, or else a dotted path."""
        if self.columns is None or column in self.columns:
            return self.bind(Path((column,)))
        try:
            return self.bind(Path.parse(column))
        except ValueError:
            return self.bind(Path((column,)))

    def role(self, role: str) -> Property | None:
        """The property that plays a role; None if the schema gives it to none."""
        column = getattr(self.schema, role)
        if column is None:
            return None
        if isinstance(column, tuple):
            parts = tuple(self.bind_column(part) for part in column)
            return Property(Path((role,)), "", TEXT, (), TEXT, joined=parts)
        return self.bind_column(column)

    def require(self, role: str) -> Property:
        """The property that plays a role.

        Raises:
            EventsError: The schema gives the role to no column.
        """
        bound = self.role(role)
        if bound is None:
            raise EventsError(
                f"the schema names no {role}",
                code="missing-role",
                path=f"schema.{role}",
                hint=f"add a line '{role}: <column>' to the schema",
            )
        return bound

    def has_integer_time(self) -> bool:
        """Whether a whole number may be a time: not inside a document of known columns."""
        bound = self.require("time")
        return self.columns is None or bound.type.kind is Kind.INTEGER

    def _way(self, path: Path) -> tuple[str, ...]:
        for length in range(len(path.segments), 0, -1):
            column = ".".join(path.segments[:length])
            if column in self._known:
                return (column, *path.segments[length:])
        return path.segments


SchemaLike: TypeAlias = "History | Schema | EventTypes | Mapping[str, object]"
"""What says how live events read."""
