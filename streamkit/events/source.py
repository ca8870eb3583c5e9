"""Where events are kept, as something DuckDB can scan in a fixed order."""

from __future__ import annotations

import glob
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeAlias

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from streamkit.errors import EventsError, Problem
from streamkit.events.sql import literal
from streamkit.events.types import Kind, ValueType

__all__ = ["EventSource", "Source", "connect", "interrupting", "open_source"]

EventSource: TypeAlias = (
    "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | pl.DataFrame | pl.LazyFrame"
    " | pa.Table | pads.Dataset | duckdb.DuckDBPyRelation"
)
"""What a history can be made from."""

NUMBERS = (Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL)
ROW = "_row"
RESERVED = re.compile(
    r"_row|_position|(_value|_document)_[0-9]+|file_index|file_row_number", re.IGNORECASE
)
"""Names that queries give to columns of their own."""


@dataclass(frozen=True)
class Source:
    """Events that can be scanned, any number of times, in one order.

    Args:
        label: What to call it in messages.
        from_sql: What stands behind FROM.
        position: SQL of a row's place in the source order, a BIGINT that no two rows share.
        columns: The columns and their types.
        register: Makes what `from_sql` names known to a connection.
        files: The files, in order; empty for tables.
        is_ordered: Whether the order is the user's own; a relation or lazy frame has none.
    """

    label: str
    from_sql: str
    position: str
    columns: Mapping[str, ValueType]
    register: Callable[[duckdb.DuckDBPyConnection], object]
    files: tuple[str, ...] = ()
    is_ordered: bool = True


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB connection of its own, in memory, that loads nothing from elsewhere."""
    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def open_source(source: EventSource) -> Source:
    """Find out what the input is and which columns it has, without reading its rows.

    Raises:
        EventsError: Nothing there, not readable, or files that disagree on a column's type.
    """
    opened = _open(source)
    reserved = [name for name in opened.columns if RESERVED.fullmatch(name)]
    if reserved:
        raise EventsError(
            f"{opened.label!r} has a column named {reserved[0]!r}, a name kept for queries",
            code="reserved-column",
            hint="rename it",
        )
    return opened


def _open(source: EventSource) -> Source:
    if isinstance(source, (str, os.PathLike)):
        return _parquet(_find_files(os.fspath(source)), os.fspath(source))
    if isinstance(source, pl.LazyFrame):
        return _table(source.collect().to_arrow(), "the lazy frame", is_ordered=False)
    if isinstance(source, pl.DataFrame):
        return _table(source.to_arrow(), "the frame")
    if isinstance(source, pa.Table):
        return _table(source, "the table")
    if isinstance(source, pads.Dataset):
        return _table(source.to_table(), "the dataset")
    if isinstance(source, duckdb.DuckDBPyRelation):
        return _table(source.to_arrow_table(), "the relation", is_ordered=False)
    if isinstance(source, Sequence) and source:
        names = [os.fspath(item) for item in source]
        files = [file for name in names for file in _find_files(name)]
        return _parquet(sorted(set(files), key=os.fsencode), names[0])
    raise EventsError(
        f"events cannot be read from {type(source).__name__}",
        code="unknown-input",
        hint="give a Parquet file, a folder, a glob, a Polars frame, an Arrow table or a DuckDB relation",
    )


def _table(table: pa.Table, label: str, *, is_ordered: bool = True) -> Source:
    rows = pl.int_range(table.num_rows, eager=True).to_arrow()
    numbered = table.append_column(ROW, rows)

    def register(connection: duckdb.DuckDBPyConnection) -> None:
        connection.register("streamkit_events", numbered)

    with connect() as connection:
        register(connection)
        columns = _describe(connection, "streamkit_events")
    columns.pop(ROW)
    return Source(label, "streamkit_events", ROW, columns, register, is_ordered=is_ordered)


def _find_files(name: str) -> list[str]:
    """The Parquet files a path, folder or glob stands for, in the order of their paths' bytes."""
    if FilePath(name).is_file():
        return [name]
    if FilePath(name).is_dir():
        found = [
            str(file)
            for file in FilePath(name).rglob("*.parquet")
            if not any(part[0] in "._" for part in file.relative_to(name).parts) and file.is_file()
        ]
        if not found:
            raise EventsError(
                f"no Parquet file in the folder {name!r}",
                code="empty-folder",
                hint="files end in .parquet; those and folders that start with '.' or '_' are left out",
            )
    else:
        found = [file for file in glob.glob(name, recursive=True) if FilePath(file).is_file()]
        if not found:
            raise EventsError(
                f"no file matches {name!r}"
                if glob.has_magic(name)
                else f"no file or folder {name!r}",
                code="no-such-file",
                hint=f"looked in {str(FilePath.cwd())!r}"
                if not FilePath(name).is_absolute()
                else None,
            )
    return sorted(found, key=os.fsencode)


def _parquet(files: list[str], label: str) -> Source:
    unequal = _check_files(files)
    names = ", ".join(literal(glob.escape(file)) for file in files)
    is_hive = any("=" in part for file in files for part in FilePath(file).parts[:-1])
    options = f"hive_partitioning = {is_hive}, union_by_name = {unequal}"
    from_sql = f"read_parquet([{names}], {options})"
    with connect() as connection:
        try:
            columns = _describe(connection, from_sql)
        except duckdb.Error as error:
            raise EventsError(
                f"{label!r} cannot be read: {str(error).splitlines()[0][:300]}", code="unreadable"
            ) from error
    position = "(CAST(file_index AS BIGINT) * 1099511627776 + file_row_number)"
    return Source(label, from_sql, position, columns, lambda _: None, tuple(files))


def _describe(connection: duckdb.DuckDBPyConnection, from_sql: str) -> dict[str, ValueType]:
    relation = connection.sql(f"SELECT * FROM {from_sql} LIMIT 0")
    return {
        name: ValueType.of(type_)
        for name, type_ in zip(relation.columns, relation.types, strict=True)
    }


def _check_files(files: Sequence[str]) -> bool:
    """Read every footer; whether the files differ in their columns.

    Raises:
        EventsError: Files that are not Parquet, are cut short, or disagree on a type.
    """
    problems: list[Problem] = []
    first_of: dict[str, str] = {}
    schemas: list[tuple[pq.ParquetSchema, str]] = []
    for file in files:
        try:
            schema = pq.read_metadata(file).schema
        except (pa.ArrowInvalid, OSError) as error:
            problems.append(_unreadable(file, error))
            continue
        if not any(schema.equals(known) for known, _ in schemas):
            schemas.append((schema, file))
    if not problems and len(schemas) > 1:
        types: dict[str, ValueType] = {}
        with connect() as connection:
            for _, file in schemas:
                described = _describe(connection, f"read_parquet({literal(glob.escape(file))})")
                for name, type_ in described.items():
                    known = types.setdefault(name, type_)
                    first_of.setdefault(name, file)
                    if known != type_ and not (known.kind in NUMBERS and type_.kind in NUMBERS):
                        problems.append(
                            Problem(
                                "files-disagree",
                                f"column {name!r} is {known.name} in {first_of[name]!r}"
                                f" and {type_.name} in {file!r}",
                                hint="write the files with one type, or read them apart",
                            )
                        )
    if problems:
        raise EventsError(problems)
    return len(schemas) > 1


def _unreadable(file: str, error: Exception) -> Problem:
    size = FilePath(file).stat().st_size if FilePath(file).exists() else 0
    with_magic = False
    if size >= 4 and not isinstance(error, PermissionError):
        with FilePath(file).open("rb") as opened:
            with_magic = opened.read(4) == b"PAR1"
    if isinstance(error, PermissionError):
        return Problem("unreadable", f"{file!r} may not be read", hint="check its permissions")
    if with_magic:
        return Problem("truncated-file", f"{file!r} is Parquet cut short or damaged",
                       hint="copy or write it again")  # fmt: skip
    what = "is empty" if not size else "is not a Parquet file"
    return Problem("not-parquet", f"{file!r} {what}")


@contextmanager
def interrupting(
    connection: duckdb.DuckDBPyConnection,
    report: Callable[[str, float | None], None] | None,
) -> Iterator[Callable[[str], None]]:
    """Watch a connection's queries: tell how far they are, and stop them with the caller.

    Args:
        connection: The connection.
        report: Called from a thread of its own, some times a second.

    Yields:
        A function to call with what is being done, when it begins.
    """
    if report is None:
        yield lambda _: None
        return
    stages = ["starting"]
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.1):
            percent = connection.query_progress()
            report(stages[-1], percent / 100 if percent > 0 else None)

    def stage(name: str) -> None:
        stages.append(name)
        report(name, None)

    watcher = threading.Thread(target=watch, name="streamkit-progress", daemon=True)
    watcher.start()
    try:
        yield stage
    except BaseException:
        connection.interrupt()
        raise
    finally:
        finished.set()
        watcher.join()
