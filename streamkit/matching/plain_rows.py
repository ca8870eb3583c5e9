"""Rows of files whose roles are columns as they stand: read without a query.

Parquet keeps texts that occur often once, in a dictionary, and a number for each row. So what keys
and names are made of is hashed once a dictionary and never spelled out row by row, and a dictionary
tells at once which keys there are. Texts that are all different, such as event ids, are hashed as
they are read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from polars.selectors import by_name

from streamkit.errors import EventsError
from streamkit.events.history import History
from streamkit.events.parquet_files import FILE_STEP
from streamkit.events.property import Property
from streamkit.events.values import FIRST_TIME, LAST_TIME
from streamkit.matching.buckets import Columns
from streamkit.matching.chains import Ints
from streamkit.matching.numbering import hashed
from streamkit.matching.pieces import Codes, Piece, Texts
from streamkit.matching.scan import Scan, part_property
from streamkit.matching.text_flags import NumberedTexts, number_column

__all__ = [
    "PlainRows",
    "Texts",
    "Unit",
    "UnitRows",
    "plain_columns",
    "read_plain",
    "units_of",
]

ROWS_A_UNIT = 1_000_000
"""What is read at once: whole row groups, at the least so many rows where a file has them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Row groups of a file that follow each other.

    Args:
        file: The file's number.
        first: The number of its first row in the file.
        rows: How many rows there are.
        groups: The row groups' numbers.
    """

    file: int
    first: int
    rows: int
    groups: tuple[int, ...]

    @property
    def begin(self) -> int:
        """The first row's source position; those of the others follow."""
        return self.file * FILE_STEP + self.first


@dataclass(frozen=True, eq=False)
class UnitRows:
    """All rows of a unit.

    Args:
        unit: The unit.
        times: In microseconds, shape (rows,); that of another row where a row has none.
        untimed: The rows that have none.
        names: The numbers of their names; None where names do not matter.
        texts: Their other texts, by what the scan calls them.
        ids: Their ids as they stand, where ids are declared.
        numbered: The numbers of the texts that questions are asked of, by column.
        is_named: Whether only rows with a number for their name can touch a stream.
        salt: What numbers for ids are made with.
    """

    unit: Unit
    times: Ints
    untimed: Ints
    names: npt.NDArray[Any] | None
    texts: Mapping[str, Texts]
    ids: pl.Series | None
    numbered: Mapping[str, Codes]
    is_named: bool
    salt: int

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The oldest and the newest time of a unit that has rows."""
        return int(self.times.min()), int(self.times.max())

    def outside(self, first: int, last: int) -> Ints:
        """The rows that have no time between two, both included."""
        if not len(self.times) or (first <= self.bounds[0] and self.bounds[1] <= last):
            return self.untimed
        is_outside = (self.times < first) | (self.times > last)
        return np.union1d(np.flatnonzero(is_outside), self.untimed)

    def unseen(self, scan: Scan) -> Ints:
        """The rows that the scan does not see."""
        first = FIRST_TIME if scan.begin is None else max(scan.begin, FIRST_TIME)
        last = scan.latest if scan.until is None else min(scan.latest, scan.until - 1)
        return self.outside(first, min(last, LAST_TIME))

    def piece(self, unseen: Ints) -> Piece:
        """What the sequence pass needs of all rows but some, as `Scan.lasting` brings it."""
        if self.names is not None and self.is_named:
            is_chosen = self.names != 0
        else:
            is_chosen = np.ones(len(self.times), bool)
        is_chosen[unseen] = False
        rows = np.flatnonzero(is_chosen)
        columns: Columns = {"position": rows + self.unit.begin, "time": self.times.take(rows)}
        if self.ids is not None:
            ids = Texts.hashed(self.ids.filter(pl.Series(is_chosen)), self.salt)
            columns["id"], columns["id_proof"] = ids.numbers, ids.proofs
        if self.names is not None:
            columns["name"] = self.names.take(rows)
        for column, numbers in self.numbered.items():
            columns[number_column(column)] = numbers.take(rows)
        return Piece(columns, {name: texts.only(rows) for name, texts in self.texts.items()})


class PlainRows:
    """The rows of a scan's files.

    Args:
        scan: The scan.
        columns: The column that holds each text, by what the scan calls it.
        time: The column of times.

    Attributes:
        numbered: The texts that questions are asked of, by column; numbered as rows are read.
    """

    def __init__(self, scan: Scan, columns: Mapping[str, str], time: str) -> None:
        self._scan = scan
        self._layouts = scan.layouts
        self._columns = columns
        self._time = time
        self.numbered = {
            column: NumberedTexts(column)
            for column in scan.questions.columns
            if all(column in layout.coded for layout in self._layouts)
            and not _is_of_folders(scan.history, [column])
        }

    @classmethod
    def of(cls, scan: Scan) -> PlainRows | None:
        """The plain rows; None where more than a column is needed, or files are elsewhere."""
        history = scan.history
        texts = {"name": history.role("name")} if scan.plan.flags.asked_names else {}
        for place, part in enumerate(scan.parts):
            texts[f"part_{place}"] = part_property(history, part)
        if history.schema.sessionizer is not None:
            texts.setdefault(scan.user_number, part_property(history, "session"))
        if history.schema.id is not None:
            texts["id"] = history.role("id")
        columns, time = plain_columns(scan, texts), _plain_time(scan)
        if columns is None or time is None or history.schema.sequence is not None:
            return None
        return cls(scan, columns, time) if scan.rows else None

    @property
    def asked(self) -> Hashable:
        """What the rows that are read, and what is counted of them, depend on but for the clock."""
        scan = self._scan
        columns = tuple(self._columns.items())
        names, in_range = tuple(scan.questions.numbered_names), (scan.begin, scan.until)
        return self._time, columns, scan.keys, names, scan.is_named, in_range, scan.salt

    def read(self, unit: Unit) -> UnitRows:
        """Read a unit.

        Raises:
            EventsError: The file is damaged, or not there any more.
            ManyTextsError: A column that questions are about has too many different texts.
        """
        layout = self._layouts[unit.file]
        coded = {
            name: column
            for name, column in self._columns.items()
            if name == "name" or (name != "id" and column in layout.coded)
        }
        with (
            _readable(self._file(unit)),
            pq.ParquetFile(
                self._file(unit), read_dictionary=[*coded.values(), *self.numbered]
            ) as file,
        ):
            wanted = list(dict.fromkeys([self._time, *coded.values(), *self.numbered]))
            table = file.read_row_groups(list(unit.groups), wanted, use_threads=False)
        times, untimed = table[self._time].cast(pa.int64()), np.empty(0, np.int64)
        if times.null_count:
            untimed = np.flatnonzero(times.is_null().to_numpy())
            times = times.fill_null(pc.coalesce(pc.min(times), 0))
        others = {n: column for n, column in self._columns.items() if n not in coded}
        plain = read_plain(self._file(unit), unit.first, unit.rows, list(others.values()))
        texts = {
            name: self._coded(table[column])
            for name, column in coded.items()
            if name not in ("name", "id")
        }
        for name, column in others.items():
            if name != "id":
                texts[name] = Texts.hashed(plain[column], self._scan.salt)
        return UnitRows(
            unit,
            times.to_numpy() * ticks
            if (ticks := layout.ticks[self._time]) > 1
            else times.to_numpy(),
            untimed,
            self._numbers(table[coded["name"]]) if "name" in coded else None,
            texts,
            plain[others["id"]] if "id" in others else None,
            {column: self._text_numbers(table[column], column) for column in self.numbered},
            self._scan.is_named,
            self._scan.salt,
        )

    def _file(self, unit: Unit) -> str:
        return self._scan.history.source.files[unit.file]

    def _coded(self, column: pa.ChunkedArray) -> Texts:
        """A column with dictionaries, one for each chunk, as one set of numbers."""
        texts: list[pl.Series] = []
        codes, begin = [], 0
        for words, places in _dictionaries(column):
            codes.append(np.where(places < 0, places, places + begin) if begin else places)
            texts.append(words)
            begin += len(words)
        none = pl.Series([None], dtype=pl.String)  # the last, which is that of -1
        numbers, proofs = hashed(pl.concat([*texts, none]), self._scan.salt)
        return Texts.with_codes(numbers, proofs, _joined(codes, np.dtype(np.int32)))

    def _text_numbers(self, column: pa.ChunkedArray, name: str) -> Codes:
        """The numbers of a column of texts that questions are asked of."""
        numbered = self.numbered[name]
        numbers = [
            numbered.numbers([*words, None]).take(places)  # the last is that of -1, no text
            for words, places in _dictionaries(column)
        ]
        return _joined(numbers, np.dtype(np.int32))

    def _numbers(self, column: pa.ChunkedArray) -> npt.NDArray[Any]:
        """The numbers of a column of names."""
        known = {
            name: number
            for number, name in enumerate(self._scan.questions.numbered_names)
            if number
        }
        type_ = np.min_scalar_type(len(known))
        numbers = []
        for words, places in _dictionaries(column):
            table = [*(known.get(word, 0) for word in words), 0]  # the last is that of -1, no name
            numbers.append(np.array(table, type_).take(places))
        return _joined(numbers, type_)


def _joined(arrays: Sequence[npt.NDArray[Any]], type_: np.dtype[Any]) -> npt.NDArray[Any]:
    """Arrays as one, without a copy where there is one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, type_), *arrays])


def units_of(scan: Scan) -> Iterator[Unit]:
    """The rows of a scan's files in order, in pieces that are read at once.

    Files whose footers tell that they hold nothing of the scan's time range are left out.
    """
    for file, layout in enumerate(scan.layouts):
        if (told := scan.bounds[file]) and not scan.may_see(told.oldest, told.newest):
            continue
        first, rows, groups = 0, 0, list[int]()
        for number, size in enumerate(layout.groups):
            rows += size
            groups.append(number)
            if rows >= ROWS_A_UNIT or number == len(layout.groups) - 1:
                yield Unit(file, first, rows, tuple(groups))
                first, rows, groups = first + rows, 0, []


def read_plain(file: str, first: int, rows: int, columns: Sequence[str]) -> pl.DataFrame:
    """Columns of texts of some rows of a file, as they stand.

    Raises:
        EventsError: The file is damaged, or not there any more.
    """
    with _readable(file):
        frame = pl.scan_parquet(file, glob=False, hive_partitioning=False)
        texts = by_name(*dict.fromkeys(columns)).cast(pl.String)  # as categories, some write them
        return frame.slice(first, rows).select(texts).collect()


@contextmanager
def _readable(file: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise EventsError(
            f"{file!r} cannot be read: {str(error).splitlines()[0][:300]}",
            code="unreadable",
            hint="copy or write it again",
        ) from error


def _dictionaries(column: pa.ChunkedArray) -> Iterator[tuple[pl.Series, Codes]]:
    """The texts of each chunk of a column, and which of them each row has; -1 for none."""
    for chunk in column.chunks:
        array = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        indices = array.indices.fill_null(-1) if array.indices.null_count else array.indices
        yield pl.Series(array.dictionary, dtype=pl.String), indices.to_numpy()


def plain_columns(scan: Scan, texts: Mapping[str, Property]) -> dict[str, str] | None:
    """The columns of all files that hold some texts as they stand; None unless there are such."""
    history = scan.history
    layouts = scan.layouts
    columns = {name: history.plain_text(bound) for name, bound in texts.items()}
    known = {name: column for name, column in columns.items() if column is not None}
    has_all = all(layout.texts.issuperset(known.values()) for layout in layouts)
    if (
        not layouts
        or not has_all
        or len(known) < len(texts)
        or _is_of_folders(history, known.values())
    ):
        return None
    return known


def _is_of_folders(history: History, columns: Iterable[str]) -> bool:
    """Whether folders' names, such as `session=a`, tell one of the columns."""
    folders = {
        folder.partition("=")[0].casefold()
        for file in history.source.files
        for folder in file.split("/")[:-1]
        if "=" in folder
    }
    return any(column.casefold() in folders for column in columns)


def _plain_time(scan: Scan) -> str | None:
    """The column of times, if each file has it as timestamps."""
    history = scan.history
    column = history.timestamp_column()
    layouts = scan.layouts
    is_plain = column is not None and all(column in layout.ticks for layout in layouts)
    if column is None or not is_plain or _is_of_folders(history, [column]):
        return None
    return column
