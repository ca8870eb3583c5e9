"""Notices: what a person should hear of, kept beside the matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from streamkit.delivery.ledger.tables import NOTICES, storable

__all__ = ["Notice", "add_notices", "latest_notices"]


class Notice(NamedTuple):
    """Something that a person should hear of.

    Args:
        at: When, in microseconds.
        kind: `parked`, `dead letters`, `budget 80 %`, `budget 100 %` or `changed`.
        subject: The destination, stream or month.
        text: What happened, in a sentence.
    """

    at: int
    kind: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.text}"


def add_notices(connection: sa.Connection, notices: Iterable[Notice]) -> None:
    """Keep notices."""
    values = [
        {**each._asdict(), "subject": storable(each.subject), "text": storable(each.text)}
        for each in notices
    ]
    if values:
        connection.execute(NOTICES.insert(), values)


def latest_notices(connection: sa.Connection, count: int) -> Sequence[Notice]:
    """The last notices, newest first."""
    c = NOTICES.c
    query = sa.select(c.at, c.kind, c.subject, c.text).order_by(c.number.desc()).limit(count)
    return [Notice(*row) for row in connection.execute(query)]
