"""An input that is open: something DuckDB can scan in a fixed order, any number of times."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from streamkit.events.types import ValueType

__all__ = ["Scratch", "Source", "connect", "describe", "no_registration"]


def no_registration(connection: duckdb.DuckDBPyConnection) -> None:
    """What stands behind FROM is known to every connection already."""


class Scratch:
    """A folder for files made on the way in; it goes when nothing needs it any more.

    Example:
        >>> scratch = Scratch()
        >>> scratch.folder.is_dir()
        True
    """

    def __init__(self) -> None:
        self.folder = FilePath(tempfile.mkdtemp(prefix="streamkit-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, reader: pa.RecordBatchReader) -> FilePath:
        """Write batches to a Parquet file as they come, never more than a few in memory."""
        file = self.folder / "events.parquet"
        with pq.ParquetWriter(file, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        return file


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
        notes: What the user should know of how it was read, as sentences.
        scratch: Where files made on the way in are kept, as long as this lives.
        row: SQL of a row's number in its file or table; a condition on it alone skips what is
            not wanted without reading it.
        file: SQL of a file's number, from 0, in the order of `files`; a condition on it alone
            skips whole files.
        renamed: What SQL calls columns that differ from an earlier one in nothing but case.
    """

    label: str
    from_sql: str
    position: str
    columns: Mapping[str, ValueType]
    register: Callable[[duckdb.DuckDBPyConnection], object] = no_registration
    files: tuple[str, ...] = ()
    is_ordered: bool = True
    notes: tuple[str, ...] = ()
    scratch: Scratch | None = None
    row: str = "file_row_number"
    file: str = "file_index"
    renamed: Mapping[str, str] = field(default_factory=dict)

    def with_names(self, names: Sequence[str]) -> Source:
        """The source with its columns' own names, given in the order of the columns."""
        folded = [name.casefold() for name in names]
        if len(set(folded)) == len(folded) or len(set(names)) < len(names):
            return self
        pairs = list(zip(names, self.columns.items(), strict=False))
        columns = {own: type_ for own, (_, type_) in pairs}
        renamed = {own: called for own, (called, _) in pairs if own != called}
        rest = dict(list(self.columns.items())[len(names) :])
        return replace(self, columns=columns | rest, renamed=renamed)


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB connection of its own, in memory, that loads nothing from elsewhere."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    # counted, so that `asking.watching` can tell how far a query is; shown by us alone
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    return connection


def describe(connection: duckdb.DuckDBPyConnection, from_sql: str) -> dict[str, ValueType]:
    """The columns of what stands behind FROM, and their types."""
    relation = connection.sql(f"SELECT * FROM {from_sql} LIMIT 0")
    return {
        name: ValueType.of(type_)
        for name, type_ in zip(relation.columns, relation.types, strict=True)
    }
