"""What Parquet files tell of themselves without being read: layout, times, whether they changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Bounds", "Identity", "Layout", "identity_of", "layout_of", "time_bounds"]

Identity: TypeAlias = tuple[tuple[str, int, int, bytes], ...]
"""Path, size, time of change in nanoseconds and hash of the footer of each file."""
TICKS = {"milliseconds": 1_000, "microseconds": 1}
PLAIN_TEXT = 4
"""Bytes that each value of a text column takes at the least unless it refers to a dictionary."""
ENDING = 8
"""Bytes that end a Parquet file: how long its footer is, and `PAR1`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file's footer tells of a column of times.

    Args:
        rows: How many rows there are.
        nulls: How many of them have none.
        oldest: The oldest time, in microseconds since the epoch.
        newest: The newest.
    """

    rows: int
    nulls: int
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out.

    Args:
        groups: How many rows each row group has.
        texts: Columns of text at the top level.
        coded: Those of them whose values refer to a dictionary.
        ticks: Columns of timestamps at the top level, and the microseconds in their unit.
    """

    groups: tuple[int, ...]
    texts: frozenset[str]
    coded: frozenset[str]
    ticks: Mapping[str, int]


def layout_of(file: str) -> Layout:
    """How a Parquet file on this machine's disk is laid out."""
    footer = pq.read_metadata(file)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    top = {name: type_ for name, type_ in _fields(footer) if not pa.types.is_nested(type_)}
    texts, coded, ticks = set[str](), set[str](), dict[str, int]()
    for place in range(footer.num_columns):
        column = footer.schema.column(place)
        if column.path not in top:
            continue
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type == "STRING":
            texts.add(column.path)
            size = sum(group.column(place).total_uncompressed_size for group in groups)
            if size < PLAIN_TEXT * footer.num_rows:
                coded.add(column.path)
        elif (unit := _ticks(column)) is not None:
            ticks[column.path] = unit
    rows = tuple(group.num_rows for group in groups)
    return Layout(rows, frozenset(texts), frozenset(coded), ticks)


def _fields(footer: pq.FileMetaData) -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in footer.schema.to_arrow_schema()]


def identity_of(files: Sequence[str]) -> Identity | None:
    """What changes when a file does; None where files are not on this machine's disk."""
    if any("://" in file for file in files):
        return None
    return tuple(_identity(file) for file in files)


def _identity(file: str) -> tuple[str, int, int, bytes]:
    """The footer holds where each column's bytes begin and end, and their least and greatest."""
    with FilePath(file).open("rb") as opened:
        status = FilePath(file).stat()
        opened.seek(max(status.st_size - ENDING, 0))
        length = int.from_bytes(opened.read(4), "little")
        opened.seek(max(status.st_size - ENDING - length, 0))
        footer = opened.read()
    return file, status.st_size, status.st_mtime_ns, hashlib.sha256(footer).digest()


def time_bounds(file: str, column: str) -> Bounds | None:
    """The bounds of a column of timestamps; None unless every row group tells them.

    Args:
        file: A Parquet file on this machine's disk.
        column: A column's name.
    """
    footer = pq.read_metadata(file)
    place = next(
        (n for n in range(footer.num_columns) if footer.schema.column(n).path == column), None
    )
    ticks = None if place is None else _ticks(footer.schema.column(place))
    if ticks is None:
        return None
    nulls, times = 0, list[int]()
    for number in range(footer.num_row_groups):
        group = footer.row_group(number).column(place).statistics
        if group is None or not group.has_null_count:
            return None
        nulls += group.null_count
        if group.has_min_max:
            times += [group.min_raw * ticks, group.max_raw * ticks]
        elif group.num_values:
            return None
    return Bounds(footer.num_rows, nulls, min(times), max(times)) if times else None


def _ticks(column: pq.ColumnSchema) -> int | None:
    """Microseconds in the column's unit; None if it is no column of such timestamps."""
    if column.physical_type != "INT64" or column.logical_type.type != "TIMESTAMP":
        return None
    return TICKS.get(json.loads(column.logical_type.to_json())["timeUnit"])
