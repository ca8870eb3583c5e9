"""Reading the rows that may touch a stream: from the source, or from what was read of it before.

What a history keeps in memory are the rows of the names that streams ask for, without the flags.
A changed window or frequency reads nothing again; a changed criterion reads the columns that the
criteria look at, and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from streamkit.events.asking import ask_batches
from streamkit.events.keeping import Kept
from streamkit.matching.asked import Asked, ask_flags, with_words
from streamkit.matching.buckets import Columns
from streamkit.matching.census import Census
from streamkit.matching.pieces import Piece, Texts
from streamkit.matching.plain_census import UnitCount, census_of, count_unit
from streamkit.matching.plain_rows import PlainRows, Unit, units_of
from streamkit.matching.scan import Scan
from streamkit.matching.sessions import SessionMaker, Sessions, read_sessions
from streamkit.matching.threads import in_threads
from streamkit.matching.touching import Prepared, Touching

__all__ = ["read_plain_rows", "read_rows"]

ROWS_OF_FLAGS = 32_000_000
"""Rows whose criteria are asked at once, so that the answers are never too many for memory."""


@dataclass
class _Read:
    """What was read, as long as it is little enough to be kept.

    Args:
        kept: What keeps it.
        asked: What was asked for; None if nothing may be kept.
        pieces: The rows.
        sessions: The sessions made from gaps, if such are made.
        census: What was counted of all rows, if that was counted on the way.
        ahead: Then the first time that was too far ahead; None where there was none.
    """

    kept: Kept
    asked: Hashable
    pieces: list[Piece] = field(default_factory=list)
    sessions: Sessions | None = None
    census: Census | None = None
    ahead: int | None = None
    size: int = 0

    def add(self, piece: Piece) -> None:
        self.size += piece.bytes
        self.pieces.append(piece)
        if self.size > self.kept.most:
            self.pieces.clear()

    def keep(self) -> None:
        size = self.size + (0 if self.sessions is None else self.sessions.bytes)
        if self.asked is not None:
            self.kept.put(self.asked, self, size)


def read_rows(connection: duckdb.DuckDBPyConnection, touching: Touching, rows: int) -> None:
    """Read the rows that touch a stream by a query.

    Args:
        connection: Where the source can be scanned.
        touching: Takes the rows.
        rows: How many rows there are.
    """
    scan = touching.scan
    sessionizer = scan.history.schema.sessionizer
    query = scan.lasting()
    asked_before = None if scan.identity is None else (scan.identity, query.text)
    read = _Read(scan.history.kept, asked_before)
    asked = _kept_flags(connection, scan)
    if (known := _known(read)) is not None:
        _take_again(touching, known, asked)
        return

    def take(batch: pa.RecordBatch) -> None:
        columns = {
            name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names
        }
        texts = {
            name: Texts(columns.pop(name), columns.pop(f"{name}_proof"))
            for name in scan.numbered_texts
        }
        read.add(piece := Piece(columns, texts))
        touching.put(touching.prepared(_flagged(piece, scan, asked)))

    ask_batches(connection, query, take)
    if sessionizer is not None:
        touching.sessions = read.sessions = read_sessions(connection, scan, sessionizer, rows)
    read.keep()


def read_plain_rows(
    connection: duckdb.DuckDBPyConnection,
    touching: Touching,
    plain: PlainRows,
    *,
    is_counted: bool,
) -> Census | None:
    """Read the rows that touch a stream as they stand.

    Args:
        connection: Where criteria can be asked.
        touching: Takes the rows.
        plain: What reads them.
        is_counted: Whether all rows were counted before; else they are counted on the way.

    Returns:
        The census, if the rows were counted.
    """
    scan = touching.scan
    latest = scan.latest if is_counted else None
    read = _Read(scan.history.kept, (scan.identity, plain.asked, latest))
    known = _known(read)
    if known is not None and (is_counted or _is_seen_alike(known, scan)):
        _take_again(touching, known, _kept_flags(connection, scan))
        return known.census
    counts: list[UnitCount] = []
    sessionizer = scan.history.schema.sessionizer
    maker = None if sessionizer is None else SessionMaker(sessionizer, scan.rows)
    groups = list(_groups(units_of(scan)))
    for units in groups:
        if len(groups) == 1:
            asked = _kept_flags(connection, scan)
        else:
            asked = ask_flags(connection, scan, sorted({unit.file for unit in units}))

        def work(unit: Unit, asked: Asked | None = asked) -> tuple[Piece, Prepared, list[Columns]]:
            rows = plain.read(unit)
            if not is_counted:
                counts.append(count_unit(scan, rows))
            unseen, events = rows.unseen(scan), list[Columns]()
            if maker is not None:
                events = maker.prepared(rows.texts[scan.user_number], rows.times, unseen)
            piece = rows.piece(unseen)
            return piece, touching.prepared(_flagged(piece, scan, asked)), events

        for piece, prepared, events in in_threads(work, units):
            touching.put(prepared)
            read.add(piece)
            if maker is not None:
                maker.put(events)
    if maker is not None:
        touching.sessions = read.sessions = maker.made()
    if not is_counted:
        read.census = census_of(scan, counts)
        read.ahead = min((each.ahead for each in counts if each.ahead is not None), default=None)
    read.keep()
    return read.census


def _known(read: _Read) -> _Read | None:
    return None if read.asked is None else read.kept.get(read.asked)


def _is_seen_alike(known: _Read, scan: Scan) -> bool:
    """Whether the clock changes nothing: the same rows are too far ahead now as then."""
    assert known.census is not None
    newest = known.census.newest
    was_seen = newest is None or newest <= scan.latest
    return was_seen and (known.ahead is None or scan.latest < known.ahead)


def _take_again(touching: Touching, known: _Read, asked: Asked | None) -> None:
    def prepared(piece: Piece) -> Prepared:
        return touching.prepared(_flagged(piece, touching.scan, asked))

    for each in in_threads(prepared, known.pieces):
        touching.put(each)
    touching.sessions = known.sessions


def _flagged(piece: Piece, scan: Scan, asked: Asked | None) -> Piece:
    return Piece(with_words(piece.rows, scan, asked), piece.texts)


def _kept_flags(connection: duckdb.DuckDBPyConnection, scan: Scan) -> Asked | None:
    """The answers of criteria for all rows, from memory if they were asked before."""
    if not scan.is_asking:
        return None
    asked: Asked = scan.history.kept.answer(
        scan.identity,
        scan.asked().text,
        lambda: ask_flags(connection, scan),
        lambda asked: asked.bytes,
    )
    return asked


def _groups(units: Iterable[Unit]) -> Iterator[Sequence[Unit]]:
    """Units of whole files, in order: of many rows, but not of too many."""
    group: list[Unit] = []
    for unit in units:
        is_new_file = bool(group) and unit.file != group[-1].file
        if is_new_file and sum(each.rows for each in group) + unit.rows > ROWS_OF_FLAGS:
            yield group
            group = []
        group.append(unit)
    if group:
        yield group
