"""Parquet files, one or many, as one source."""

from __future__ import annotations

import glob
from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from streamkit.errors import EventsError, Problem
from streamkit.events.opened import Source, connect, describe
from streamkit.events.sql import literal
from streamkit.events.storage import Storage
from streamkit.events.types import Kind, ValueType

__all__ = ["open_parquet"]

NUMBERS = (Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL)
UNTYPED = '"NULL"'
"""The type of a column that holds nothing in a file, so that its writer knew none for it."""
FILE_STEP = 2**40
"""Rows that a file may have before its positions meet those of the next."""


def open_parquet(files: Sequence[str], label: str, storage: Storage | None = None) -> Source:
    """Open Parquet files as one source: columns united by name, in the order of the files.

    Folders such as `day=2026-03-01` on a file's way are columns: dates, times and whole numbers
    where every value is one, text otherwise (also for `01`, which a number would shorten).

    Args:
        files: The files, in order.
        label: What to call them in messages.
        storage: Where they are.

    Raises:
        EventsError: Files that are not Parquet, are cut short, or disagree on a type.
    """
    storage = storage or Storage()
    is_unequal, own_names = _check_files(files, storage)
    names = ", ".join(literal(glob.escape(file)) for file in files)
    is_hive = any("=" in part for file in files for part in file.split("/")[:-1])
    options = f"hive_partitioning = {is_hive}, union_by_name = {is_unequal}"
    from_sql = f"read_parquet([{names}], {options})"
    with connect() as connection:
        storage.register(connection)
        try:
            columns = describe(connection, from_sql)
        except duckdb.Error as error:
            raise EventsError(
                f"{label!r} cannot be read: {str(error).splitlines()[0][:300]}", code="unreadable"
            ) from error
    position = f"(CAST(file_index AS BIGINT) * {FILE_STEP} + file_row_number)"
    source = Source(label, from_sql, position, columns, storage.register, tuple(files))
    return source if is_unequal else source.with_names(own_names)


def _check_files(files: Sequence[str], storage: Storage) -> tuple[bool, list[str]]:
    """Read every footer; whether the files differ in their columns, and those of the first.

    Raises:
        EventsError: Files that are not Parquet, are cut short, or disagree on a type.
    """
    problems: list[Problem] = []
    schemas: list[tuple[pq.ParquetSchema, str]] = []
    for file in files:
        try:
            with storage.open(file) as opened:
                schema = pq.read_metadata(opened).schema
        except (pa.ArrowInvalid, OSError) as error:
            problems.append(_unreadable(file, storage, error))
            continue
        if not any(schema.equals(known) for known, _ in schemas):
            schemas.append((schema, file))
    if not problems and len(schemas) > 1:
        problems = _disagreements([file for _, file in schemas], storage)
    if problems:
        raise EventsError(problems)
    return len(schemas) > 1, schemas[0][0].to_arrow_schema().names


def _disagreements(files: Sequence[str], storage: Storage) -> list[Problem]:
    """Columns whose type differs by more than the width of a number."""
    problems = []
    types: dict[str, tuple[ValueType, str]] = {}
    with connect() as connection:
        storage.register(connection)
        for file in files:
            described = describe(connection, f"read_parquet({literal(glob.escape(file))})")
            for name, type_ in described.items():
                if type_.name == UNTYPED:
                    continue
                known, first = types.setdefault(name, (type_, file))
                if (place := _difference(known, type_)) is not None:
                    problems.append(
                        Problem(
                            "files-disagree",
                            f"column {name + place!r} is {known.name} in {first!r}"
                            f" and {type_.name} in {file!r}",
                            hint="write the files with one type, or read them apart",
                        )
                    )
    return problems


def _difference(one: ValueType, other: ValueType) -> str | None:
    """Where two types differ by more than the width of numbers; fields may come and go."""
    if one == other or (one.kind in NUMBERS and other.kind in NUMBERS):
        return None
    if one.kind is other.kind is Kind.STRUCT:
        others = dict(other.fields)
        places = (
            f".{name}{place}"
            for name, type_ in one.fields
            if name in others and (place := _difference(type_, others[name])) is not None
        )
        return next(places, None)
    if one.kind is other.kind is Kind.LIST:
        assert one.element is not None
        assert other.element is not None
        return _difference(one.element, other.element)
    return ""


def _unreadable(file: str, storage: Storage, error: Exception) -> Problem:
    if isinstance(error, PermissionError):
        return Problem("unreadable", f"{file!r} may not be read", hint="check its permissions")
    try:
        with storage.open(file) as opened:
            start = opened.read(4)
    except OSError as failure:
        return Problem("unreadable", f"{file!r} cannot be read: {failure.strerror or failure}")
    if start == b"PAR1":
        return Problem("truncated-file", f"{file!r} is Parquet cut short or damaged",
                       hint="copy or write it again")  # fmt: skip
    what = "is not a Parquet file" if start else "is empty"
    return Problem("not-parquet", f"{file!r} {what}")
