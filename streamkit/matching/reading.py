"""Reading the rows that may touch a stream: from the source, or from what was read of it before.

What a history keeps in memory are the rows of the names that streams ask for, without the flags.
A changed window or frequency reads nothing again; a changed criterion reads the columns that the
criteria look at, and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from streamkit.events.asking import ask_batches
from streamkit.events.keeping import Kept
from streamkit.matching.asked import Answer, Asked, ask_flags, with_words
from streamkit.matching.buckets import Columns
from streamkit.matching.census import Census
from streamkit.matching.pieces import Piece, Texts
from streamkit.matching.plain_census import UnitCount, census_of, count_unit
from streamkit.matching.plain_rows import PlainRows, Unit, units_of
from streamkit.matching.scan import Scan
from streamkit.matching.sessions import SessionMaker, Sessions, read_sessions
from streamkit.matching.text_flags import NumberedTexts, TextFlags, without_numbers
from streamkit.matching.threads import in_threads
from streamkit.matching.touching import Prepared, Touching

__all__ = ["read_rows"]

ROWS_OF_FLAGS = 32_000_000
"""Rows whose criteria are asked at once, so that the answers are never too many for memory."""


@dataclass
class _Read:
    """What was read, as long as it is little enough to be kept.

    Args:
        kept: What keeps it.
        asked: What was asked for; None if nothing may be kept.
        pieces: The rows.
        numbered: The numbered texts of columns that questions were about.
        sessions: The sessions made from gaps, if such are made.
        census: What was counted of all rows, if that was counted on the way.
        ahead: Then the first time that was too far ahead; None where there was none.
    """

    kept: Kept
    asked: Hashable
    pieces: list[Piece] = field(default_factory=list)
    numbered: Mapping[str, NumberedTexts] = field(default_factory=dict)
    sessions: Sessions | None = None
    census: Census | None = None
    ahead: int | None = None
    size: int = 0

    def add(self, piece: Piece) -> None:
        self.size += piece.bytes
        self.pieces.append(piece)
        if self.size > self.kept.most:
            self.pieces.clear()

    def known(self) -> _Read | None:
        """What was read of the same before, if it was kept."""
        return None if self.asked is None else self.kept.get(self.asked)

    def is_seen_alike(self, scan: Scan) -> bool:
        """Whether the clock changes nothing: the same rows are too far ahead now as then."""
        assert self.census is not None
        newest = self.census.newest
        was_seen = newest is None or newest <= scan.latest
        return was_seen and (self.ahead is None or scan.latest < self.ahead)

    def keep(self) -> None:
        size = self.size + (0 if self.sessions is None else self.sessions.bytes)
        if self.asked is not None:
            self.kept.put(self.asked, self, size)


def read_rows(
    connection: duckdb.DuckDBPyConnection,
    touching: Touching,
    plain: PlainRows | None,
    census: Census | None,
) -> Census:
    """Read the rows that touch a stream.

    Args:
        connection: Where the source can be scanned.
        touching: Takes the rows.
        plain: Reads them as they stand; without it they are asked for by a query.
        census: What was counted of all rows; plain rows can be counted on the way.

    Returns:
        The census.
    """
    scan = touching.scan
    asked: Hashable
    if plain is None:
        asked = scan.lasting().text
    else:
        asked = plain.asked, None if census is None else scan.latest
    read = _Read(scan.history.kept, None if scan.identity is None else (scan.identity, asked))
    known = read.known()
    if known is not None and (census is not None or known.is_seen_alike(scan)):
        read = known
        _take_again(connection, touching, known)
    else:
        if plain is None:
            assert census is not None
            _ask_rows(connection, touching, read, census.rows)
        else:
            _read_units(connection, touching, read, plain, is_counted=census is not None)
        read.keep()
    touching.sessions = read.sessions
    census = census or read.census
    assert census is not None
    return census


def _take_again(connection: duckdb.DuckDBPyConnection, touching: Touching, known: _Read) -> None:
    answers = _answers(connection, touching.scan, known)

    def prepared(piece: Piece) -> Prepared:
        return touching.prepared(_flagged(piece, touching.scan, answers))

    for each in in_threads(prepared, known.pieces):
        touching.put(each)


def _ask_rows(
    connection: duckdb.DuckDBPyConnection, touching: Touching, read: _Read, rows: int
) -> None:
    """Read rows by a query, of so many rows."""
    scan = touching.scan
    answers = _answers(connection, scan, read)

    def take(batch: pa.RecordBatch) -> None:
        columns = {
            name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names
        }
        texts = {
            name: Texts(columns.pop(name), columns.pop(f"{name}_proof"))
            for name in scan.numbered_texts
        }
        read.add(piece := Piece(columns, texts))
        touching.put(touching.prepared(_flagged(piece, scan, answers)))

    ask_batches(connection, scan.lasting(), take)
    sessionizer = scan.history.schema.sessionizer
    if sessionizer is not None:
        read.sessions = read_sessions(connection, scan, sessionizer, rows)


def _read_units(
    connection: duckdb.DuckDBPyConnection,
    touching: Touching,
    read: _Read,
    plain: PlainRows,
    *,
    is_counted: bool,
) -> None:
    """Read plain rows, and count them unless they were counted before."""
    scan = touching.scan
    sessionizer = scan.history.schema.sessionizer
    maker = None if sessionizer is None else SessionMaker(sessionizer, scan.rows)
    counts: list[UnitCount] = []
    read.numbered = plain.numbered
    groups = list(_groups(units_of(scan)))
    for units in groups:
        files = None if len(groups) == 1 else sorted({unit.file for unit in units})
        answers = _answers(connection, scan, read, files)

        def work(
            unit: Unit, answers: Sequence[Answer] = answers
        ) -> tuple[Piece, Prepared, Sequence[Columns]]:
            rows = plain.read(unit)
            if not is_counted:
                counts.append(count_unit(scan, rows))
            unseen, stretches = rows.unseen(scan), list[Columns]()
            if maker is not None:
                stretches = maker.prepared(rows.texts[scan.user_number], rows.times, unseen)
            piece = rows.piece(unseen)
            return piece, touching.prepared(_flagged(piece, scan, answers)), stretches

        for piece, prepared, stretches in in_threads(work, units):
            touching.put(prepared)
            read.add(piece)
            if maker is not None:
                maker.put(stretches)
    if maker is not None:
        read.sessions = maker.made()
    if not is_counted:
        read.census = census_of(scan, counts)
        read.ahead = min((each.ahead for each in counts if each.ahead is not None), default=None)


def _flagged(piece: Piece, scan: Scan, answers: Sequence[Answer]) -> Piece:
    return Piece(without_numbers(with_words(piece.rows, scan, answers)), piece.texts)


def _answers(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    read: _Read,
    files: Sequence[int] | None = None,
) -> list[Answer]:
    """What tells the flags of rows that their names do not tell.

    Args:
        connection: Where questions are asked.
        scan: What they are.
        read: What was read, or will be.
        files: Only rows of these files are meant; then nothing is kept.
    """
    numbered = {c: read.numbered[c] for c in scan.questions.columns if c in read.numbered}
    answers: list[Answer] = []
    if numbered:
        answers.append(TextFlags(connection, scan, numbered).of)
    if scan.questions.names(apart=numbered):
        asked: Asked = scan.history.kept.answer(
            scan.identity if files is None else None,
            scan.asked(apart=numbered).text,
            lambda: ask_flags(connection, scan, numbered, files),
            lambda asked: asked.bytes,
        )
        answers.append(asked.of)
    return answers


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
