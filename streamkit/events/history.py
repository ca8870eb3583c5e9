"""A history: events that are there to be asked, and what the user says of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import duckdb

from streamkit.errors import EventsError, Problem
from streamkit.events.aliases import meanings
from streamkit.events.detect import detect
from streamkit.events.footers import Bounds, Layout, identity_of, layout_of, time_bounds
from streamkit.events.keeping import Kept
from streamkit.events.presets.fitting import fit, in_case_of
from streamkit.events.property import Property, bind
from streamkit.events.row_values import RowValues
from streamkit.events.schema import Schema
from streamkit.events.source import EventSource, Source, connect, open_source
from streamkit.events.sql import Parameters, Query, join_lines, quote, select_items
from streamkit.events.types import Kind, ValueType
from streamkit.events.values import FIRST_TIME, LAST_TIME, MACROS, cast_scalar, key_text, time_us
from streamkit.path import Path
from streamkit.times import from_microseconds

if TYPE_CHECKING:
    from streamkit.events.cataloguing import Catalog

__all__ = ["History"]

MICROSECOND_TYPES = {"TIMESTAMP": None, "TIMESTAMP WITH TIME ZONE": UTC}
"""Types that compare with a bound time as they are, and that time's zone."""
TEXT = ValueType(Kind.TEXT, "VARCHAR")
CAST_KINDS = {
    "text": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.DOUBLE,
    "boolean": Kind.BOOLEAN,
    "time": Kind.TIMESTAMP,
}


class History:
    """Events in files or tables, with the roles of their columns.

    Args:
        source: A file, a folder, a glob or a list of files (Parquet, NDJSON or CSV; also below
            `s3://`, `gs://` and `az://`), a Polars frame or lazy frame, a pyarrow Table or
            Dataset, a DuckDB relation, or a Delta or Iceberg table.
        schema: A `Schema`, its plain data, or a schema file; None proposes one and says so in
            `notes`.
        keep: How many bytes of what a backtest reads stay in memory for the next one over this
            history; 0 for none. What is kept is used only as long as no file has changed.

    Raises:
        EventsError: The input is not there or not readable, or the schema names a column that
            it does not have.

    Example:
        >>> import polars as pl
        >>> events = pl.DataFrame({"at": ["2026-01-31T12:00:00Z"], "event": ["visit"], "sid": ["s1"]})
        >>> History(events, {"time": "at", "name": "event", "session": "sid"}).columns["sid"].name
        'VARCHAR'
    """

    def __init__(
        self,
        source: EventSource,
        schema: Schema | Mapping[str, Any] | str | os.PathLike[str] | None = None,
        *,
        keep: int = 512_000_000,
    ) -> None:
        self.kept = Kept(keep)
        self.source: Source = open_source(source)
        self.notes: tuple[str, ...] = self.source.notes
        if schema is None:
            schema, note = detect(self.source)
            self.notes = (note, *self.notes)
        elif isinstance(schema, Mapping):
            schema = Schema.from_dict(schema)
        elif not isinstance(schema, Schema):
            schema = Schema.from_file(os.fspath(schema))
        self.schema: Schema = fit(schema, self.columns)
        schema = self.schema
        problems: list[Problem] = []
        for place, check in self._checks():
            try:
                check()
            except EventsError as error:
                problems += [replace(each, path=each.path or place) for each in error.problems]
        if problems:
            raise EventsError(problems)

    def __repr__(self) -> str:
        return f"History({self.source.label!r}, {len(self.columns)} columns)"

    @property
    def columns(self) -> Mapping[str, ValueType]:
        """The columns and their types."""
        return self.source.columns

    @cached_property
    def _json(self) -> frozenset[Path]:
        return frozenset(Path.parse(path) for path in self.schema.json)

    @cached_property
    def _types(self) -> Mapping[Path, str]:
        return {Path.parse(path): name for path, name in self.schema.types.items()}

    def bind(self, path: Path | str) -> Property:
        """Decide what a path means in these events.

        Raises:
            EventsError: No such column or struct field.
        """
        if isinstance(path, str):
            path = Path.parse(path)
        meant = self._meanings(path)
        for each in meant:
            try:
                return replace(self._bind(each), path=path)
            except EventsError:
                continue
        if meant:
            raise EventsError(
                f"{str(path)[:200]!r} stands for {' or '.join(repr(str(each)) for each in meant)},"
                " which the events do not have",
                code="unknown-column",
                hint="the columns are " + ", ".join(list(self.columns)[:20]),
            )
        return self._bind(path)

    def _meanings(self, path: Path) -> list[Path]:
        """What a friendly name may stand for, in the case of these columns."""
        meant = meanings(path, self.schema.aliases, self.columns)
        if self.schema.preset_name is None:
            return list(meant)
        return [in_case_of(each, self.columns) for each in meant]

    def friendly_names(self) -> dict[str, str]:
        """The friendly names that mean something here, and the path behind each."""
        found: dict[str, str] = {}
        for name in self.schema.aliases:
            for path in self._meanings(Path.parse(name)) if "*" not in name else ():
                try:
                    self._bind(path)
                except EventsError:
                    continue
                found[name] = str(path)
                break
        return found

    def _bind(self, path: Path) -> Property:
        bound = bind(path, self.columns, self._json, self._types)
        name = self.source.renamed.get(bound.column)
        return bound if name is None else replace(bound, sql_column=name)

    def bind_column(self, column: str) -> Property:
        """What a role's column means: a column's name as it stands, or else a dotted path."""
        if column in self.columns:
            return self.bind(Path((column,)))
        try:
            return self.bind(Path.parse(column))
        except ValueError:
            return self.bind(Path((column,)))

    def catalog(self, *, now: datetime | None = None) -> Catalog:
        """What these events are: names, counts, properties, and the values they take.

        Args:
            now: The present; the clock's by default. Times more than a day after it do not count.
        """
        from streamkit.events.cataloguing.reading import read_catalog

        return read_catalog(self, now=now)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection in which the source can be scanned."""
        connection = connect()
        self.source.register(connection)
        for signature, body in MACROS.items():
            connection.execute(f"CREATE TEMP MACRO {signature} AS {body}")
        return connection

    def role(self, role: str) -> Property:
        """The property that plays a role.

        Raises:
            EventsError: The schema gives the role to no column.
        """
        column = getattr(self.schema, role)
        if column is None:
            raise EventsError(
                f"the schema names no {role}",
                code="missing-role",
                path=f"schema.{role}",
                hint=f"add a line '{role}: <column>' to the schema"
                + (", or a sessionizer" if role == "session" else ""),
            )
        if isinstance(column, tuple):
            parts = tuple(self.bind_column(part) for part in column)
            return Property(Path((role,)), "", TEXT, (), TEXT, joined=parts)
        return self.bind_column(column)

    def time_sql(self, values: RowValues) -> str:
        """The event's time in microseconds since the epoch, NULL where it is not one."""
        bound = self.role("time")
        sql, type_ = values.column(bound), bound.type
        if bound.cast is not None:
            sql, type_ = cast_scalar(sql, type_, bound.cast)
        elif bound.is_document:
            return f"in_years(text_us(json_string({sql})))"
        return time_us(sql, type_, self.schema.time_unit)

    def identity(self) -> Hashable:
        """What changes when the events do; None where that cannot be told.

        A table never changes. Files may while this lives, so they are looked at each time.
        """
        return identity_of(self.source.files) if self.source.files else ()

    def time_bounds(self, identity: Hashable) -> tuple[Bounds | None, ...]:
        """What each file's footer tells of the events' times; None where it does not tell all.

        Args:
            identity: Of the events, as `identity()` just told it.
        """
        column, files = self.timestamp_column(), self.source.files
        if column is None or identity is None:
            return (None,) * len(files)
        bounds: tuple[Bounds | None, ...] = self.kept.answer(
            identity,
            ("bounds", column),
            lambda: tuple(time_bounds(file, column) for file in files),
            lambda bounds: 100 * len(bounds),
        )
        return tuple(
            None if each and (each.oldest < FIRST_TIME or each.newest > LAST_TIME) else each
            for each in bounds
        )

    def layouts(self, identity: Hashable) -> tuple[Layout, ...]:
        """How each file is laid out; of none where they are not on this machine's disk.

        Args:
            identity: Of the events, as `identity()` just told it.
        """
        if identity is None:
            return ()
        layouts: tuple[Layout, ...] = self.kept.answer(
            identity,
            "layouts",
            lambda: tuple(map(layout_of, self.source.files)),
            lambda layouts: 1_000 * len(layouts),
        )
        return layouts

    def timestamp_column(self) -> str | None:
        """What SQL calls the column of times, if it holds timestamps and is taken as it is."""
        bound = self.role("time")
        is_plain = bound.cast is None and not bound.accesses and bound.type.kind is Kind.TIMESTAMP
        return (bound.sql_column or bound.column) if is_plain else None

    def time_range_sql(self, parameters: Parameters, begin: int | None, end: int | None) -> str:
        """A condition on the input's own column that no time of a range fails.

        DuckDB skips row groups and files by it without reading them.

        Args:
            parameters: Where to bind values.
            begin: The oldest time, in microseconds; None for no bound.
            end: The time after the newest.

        Returns:
            The condition; empty where there is none, or where the column is no plain timestamp.
        """
        column, type_ = self.timestamp_column(), self.role("time").type.name
        if column is None or type_ not in MICROSECOND_TYPES:
            return ""
        zone = MICROSECOND_TYPES[type_]
        conditions = [
            f"{quote(column)} {comparison} {parameters.bind(from_microseconds(bound_).replace(tzinfo=zone))}"
            for comparison, bound_ in ((">=", begin), ("<", end))
            if bound_ is not None and FIRST_TIME <= bound_ <= LAST_TIME
        ]
        return " AND ".join(conditions)

    def plain_text(self, bound: Property) -> str | None:
        """The column whose texts are a property's as they stand; None where it takes more."""
        is_plain = not (bound.joined or bound.accesses or bound.cast or bound.sql_column)
        return bound.column if is_plain and bound.type == TEXT else None

    def text_sql(self, bound: Property, values: RowValues) -> str:
        """A property as the text that keys, ids and users are compared by."""
        if bound.joined:
            return "(" + " || ':' || ".join(self._part_text(b, values) for b in bound.joined) + ")"
        sql, type_ = values.column(bound), bound.type
        if bound.cast is not None:
            sql, type_ = cast_scalar(sql, type_, bound.cast)
        return key_text(sql, type_)

    def _part_text(self, bound: Property, values: RowValues) -> str:
        """A part of a joined text: with a mark before each colon that is its own."""
        sql = self.text_sql(bound, values)
        if bound.type.kind not in (Kind.TEXT, Kind.JSON):
            return sql
        return rf"replace(replace({sql}, '\', '\\'), ':', '\:')"

    def steps_sql(self, values: RowValues, where: str = "") -> str:
        """The first steps of a query: the input rows as `input`, then `valued`.

        Args:
            values: The properties that the query uses; each becomes a column of `valued`.
            where: A condition on the input's own columns.
        """
        place = [f"{self.source.position} AS _position"]
        place += [f"{self.source.file} AS _file_number"] if self.source.files else []
        documents, brought = values.documents(), values.values()
        return (
            f"WITH input AS NOT MATERIALIZED (\n  SELECT {join_lines(['*', *place, *documents])}\n"
            f"  FROM {self.source.from_sql}{where and f'{chr(10)}  WHERE {where}'}\n),\n"
            f"valued AS NOT MATERIALIZED (\n  SELECT {join_lines(['*', *brought])}\n  FROM input\n)"
        )

    def in_files_sql(self, files: Sequence[int]) -> str:
        """A condition on input rows that skips all other files without reading them."""
        return f"{self.source.file} IN ({', '.join(map(str, files))})" if files else "false"

    def known_sql(self, values: RowValues, columns: Mapping[str, str], where: str = "") -> str:
        """The first steps of a query, and then `known`: the rows with columns of one's own."""
        return (
            f"{self.steps_sql(values, where)},\n"
            f"known AS (\n  SELECT {select_items(columns)}\n  FROM valued\n)\n"
        )

    def lookup(
        self,
        columns: Callable[[RowValues], Mapping[str, str]],
        begin: int | None = None,
        end: int | None = None,
    ) -> Query:
        """Columns of the rows whose positions are in a table `wanted`, with the position.

        Args:
            columns: Given where to register properties, gives SQL expressions by name.
            begin: No wanted row is older, in microseconds; None if that is not known.
            end: All wanted rows are older.
        """
        values = RowValues(parameters := Parameters())
        selected = {"position": "position"} | dict(columns(values))
        where = self.time_range_sql(parameters, begin, end)
        return Query(
            f"{self.steps_sql(values, where)}\nSELECT {select_items(selected)}\n"
            "FROM valued JOIN wanted ON valued._position = wanted.position",
            parameters.values,
        )

    def _checks(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """What must hold for the schema to fit the events, by place in the schema."""
        schema = self.schema
        for role in ("time", "name", "session", "user", "id", "sequence"):
            if getattr(schema, role) is not None:
                yield f"schema.{role}", partial(self._check_role_column, role)
        if schema.sessionizer is not None:
            by = schema.sessionizer.by
            yield "schema.sessionizer.by", partial(self.bind_column, by)
        for path in schema.json:
            yield "schema.json", partial(self._check_document, path)
        for path in schema.types:
            yield f"schema.types.{path}", partial(self.bind, path)

    def _check_document(self, path: str) -> None:
        bound = self.bind(path)
        if not bound.is_document:
            raise EventsError(
                f"{path!r} is {bound.type.name}, and JSON documents are text",
                code="bad-json",
                hint="take it out of the list",
            )

    def _check_role_column(self, role: str) -> None:
        self._check_role(role, self.role(role))

    def _check_role(self, role: str, bound: Property) -> None:
        for part in bound.joined:
            self._check_role(role, part)
        kind = CAST_KINDS[bound.cast] if bound.cast else bound.type.kind
        if role == "time":
            if kind is Kind.INTEGER and self.schema.time_unit is None:
                raise EventsError(
                    f"the time column {self.schema.time!r} holds integers and no unit is declared",
                    code="missing-unit",
                    hint="add 'time_unit: ms' (or s, us, ns) to the schema",
                )
            fits = kind in (Kind.TIMESTAMP, Kind.DATE, Kind.TEXT, Kind.INTEGER, Kind.JSON)
        elif role == "sequence":
            fits = kind in (Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL, Kind.JSON)
        else:
            fits = kind not in (Kind.LIST, Kind.STRUCT, Kind.MAP, Kind.OTHER)
        if not fits:
            raise EventsError(
                f"{str(bound.path)!r} is {bound.type.name} and cannot be the {role}",
                code="bad-role",
            )
