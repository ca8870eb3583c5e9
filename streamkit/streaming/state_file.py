"""The state file: what a matcher knows, where its source is, and matches on their way, in one.

Every commit is one transaction. It writes what changed since the last one, so its cost follows the
events and not the keys that are known. What was not committed comes again from the source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from streamkit.database import open_database
from streamkit.errors import EventsError
from streamkit.running import Match, Matcher
from streamkit.running.changes import Changes, Watch
from streamkit.running.contents import restore
from streamkit.streaming import state_tables as tables
from streamkit.streaming.locking import FileLock
from streamkit.streaming.packed_matches import pack_match, unpack_match
from streamkit.streaming.purging import purge
from streamkit.streaming.stored_state import stored_state

__all__ = ["StateFile"]

PURGE_EVERY = 64
"""Commits between two looks for rows that nobody can need any more."""
KEYS_IN_MEMORY = 1_000_000

PutIn = Callable[[sqlalchemy.Connection, Sequence[Match]], object]


class StateFile:
    """What must survive of a live run.

    Args:
        path: An SQLite file; made if it is not there.
        keys_in_memory: How many keys of a stream that only hold lasting facts stay in memory.
        is_shared: Whether the tables of the sink's ledger may lie in it too.

    Raises:
        EventsError: It is in use, of another form, damaged, or no such file.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        keys_in_memory: int = KEYS_IN_MEMORY,
        is_shared: bool = False,
    ) -> None:
        self.path = Path(path)
        self._is_shared = is_shared
        self._limit = keys_in_memory
        self._lock = FileLock(self.path)
        self._watch: Watch | None = None
        self._numbers: dict[str, int] = {}
        self._position: dict[str, str] = {}
        self._commits = 0
        self.is_sound = True
        """Whether the matcher and the file are of one mind."""
        try:
            with _clear(self.path):
                self._engine = open_database(self.path)
                self._connection = self._engine.connect()
                self._prepare()
        except BaseException:
            self._lock.release()
            raise
        driver: Any = self._connection.connection.driver_connection
        self._look_up = (
            driver.execute
        )  # SQLAlchemy's own way takes ten times as long, and a look-up is all it is

    def _prepare(self) -> None:
        with self._connection.begin():
            known = sqlalchemy.inspect(self._connection).get_table_names()
            if known and tables.about.name not in known and not self._is_shared:
                raise EventsError(
                    f"{str(self.path)!r} is no state file: other tables are in it",
                    code="not-a-state",
                    hint="name another file; is it a ledger?",
                )
            tables.METADATA.create_all(self._connection)
            found = self._about("format")
            if found is None:
                self._set_about("format", tables.FORMAT)
            elif found != tables.FORMAT:
                written = "a newer" if found > tables.FORMAT else "an older"
                raise EventsError(
                    f"the state in {str(self.path)!r} has form {found}, of {written} version, and"
                    f" this version reads {tables.FORMAT}",
                    code="other-format",
                    hint="go on with that version, or begin with a new state file",
                )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        self._engine.dispose()
        self._lock.release()

    # What was there

    @property
    def position(self) -> Any:
        """Where the source goes on; None for its beginning."""
        with self._connection.begin():
            found = self._connection.execute(select(tables.position))
            rows: dict[str, str] = {row.part: row.value for row in found}
        self._position = rows
        if "" in rows:
            return json.loads(rows[""])
        return {part[1:]: json.loads(value) for part, value in rows.items()} if rows else None

    @property
    def batch(self) -> int:
        """The number of the last batch of matches."""
        with self._connection.begin():
            return self._about("batch") or 0

    @property
    def sink(self) -> Any:
        """What the sink said of itself at the last commit."""
        with self._connection.begin():
            return self._about("sink")

    @property
    def outbox(self) -> list[tuple[int, list[Match]]]:
        """Batches that the sink has not taken for sure."""
        batches: dict[int, list[Match]] = {}
        rows = select(tables.outbox).order_by(tables.outbox.c.batch, tables.outbox.c.place)
        with self._connection.begin():
            for batch, _, match in self._connection.execute(rows):
                batches.setdefault(batch, []).append(unpack_match(match))
        return list(batches.items())

    def restore(self, matcher: Matcher) -> tuple[str, ...]:
        """Let a new matcher know what the file holds, and keep what it learns from now on.

        A stream whose definition changed, or that is new, begins afresh; the others go on.

        Returns:
            What does not go on, one sentence for each stream.

        Raises:
            EventsError: The file is of a matcher with another schema, or damaged.
        """
        with _clear(self.path), self._connection.begin():
            common = self._about("common")
            notes: tuple[str, ...] = ()
            if common is not None:
                notes = restore(matcher, stored_state(self._connection, common, matcher))
                matcher.look_again()
            self._watch = Watch(matcher, self)
            self._settle(matcher, common)
        return notes

    def _settle(self, matcher: Matcher, common: dict[str, Any] | None) -> None:
        """Let the file have the matcher's streams, and no others."""
        assert self._watch is not None
        now = {each.name: each.version for each in matcher.streams}
        rows = self._connection.execute(select(tables.streams)).all()
        known = {name: number for number, name, version in rows if now.get(name) == version}
        gone = [{"number": row.number} for row in rows if row.name not in known]
        for table in (tables.keys, tables.cooldowns):
            self._each(delete(table).where(table.c.stream == bindparam("number")), gone)
        table = tables.streams
        self._each(delete(table).where(table.c.number == bindparam("number")), gone)
        free = max((row.number for row in rows), default=0) + 1
        new = [name for name in now if name not in known]
        self._numbers = known | {name: free + place for place, name in enumerate(new)}
        self._each(
            insert(table),
            [{"number": self._numbers[n], "name": n, "version": now[n]} for n in new],
        )
        if matcher.decider.totals is None:
            self._connection.execute(delete(tables.totals))
        changes = self._watch.take()
        if common is None or _layout(common) != _layout(json.loads(changes.common)):
            self._connection.execute(delete(tables.held))
            self._connection.execute(delete(tables.ids))
            self._watch.mark_all()
            changes = self._watch.take()
        self._write(changes)
        resting = select(tables.keys.c.stream).where(tables.keys.c.rests_until.is_not(None))
        numbers = set(self._connection.scalars(resting.distinct()))
        for name, number in self._numbers.items():
            if number in numbers:
                self._watch.look_in_store(name)

    # What is new

    def commit(
        self,
        *,
        position: Any = None,
        batch: int = 0,
        matches: Sequence[Match] = (),
        taken: int = 0,
        sink: Any = None,
        put_in: PutIn | None = None,
    ) -> None:
        """Write what the matcher learned, in one transaction.

        Args:
            position: Where the source goes on; None leaves it.
            batch: The number of the batch that the matches are.
            matches: What was found; it stays in the outbox until a later commit says otherwise.
            taken: The sink has taken the batches up to this one.
            sink: What the sink says of itself; None leaves it.
            put_in: Puts the matches into a table of this very file, in place of the outbox.

        Raises:
            EventsError: The file cannot be written. The matcher and the file are then no longer
                of one mind: the run has to end, and the next one begins where the file is.
        """
        assert self._watch is not None
        self.is_sound = False
        changes = self._watch.take()
        with _clear(self.path), self._connection.begin():
            self._write(changes)
            if position is not None:
                self._write_position(position)
            self._note_taken(taken, sink)
            if matches:
                self._set_about("batch", batch)
                if put_in is not None:
                    put_in(self._connection, matches)
                else:
                    self._each(
                        insert(tables.outbox),
                        [
                            {"batch": batch, "place": place, "match": pack_match(match)}
                            for place, match in enumerate(matches)
                        ],
                    )
            self._commits += 1
            if self._commits % PURGE_EVERY == 0:
                purge(self._connection, self._watch.matcher, self._numbers)
        self.is_sound = True
        self._watch.evict(self._limit)

    def note_taken(self, taken: int, sink: Any) -> None:
        """Write what the sink has taken, and nothing of what the matcher has learned since.

        Args:
            taken: The sink has taken the batches up to this one.
            sink: What the sink says of itself; None leaves it.
        """
        with _clear(self.path), self._connection.begin():
            self._note_taken(taken, sink)

    def _note_taken(self, taken: int, sink: Any) -> None:
        if taken:
            table = tables.outbox
            self._connection.execute(delete(table).where(table.c.batch <= taken))
        if sink is not None:
            self._set_about("sink", sink)

    def _write(self, changes: Changes) -> None:
        numbers = self._numbers
        self._set_about("common", json.loads(changes.common), text=changes.common)
        self._replace(
            tables.keys,
            [
                {
                    "stream": numbers[each.stream],
                    "key": each.key,
                    "state": each.state,
                    "rests_until": each.rests_until,
                }
                for each in changes.keys
            ],
            gone="state",
        )
        self._replace(
            tables.cooldowns,
            [
                {"stream": numbers[s], "by": by, "fired": fired}
                for s, by, fired in changes.cooldowns
            ],
        )
        self._replace(
            tables.sessions,
            [{"user": user, "session": session} for user, session in changes.sessions],
            gone="session",
        )
        self._replace(
            tables.totals,
            [{"session": s, "total": total, "latest": time} for s, total, time in changes.totals],
            gone="total",
        )
        self._replace(
            tables.ids,
            [
                {
                    "kind": each.kind,
                    "key": each.key,
                    "id": each.id,
                    "time": each.time,
                    "streams": each.streams,
                }
                for each in changes.ids
            ],
        )
        table = tables.held
        decided = (table.c.time < changes.watermark) | (table.c.arrival <= changes.flushed)
        self._connection.execute(delete(table).where(decided))
        self._replace(
            table,
            [
                {"arrival": arrival, "time": time, "event": event}
                for arrival, time, event in changes.held
            ],
        )

    def _replace(
        self, table: sqlalchemy.Table, rows: list[dict[str, Any]], gone: str | None = None
    ) -> None:
        """Write rows over those of their keys; a row without a value of `gone` is removed."""
        kept = [row for row in rows if gone is None or row[gone] is not None]
        self._each(insert(table).prefix_with("OR REPLACE"), kept)
        if len(kept) < len(rows):
            primary = [column.name for column in table.primary_key]
            is_row = [table.c[name] == bindparam(f"old_{name}") for name in primary]
            self._each(
                delete(table).where(*is_row),
                [{f"old_{n}": row[n] for n in primary} for row in rows if row[gone or ""] is None],
            )

    def _write_position(self, position: Any) -> None:
        """Write what is new of a position; parts of their own spare writing all the others."""
        if isinstance(position, Mapping):
            now = {f"/{part}": json.dumps(value) for part, value in position.items()}
        else:
            now = {"": json.dumps(position)}
        changed = now.items() - self._position.items()
        self._replace(tables.position, [{"part": part, "value": value} for part, value in changed])
        gone = self._position.keys() - now.keys()
        table = tables.position
        self._each(
            delete(table).where(table.c.part == bindparam("gone")),
            [{"gone": part} for part in gone],
        )
        self._position = now

    def _each(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)

    def _about(self, name: str) -> Any:
        table = tables.about
        found = self._connection.scalar(select(table.c.value).where(table.c.name == name))
        return None if found is None else json.loads(found)

    def _set_about(self, name: str, value: Any, text: str | None = None) -> None:
        packed = json.dumps(value) if text is None else text
        self._replace(tables.about, [{"name": name, "value": packed}])

    # Keys that are not in memory (`running.changes.KeyStore`)

    def state(self, stream: str, key: str) -> str | None:
        """The state of a key that rests in the file."""
        sql = "SELECT state, rests_until FROM live_keys WHERE stream = ? AND key = ?"
        row = self._look_up(sql, (self._numbers[stream], key)).fetchone()
        if row is None or (row[1] is not None and row[1] < self._now()):
            return None
        return str(row[0])

    def cooldown(self, stream: str, by: str) -> int | None:
        """When a match of a cooldown value was last kept."""
        sql = "SELECT fired FROM live_cooldowns WHERE stream = ? AND by = ?"
        row = self._look_up(sql, (self._numbers[stream], by)).fetchone()
        return None if row is None else int(row[0])

    def total(self, session: str) -> str | None:
        """A session as a whole."""
        sql = "SELECT total FROM live_totals WHERE session = ?"
        row = self._look_up(sql, (session,)).fetchone()
        return None if row is None else str(row[0])

    def _now(self) -> int:
        assert self._watch is not None
        return self._watch.matcher.intake.watermark


def _layout(common: Mapping[str, Any]) -> list[Any]:
    """What numbers in held events and ids stand for."""
    streams = [[each["name"], each["version"]] for each in common["streams"]]
    return [common["questions"], common["facts"], common["keys"], streams]


@contextmanager
def _clear(path: Path) -> Iterator[None]:
    """Turn what a database says into a line that names the file."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        code = "damaged-state" if isinstance(error, DatabaseError) else "bad-state"
        raise EventsError(
            f"the state file {str(path)!r} cannot be used: {cause}",
            code=code,
            hint="free the disk if it is full; if it is damaged or no state file, begin with a"
            " new one",
        ) from error
