"""The tables of a state file."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, Text

__all__ = [
    "FORMAT",
    "METADATA",
    "about",
    "cooldowns",
    "held",
    "ids",
    "keys",
    "outbox",
    "position",
    "sessions",
    "streams",
    "totals",
]

FORMAT = 2
"""Raised by every change of the tables or of what is packed in them."""
METADATA = MetaData()


def _table(name: str, *columns: Column[int] | Column[str]) -> Table:
    """A table found by its key alone; the names' beginning keeps others' tables apart."""
    return Table(f"live_{name}", METADATA, *columns, sqlite_with_rowid=False)


about = _table(
    "about",
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""`format`, `common` (what is small of the matcher), `batch` (the last one), `sink` (its mark)."""

position = _table(
    "position",
    Column("part", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Where the source goes on: one row, or one for each part of a position that has parts."""

streams = _table(
    "streams",
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
)

keys = _table(
    "keys",
    Column("stream", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("rests_until", Integer, index=True),
)
"""`rests_until` (µs): until then the key only holds lasting facts and need not be in memory."""

cooldowns = _table(
    "cooldowns",
    Column("stream", Integer, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("fired", Integer, nullable=False),
)

sessions = _table(
    "sessions",
    Column("user", Text, primary_key=True),
    Column("session", Text, nullable=False),
)

totals = _table(
    "totals",
    Column("session", Text, primary_key=True),
    Column("total", Text, nullable=False),
    Column("latest", Integer, nullable=False),
)

ids = _table(
    "ids",
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("time", Integer, primary_key=True),
    Column("streams", Text, nullable=False),
)
"""`streams`: those that the event touched, as bits, as text, because there may be any number."""

held = _table(
    "held",
    Column("arrival", Integer, primary_key=True),
    Column("time", Integer, nullable=False),
    Column("event", Text, nullable=False),
)

outbox = _table(
    "outbox",
    Column("batch", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("match", Text, nullable=False),
)
"""Matches that the sink has not taken for sure."""
