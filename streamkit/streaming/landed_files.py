"""Files that land in a folder, each as events from a row on."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from streamkit.matching.row_documents import parse_document

__all__ = [
    "HalfWrittenError",
    "Lines",
    "array_items",
    "hive_columns",
    "is_array",
    "parquet_rows",
    "unpacked_lines",
]

BATCH = 10_000
NO_TIME = "no time"
"""A time that Python cannot hold; the matcher counts it as unparsable, as a backtest does."""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class HalfWrittenError(Exception):
    """A file is not whole yet."""


class Lines:
    """The complete lines of an NDJSON file that may still grow, from a place on.

    Args:
        path: The file.
        offset: Bytes that were read before.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self.offset = offset

    def read(self, *, with_rest: bool) -> Iterator[list[bytes]]:
        """Batches of lines; blank ones too, because lines are counted.

        Args:
            with_rest: Take what stands behind the last line's end for a line as well.
        """
        with self._path.open("rb") as file:
            file.seek(self.offset)
            batch: list[bytes] = []
            for line in file:
                if not line.endswith(b"\n") and not with_rest:
                    break
                batch.append(line)
                self.offset += len(line)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
            if batch:
                yield batch


def is_array(path: Path) -> bool:
    """Whether a JSON file is one array of events in place of a line for each."""
    with path.open("rb") as file:
        return file.read(1000).lstrip()[:1] == b"["


def array_items(path: Path, first: int) -> Iterator[list[Any]]:
    """The events of a JSON array.

    Raises:
        HalfWrittenError: It is not whole.
    """
    try:
        found = parse_document(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise HalfWrittenError from error
    if not isinstance(found, list):
        raise HalfWrittenError
    for start in range(first, len(found), BATCH):
        yield found[start : start + BATCH]


def unpacked_lines(path: Path, first: int) -> Iterator[list[bytes]]:
    """Lines of a packed NDJSON file, which is read when it is whole.

    Raises:
        HalfWrittenError: It is not.
    """
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (EOFError, OSError) as error:
        raise HalfWrittenError from error
    with gzip.open(path) as file:
        batch: list[bytes] = []
        for number, line in enumerate(file):
            if number >= first:
                batch.append(line)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def parquet_rows(
    path: Path, first: int, columns: Collection[str] | None
) -> Iterator[list[dict[str, Any]]]:
    """Rows of a Parquet file as a live source has them.

    Args:
        path: The file.
        first: The first row.
        columns: The columns to read; None for all.

    Raises:
        HalfWrittenError: Its end, which Parquet writes last, is not there.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise HalfWrittenError from error
    with file:
        chosen = [name for name in file.schema_arrow.names if columns is None or name in columns]
        groups: list[int] = []
        skipped = 0
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if not groups and skipped + rows <= first:
                skipped += rows
            else:
                groups.append(group)
        first -= skipped
        for batch in file.iter_batches(BATCH, row_groups=groups, columns=chosen):
            if first >= batch.num_rows:
                first -= batch.num_rows
                continue
            rest = batch.slice(first)
            first = 0
            if not chosen:
                yield [{} for _ in range(rest.num_rows)]
                continue
            lists = [_values(column) for column in rest.columns]
            yield [dict(zip(chosen, row, strict=True)) for row in zip(*lists, strict=True)]


def _values(column: pa.Array) -> list[Any]:
    """A column's values: times floored to microseconds, maps as mappings."""
    column = column.cast(_in_microseconds(column.type), safe=False) if not (
        pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    ) else _floored(column)  # fmt: skip
    try:
        values = column.to_pylist()
    except (OverflowError, ValueError):  # a year that Python does not have
        values = [_value(each) for each in column]
    if pa.types.is_map(column.type):
        return [None if value is None else dict(value) for value in values]
    return values  # type: ignore[no-any-return] # pyarrow has no types


def _floored(column: pa.Array) -> pa.Array:
    """Nanoseconds floored, before 1970 too, where a cast would go towards zero."""
    counts = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    whole = [int(count) // 1000 if is_known else None for count, is_known in
             zip(counts, known, strict=True)]  # fmt: skip
    return pa.array(whole, pa.int64()).cast(pa.timestamp("us", column.type.tz))


def _in_microseconds(type_: pa.DataType) -> pa.DataType:
    """The type with every time in microseconds, and text in the place of dictionaries."""
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", type_.tz) if type_.unit == "ns" else type_
    if pa.types.is_dictionary(type_):
        return type_.value_type
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_in_microseconds(field.type)) for field in type_])
    if pa.types.is_list(type_):
        return pa.list_(_in_microseconds(type_.value_type))
    if pa.types.is_map(type_):
        return pa.map_(type_.key_type, _in_microseconds(type_.item_type))
    return type_


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return NO_TIME


def hive_columns(path: str) -> dict[str, str | None]:
    """The columns that folders such as `day=2026-03-01` on a file's way stand for.

    Example:
        >>> hive_columns("day=2026-03-01/part-0.parquet")
        {'day': '2026-03-01'}
    """
    pairs = (part.partition("=") for part in path.split("/")[:-1] if "=" in part)
    return {
        unquote(name): None if value == NO_VALUE else unquote(value) for name, _, value in pairs
    }
