"""Opening an SQLite file or a PostgreSQL database so that what is committed stays committed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event

from streamkit.errors import DeliveryError

__all__ = ["READING", "open_database"]

POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 30000")
"""A commit is on the disk when it returns; a writer waits half a minute for another one."""
OWNER_ONLY = 0o600
READING = "only_reads"
"""Execution option of connections that write nothing and so need not wait for a writer."""


def open_database(place: str | os.PathLike[str]) -> sqlalchemy.Engine:
    """Open a database, and make it if it is an SQLite file that is not there.

    Transactions of SQLite begin with `BEGIN IMMEDIATE`, so two writers wait for each other in place
    of failing half-way. The file can be read by its owner alone.

    Args:
        place: A path of an SQLite file, or a PostgreSQL URL.

    Raises:
        DeliveryError: The file cannot be made or read, or the URL is of another database.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     engine = open_database(folder + "/state.db")
        ...     with engine.begin() as connection:
        ...         print(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
        ...     engine.dispose()
        wal
    """
    text = os.fspath(place)
    if text.startswith(POSTGRESQL):
        return _open_postgresql(text)
    if "://" in text:
        raise DeliveryError(
            f"no database of the kind {text.split('://')[0]!r} can be opened",
            code="bad-database",
            hint="give the path of an SQLite file, or a postgresql:// URL",
        )
    return _open_sqlite(Path(text))


def _open_postgresql(url: str) -> sqlalchemy.Engine:
    try:
        import psycopg  # noqa: F401 # is it installed?
    except ImportError:
        raise DeliveryError(
            "PostgreSQL needs psycopg",
            code="missing-extra",
            hint="pip install 'streamkit[postgres]'",
        ) from None
    _, _, rest = url.partition("://")
    return sqlalchemy.create_engine(
        f"postgresql+psycopg://{rest}", pool_pre_ping=True, hide_parameters=True
    )


def _open_sqlite(path: Path) -> sqlalchemy.Engine:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    except OSError as error:
        raise DeliveryError(
            f"{str(path)!r} cannot be opened: {error.strerror}",
            code="bad-database",
            hint="give the path of a file in a folder that can be written",
        ) from None
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create("sqlite", database=str(path)), hide_parameters=True
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun below
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sqlalchemy.Connection) -> None:
    reads = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
