"""What events can be read from, and how each kind is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeAlias

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads

from streamkit.errors import EventsError
from streamkit.events.conversion import open_csv, open_ndjson
from streamkit.events.lake_tables import (
    DeltaTable,
    IcebergTable,
    is_delta_folder,
    is_delta_table,
    is_iceberg_table,
    spool_delta,
    spool_iceberg,
)
from streamkit.events.opened import Scratch, Source, connect, describe
from streamkit.events.parquet_files import open_parquet
from streamkit.events.storage import Storage, format_of, storage_of

__all__ = ["EventSource", "Source", "connect", "open_source"]

EventSource: TypeAlias = (
    "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | pl.DataFrame | pl.LazyFrame"
    " | pa.Table | pads.Dataset | duckdb.DuckDBPyRelation | DeltaTable | IcebergTable"
)
"""What a history can be made from."""

ROW = "_row"
RESERVED = re.compile(
    r"_row|_position|_file_number|_is_last|(_value|_document)_[0-9]+|file_index|file_row_number",
    re.IGNORECASE,
)
"""Names that queries give to columns of their own."""


def open_source(source: EventSource) -> Source:
    """Find out what the input is and which columns it has; Parquet's rows are not read for it.

    Raises:
        EventsError: Nothing there, not readable, or files that disagree on a column's type.
    """
    opened = _open(source)
    _check_names(opened.columns, opened.label)
    return opened


def _check_names(names: Iterable[str], label: str) -> None:
    reserved = [name for name in names if RESERVED.fullmatch(name)]
    if reserved:
        raise EventsError(
            f"{label!r} has a column named {reserved[0]!r}, a name kept for queries",
            code="reserved-column",
            hint="rename it",
        )


def _open(source: EventSource) -> Source:
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        if is_delta_folder(name):
            return _spooled(spool_delta(name, name), name)
        if _is_iceberg_folder(name):
            raise EventsError(
                f"{name!r} is an Iceberg table, which only its catalog can open",
                code="iceberg-folder",
                hint="give the table itself: catalog.load_table(…) of pyiceberg",
            )
        storage = storage_of(name)
        return _open_files(storage.find(name), name, storage)
    if isinstance(source, pl.LazyFrame):
        return _table(source.collect().to_arrow(), "the lazy frame", is_ordered=False)
    if isinstance(source, pl.DataFrame):
        return _table(source.to_arrow(), "the frame")
    if isinstance(source, pa.Table):
        return _table(source, "the table")
    if isinstance(source, pads.Dataset):
        scratch = Scratch()
        file = scratch.write(source.scanner().to_reader())
        return _spooled((file, scratch), "the dataset", is_ordered=True)
    if isinstance(source, duckdb.DuckDBPyRelation):
        return _table(source.to_arrow_table(), "the relation", is_ordered=False)
    if is_delta_table(source):
        return _spooled(spool_delta(source, "the Delta table"), "the Delta table")
    if is_iceberg_table(source):
        return _spooled(spool_iceberg(source, "the Iceberg table"), "the Iceberg table")
    if (
        isinstance(source, Sequence)
        and source
        and all(isinstance(item, (str, os.PathLike)) for item in source)
    ):
        names = [os.fspath(item) for item in source]
        storages = {name: storage_of(name) for name in names}
        if len({id(storage.filesystem) for storage in storages.values()}) > 1:
            raise EventsError(
                "the files are kept in more than one place", code="mixed-places",
                hint="read files of one disk or one object store at a time",
            )  # fmt: skip
        storage = storages[names[0]]
        by_place: dict[str, str] = {}  # a file counts once, however its path is written
        for name in names:
            for path in storage.find(name):
                by_place.setdefault(path if "://" in path else os.path.realpath(path), path)
        files = sorted(by_place.values(), key=os.fsencode)
        return _open_files(files, names[0], storage)
    raise EventsError(
        f"events cannot be read from {type(source).__name__}",
        code="unknown-input",
        hint="give a file, a folder, a glob, a URL of an object store, a Polars frame, an Arrow"
        " table or dataset, a DuckDB relation, or a Delta or Iceberg table",
    )


def _open_files(files: Sequence[str], label: str, storage: Storage) -> Source:
    formats = {format_of(file) or "Parquet": file for file in files}
    if len(formats) > 1:
        one, other = list(formats.values())[:2]
        raise EventsError(
            f"{one!r} and {other!r} are files of two formats",
            code="mixed-formats",
            hint="give files of one format",
        )
    match next(iter(formats)):
        case "NDJSON":
            return open_ndjson(files, label, storage)
        case "CSV":
            return open_csv(files, label, storage)
        case _:
            return open_parquet(files, label, storage)


def _is_iceberg_folder(name: str) -> bool:
    return any((FilePath(name) / "metadata").glob("*.metadata.json"))


def _spooled(made: tuple[FilePath, Scratch], label: str, *, is_ordered: bool = False) -> Source:
    file, scratch = made
    return replace(open_parquet([str(file)], label), scratch=scratch, is_ordered=is_ordered)


def _table(table: pa.Table, label: str, *, is_ordered: bool = True) -> Source:
    _check_names(table.column_names, label)
    for place, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            nothing = pa.nulls(table.num_rows, pa.string())
            table = table.set_column(place, field.name, nothing)
    rows = pl.int_range(table.num_rows, eager=True).to_arrow()
    numbered = table.append_column(ROW, rows)

    def register(connection: duckdb.DuckDBPyConnection) -> None:
        connection.register("streamkit_events", numbered)

    with connect() as connection:
        register(connection)
        columns = describe(connection, "streamkit_events")
    columns.pop(ROW)
    opened = Source(
        label, "streamkit_events", ROW, columns, register, is_ordered=is_ordered, row=ROW
    )
    return opened.with_names(table.column_names)
