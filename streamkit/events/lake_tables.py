"""Delta and Iceberg tables: what their libraries read, spooled to a file in the order it comes.

Neither table promises an order of rows (compacting rewrites its files), so the source counts as
having none: without a `sequence`, events of equal time may change places.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path as FilePath
from typing import Any, Protocol, TypeGuard

import pyarrow.dataset as pads

from streamkit.errors import EventsError
from streamkit.events.opened import Scratch

__all__ = [
    "DeltaTable",
    "IcebergTable",
    "is_delta_folder",
    "is_delta_table",
    "is_iceberg_table",
    "spool_delta",
    "spool_iceberg",
]


class DeltaTable(Protocol):
    """`deltalake.DeltaTable`."""

    def to_pyarrow_dataset(self) -> pads.Dataset:
        """The rows of the version that is open."""
        ...


class IcebergTable(Protocol):
    """`pyiceberg.table.Table`."""

    def scan(self) -> Any:
        """The rows of the current snapshot."""
        ...


def is_delta_folder(name: str) -> bool:
    """Whether a path is a folder that Delta keeps a table in."""
    return (FilePath(name) / "_delta_log").is_dir()


def is_delta_table(value: object) -> TypeGuard[DeltaTable]:
    """Whether a value is `deltalake.DeltaTable`; nothing is imported to find out."""
    module = sys.modules.get("deltalake")
    return module is not None and isinstance(value, module.DeltaTable)


def is_iceberg_table(value: object) -> TypeGuard[IcebergTable]:
    """Whether a value is a table of `pyiceberg`; nothing is imported to find out."""
    module = sys.modules.get("pyiceberg.table")
    return module is not None and isinstance(value, module.Table)


def spool_delta(table: DeltaTable | str, label: str) -> tuple[FilePath, Scratch]:
    """Write a Delta table's rows to a Parquet file.

    Args:
        table: A `DeltaTable`, or the path of one.
        label: What to call it in messages.

    Raises:
        EventsError: The extra is not installed, or the table uses what it cannot read.
    """
    if not isinstance(table, str):
        opened = table
    else:
        try:
            module = import_module("deltalake")
        except ImportError as error:
            raise EventsError(
                f"{label!r} is a Delta table; reading it needs the package deltalake",
                code="missing-extra",
                hint="pip install 'streamkit[delta]'",
            ) from error
        try:
            opened = module.DeltaTable(table)
        except Exception as error:
            raise _unreadable(label, "Delta", error) from error
    scratch = Scratch()
    try:
        return scratch.write(opened.to_pyarrow_dataset().scanner().to_reader()), scratch
    except Exception as error:
        raise _unreadable(label, "Delta", error) from error


def spool_iceberg(table: IcebergTable, label: str) -> tuple[FilePath, Scratch]:
    """Write an Iceberg table's rows, as of its current snapshot, to a Parquet file.

    Raises:
        EventsError: The table uses what pyiceberg cannot read.
    """
    scratch = Scratch()
    try:
        return scratch.write(table.scan().to_arrow_batch_reader()), scratch
    except Exception as error:
        raise _unreadable(label, "Iceberg", error) from error


def _unreadable(label: str, kind: str, error: Exception) -> EventsError:
    reason = (str(error) or type(error).__name__).splitlines()[0][:300]
    return EventsError(f"the {kind} table {label!r} cannot be read: {reason}", code="unreadable")
