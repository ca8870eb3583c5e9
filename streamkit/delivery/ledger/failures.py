"""What goes wrong with a database, as one readable line."""

from __future__ import annotations

from sqlalchemy import exc

from streamkit.errors import DeliveryError

__all__ = ["as_delivery_error", "is_passing"]

LINES = (
    ("disk is full", "ledger-full", "is full", "free some space; nothing that was committed is lost"),
    ("disk full", "ledger-full", "is full", "free some space; nothing that was committed is lost"),
    ("no space left", "ledger-full", "is full", "free some space; nothing committed is lost"),
    ("readonly", "ledger-read-only", "cannot be written", "check the rights of the file and its folder"),
    ("read-only", "ledger-read-only", "cannot be written", "check the rights of the role"),
    ("permission denied", "ledger-read-only", "cannot be written", "check the rights of the role"),
    ("malformed", "ledger-damaged", "is damaged", "restore it from a backup; a new ledger would send again"),
    ("not a database", "ledger-damaged", "is no SQLite file", "give the path of another file"),
    ("disk i/o error", "ledger-damaged", "cannot be read", "check the disk"),
    ("locked", "ledger-busy", "is kept busy by another program", "end it, or try again"),
    ("unable to open", "bad-database", "cannot be opened", "check the rights of its folder"),
    ("authentication", "bad-database", "does not let this user in", "check the URL"),
    ("no such column", "ledger-damaged", "has other tables than it should", "give another ledger"),
)  # fmt: skip
"""What the databases say, then a code, what that means, and what to do."""
BUSY = ("locked", "deadlock", "shutting down", "starting up", "terminating")
"""What a database says that is there and soon has time."""


def as_delivery_error(error: exc.SQLAlchemyError, label: str) -> DeliveryError:
    """The error of the library for one of the database."""
    said = str(getattr(error, "orig", None) or error)
    for words, code, meaning, hint in LINES:
        if words in said.lower():
            return DeliveryError(f"the ledger {label!r} {meaning}", code=code, hint=hint)
    first = said.strip().splitlines()[0][:200] if said.strip() else type(error).__name__
    return DeliveryError(
        f"the ledger {label!r} cannot be used: {first}",
        code="ledger-unusable",
        hint="check that the database is up",
    )


def is_passing(error: exc.SQLAlchemyError, *, was_open: bool) -> bool:
    """Whether trying again may help: the connection was lost, or another writer was in the way.

    Args:
        error: What the database said.
        was_open: Whether the ledger was in use before. A server that was never reached is more
            likely named wrongly than about to come back.
    """
    if not isinstance(error, exc.DBAPIError):
        return False
    said = str(error.orig).lower()
    return any(words in said for words in BUSY) or (
        was_open and (error.connection_invalidated or "connection" in said)
    )
