"""`Ledger`: the file or database that knows of every match what became of it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from streamkit.arguments import read_moment
from streamkit.database import READING, open_database
from streamkit.delivery.ledger import keeping, operating, reporting
from streamkit.delivery.ledger.failures import as_delivery_error, is_passing
from streamkit.delivery.ledger.tables import META, METADATA, VERSION
from streamkit.errors import DeliveryError
from streamkit.times import to_microseconds

if TYPE_CHECKING:
    from streamkit.delivery.ledger.reporting import Status
    from streamkit.delivery.quota import Budget

__all__ = ["Ledger"]

T = TypeVar("T")
LOCK = 0x53_4B_4C_45_44_47
"""Under this number PostgreSQL lets one writer of a ledger in at a time, as SQLite does anyway."""
PATIENCE = 30.0
"""Seconds in which a lost connection is tried again: a database server restarts in less.
Opening a ledger is tried once, unless the server is there and busy."""


class Ledger:
    """Every match that was handed over, its frozen body, and what became of it.

    Any number of senders may work on one ledger at once. What a method wrote is on the disk when
    it returns.

    Args:
        place: A path of an SQLite file, which is made if it is not there, or a `postgresql://` URL.
        create: Whether to make the file or the tables; without it a missing ledger is an error.
        clock: Gives the present time.

    Raises:
        DeliveryError: It cannot be opened, is no ledger, or one of a later version.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Ledger(folder.name + "/ledger.db") as ledger:
        ...     ledger.status().counts["matched"]
        0
        >>> folder.cleanup()
    """

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        create: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        text = os.fspath(place)
        self.clock = clock
        is_file = "://" not in text
        if is_file and not create and not Path(text).is_file():
            raise DeliveryError(
                f"there is no ledger {text!r}",
                code="no-such-ledger",
                hint="'streamkit send --ledger' makes one",
            )
        self.engine: sa.Engine = open_database(text)
        self.label: str = text if is_file else self.engine.url.render_as_string(hide_password=True)
        self._was_open = False
        try:
            self._set_up(create=create)
            self._was_open = True
        except BaseException:
            self.close()
            raise

    def _set_up(self, *, create: bool) -> None:
        version = self.read(_version)
        if version is None and create:
            self.write(_create)
            version = str(VERSION)
        if version is None:
            raise DeliveryError(
                f"{self.label!r} is no ledger",
                code="no-such-ledger",
                hint="'streamkit send --ledger' makes one",
            )
        if version != str(VERSION):
            raise DeliveryError(
                f"the ledger {self.label!r} has form {version[:20]}, and this program knows"
                f" {VERSION}",
                code="other-ledger-version",
                hint="use the version of streamkit that wrote it, or a newer one",
            )

    def __repr__(self) -> str:
        return f"Ledger({self.label!r})"

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or the connections."""
        self.engine.dispose()

    @property
    def now(self) -> int:
        """The present, in microseconds."""
        return to_microseconds(self.clock())

    def write(self, work: Callable[[sa.Connection], T], *, roll_back: bool = False) -> T:
        """Do something inside one transaction, alone among all writers.

        Args:
            work: What to do; done again when the connection was lost, so it must not mind.
            roll_back: Whether to leave everything as it was.

        Raises:
            DeliveryError: The ledger is full, read-only, damaged or gone.
        """

        def transaction() -> T:
            with self.engine.connect() as connection, connection.begin() as begun:
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
                done = work(connection)
                if roll_back:
                    begun.rollback()
                return done

        return self._persistently(transaction)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Read inside one transaction, without waiting for a writer.

        Raises:
            DeliveryError: The ledger is damaged or gone.
        """

        def transaction() -> T:
            with self.engine.connect() as connection:
                options: dict[str, Any] = {READING: True}
                if connection.dialect.name == "postgresql":  # numbers of one moment, as in SQLite
                    options["isolation_level"] = "REPEATABLE READ"
                reading = connection.execution_options(**options)
                with reading.begin():
                    return work(reading)

        return self._persistently(transaction)

    def _persistently(self, transaction: Callable[[], T]) -> T:
        """The answer of a transaction; tried again while the trouble may pass."""
        patience_ends = time.monotonic() + PATIENCE
        wait = 0.05
        while True:
            try:
                return transaction()
            except exc.SQLAlchemyError as error:
                may_pass = is_passing(error, was_open=self._was_open)
                if not may_pass or time.monotonic() > patience_ends:
                    raise as_delivery_error(error, self.label) from None
            time.sleep(wait * (1 + random.random()))  # noqa: S311 # so that writers do not march in step
            wait = min(2.0, wait * 2)

    def status(self, budget: Budget | None = None) -> Status:
        """How many matches are where, and what is in the way of the rest.

        Args:
            budget: The month's budget, to compare its use with.
        """
        return self.read(lambda connection: reporting.read_status(connection, budget, self.now))

    def why(self, match_id: str) -> dict[str, Any]:
        """What became of a match, attempt by attempt.

        Raises:
            DeliveryError: The ledger knows no such match.
        """
        return self.read(lambda connection: reporting.read_history(connection, match_id))

    def dead_letters(
        self, streams: Sequence[str] = (), reason: str | None = None
    ) -> list[dict[str, Any]]:
        """The matches that will not be sent any more, oldest first.

        Args:
            streams: Only of these streams; of all by default.
            reason: Only those whose reason holds this text.
        """
        return self.read(lambda found: reporting.read_dead_letters(found, streams, reason))

    def retry(self, match_ids: Sequence[str]) -> int:
        """Let dead letters wait again, with all their tries, under the same ids and bodies.

        Args:
            match_ids: Of dead letters; those that have no body are left out.

        Returns:
            How many wait now.
        """
        return self.write(lambda connection: operating.retry(connection, match_ids, self.now))

    def pause(self, name: str) -> str:
        """Hold a stream, or a destination by its label or id; returns what it is.

        Raises:
            DeliveryError: The ledger knows neither a stream nor a destination of that name.
        """
        return self.write(lambda connection: operating.pause(connection, name, is_paused=True))

    def resume(self, name: str) -> str:
        """Let a stream or destination go on; a parked destination is tried again as well.

        Raises:
            DeliveryError: The ledger knows neither a stream nor a destination of that name.
        """
        return self.write(lambda connection: operating.pause(connection, name, is_paused=False))

    def purge(self, before: datetime | date | str, *, hashed: bool = False) -> keeping.Purged:
        """Remove bodies, attempts and users of matches that were settled before a time.

        What frequency, cooldown and ids need is kept as tombstones for as long as they can need
        it; what they cannot need any more is removed altogether.

        Args:
            before: Matches settled before it: a time, or a day for its midnight (UTC).
            hashed: Whether keys and values in the tombstones are replaced by their digests.

        Raises:
            DeliveryError: `before` is no time, or the ledger cannot be written.
        """
        time_ = to_microseconds(read_moment(before, "before", DeliveryError))
        done = self.write(
            lambda connection: keeping.purge(connection, time_, self.now, hashed=hashed)
        )
        keeping.scrub(self.engine)
        return done

    def forget(self, user: str) -> int:
        """Remove everything about a user; what rules need stays as digests, and nothing is sent.

        Args:
            user: The user, as the matches have it.

        Returns:
            How many matches there were.
        """
        done = self.write(lambda connection: keeping.forget(connection, user, self.now))
        keeping.scrub(self.engine)
        return done


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(META.name):
        return None
    found = connection.execute(sa.select(META.c.value).where(META.c.name == "version")).scalar()
    return None if found is None else str(found)


def _create(connection: sa.Connection) -> None:
    if _version(connection) is None:
        if connection.dialect.name == "sqlite" and sa.inspect(connection).get_table_names():
            raise DeliveryError(
                f"{connection.engine.url.database!r} is no ledger: other tables are in it",
                code="no-such-ledger",
                hint="name another file; is it the state file of a live run?",
            )
        METADATA.create_all(connection)
        connection.execute(META.insert().values(name="version", value=str(VERSION)))
