"""The ledger's tables, the same in SQLite and in PostgreSQL.

Times are microseconds since the epoch. Text of the user's is kept as JSON, which has no NUL, since
PostgreSQL takes none.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

__all__ = [
    "ATTEMPTS",
    "DESTINATIONS",
    "MATCHES",
    "META",
    "METADATA",
    "NOTICES",
    "QUOTA",
    "STREAMS",
    "VERSION",
    "digest",
    "storable",
]

VERSION = 1
"""Form of the tables; a ledger of a later form is refused."""

METADATA = sa.MetaData()
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite counts rows up only in a column of this very type."""

META = sa.Table(
    "ledger_meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

MATCHES = sa.Table(
    "ledger_matches",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("match_id", sa.Text, nullable=False, unique=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("session", sa.Text),
    sa.Column("user", sa.Text),
    sa.Column("fired_at", sa.BigInteger, nullable=False),
    # what frequency and cooldown go by
    sa.Column("first_row", sa.Text, nullable=False),
    sa.Column("first_time", sa.BigInteger, nullable=False),
    sa.Column("first_rank", sa.BigInteger, nullable=False),
    sa.Column("last_row", sa.Text, nullable=False),
    sa.Column("last_time", sa.BigInteger, nullable=False),
    sa.Column("last_rank", sa.BigInteger, nullable=False),
    sa.Column("cooldown_value", sa.Text),
    sa.Column("is_taken", sa.Boolean, nullable=False),  # the frequency rule let it through
    # what becomes of it
    sa.Column("state", sa.Text, nullable=False),  # waiting, delivered, dead, skipped
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("added_at", sa.BigInteger, nullable=False),
    sa.Column("settled_at", sa.BigInteger),
    sa.Column("body", sa.LargeBinary),
    sa.Column("secrets", sa.Text),  # [[offset, reference], …]
    sa.Column("destination", sa.Text),  # the last one it was sent to
    sa.Column("age_from", sa.BigInteger, nullable=False),  # what max_age counts from
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease", sa.Text),
    sa.Column("leased_until", sa.BigInteger),
    sa.Column("units", sa.Integer, nullable=False),  # hundredths of an activation
    sa.Column("month", sa.Text),  # whose budget they are reserved in
    sa.Column("rerender_of", sa.Text),
    sa.Column("is_purged", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ledger_matches_due", "state", "stream", "due_at"),
    sa.Index("ledger_matches_lease", "lease"),
    sa.Index("ledger_matches_key", "stream", "key"),
    sa.Index("ledger_matches_cooldown", "stream", "cooldown_value", "fired_at"),
)

ATTEMPTS = sa.Table(
    "ledger_attempts",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("match_id", sa.Text, nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
)

DESTINATIONS = sa.Table(
    "ledger_destinations",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("is_paused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("parked_at", sa.BigInteger),
    sa.Column("parked_why", sa.Text),
    sa.Column("needs_person", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("held_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # in a row
    sa.Column("opened_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("probe_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("next_slot", sa.BigInteger, nullable=False, server_default="0"),
)

STREAMS = sa.Table(
    "ledger_streams",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),  # what ids are made of besides the name
    sa.Column("payload", sa.Text, nullable=False),  # digests: only whether they changed is asked
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("horizon", sa.BigInteger),
    sa.Column("frequency", sa.Text, nullable=False),
    sa.Column("reach", sa.BigInteger),  # how far back a rule looks; null is without bound
    sa.Column("max_age", sa.BigInteger),
    sa.Column("is_paused", sa.Boolean, nullable=False, server_default=sa.false()),
)

QUOTA = sa.Table(
    "ledger_quota",
    METADATA,
    sa.Column("month", sa.Text, primary_key=True),  # such as 2026-03, UTC
    sa.Column("units", sa.BigInteger, nullable=False),
)

NOTICES = sa.Table(
    "ledger_notices",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)


def digest(text: str) -> str:
    """A text that stands for another where that one must not be kept.

    Example:
        >>> digest("u1")
        'sha256:bb82030dbc2bcaba32a90bf2e207a84a'
    """
    hashed = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{hashed[:32]}"


def storable(text: str) -> str:
    """Text from outside in a form that every database takes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
