"""Which flags events meet: told by their names alone, or asked of what else they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt

from streamkit.events.asking import ask_arrow
from streamkit.matching.buckets import Columns
from streamkit.matching.chains import Ints
from streamkit.matching.scan import Scan

__all__ = ["Answer", "Asked", "ask_flags", "with_words", "words_of"]

Answer: TypeAlias = Callable[[Columns], list[npt.NDArray[Any]]]
"""Tells the flags that rows meet, in words."""
SPAN = 2**24
"""Rows between a piece's first and last position up to which looking up is done in one array."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What criteria said of rows.

    Args:
        positions: The rows that meet any, sorted.
        words: The flags they meet, in words.
    """

    positions: Ints
    words: Sequence[npt.NDArray[Any]]

    @property
    def bytes(self) -> int:
        """What it takes."""
        return self.positions.nbytes + sum(word.nbytes for word in self.words)

    def of(self, rows: Columns) -> list[npt.NDArray[Any]]:
        """The words of rows."""
        return self.at(rows["position"])

    def at(self, positions: Ints) -> list[npt.NDArray[Any]]:
        """The words of rows at some positions; 0 where no criterion is met.

        Example:
            >>> asked = Asked(np.array([3, 7]), [np.array([1, 2], "u1")])
            >>> asked.at(np.array([2, 7, 3]))[0].tolist()
            [0, 2, 1]
        """
        if not len(positions) or not len(self.positions):
            return [np.zeros(len(positions), word.dtype) for word in self.words]
        first, last = int(positions.min()), int(positions.max())
        if last - first < SPAN:
            begin, end = np.searchsorted(self.positions, [first, last + 1])
            places = self.positions[begin:end] - first
            dense = [np.zeros(last - first + 1, word.dtype) for word in self.words]
            for each, word in zip(dense, self.words, strict=True):
                each[places] = word[begin:end]
            return [each.take(positions - first) for each in dense]
        places = np.minimum(np.searchsorted(self.positions, positions), len(self.positions) - 1)
        is_met = self.positions.take(places) == positions
        return [np.where(is_met, word.take(places), 0).astype(word.dtype) for word in self.words]


def ask_flags(
    connection: duckdb.DuckDBPyConnection,
    scan: Scan,
    apart: Collection[str] = (),
    files: Sequence[int] | None = None,
) -> Asked:
    """Ask the criteria of a scan.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        apart: Columns whose questions are asked of their texts.
        files: Only of rows in these files; of all by default.
    """
    found = ask_arrow(connection, scan.asked(files, apart))
    positions, *words = (found[name].to_numpy() for name in found.column_names)
    is_any = np.zeros(len(positions), bool)
    for word in words:
        is_any |= word != 0
    positions, words = positions.compress(is_any), [word.compress(is_any) for word in words]
    if (positions[1:] < positions[:-1]).any():
        order = np.argsort(positions, kind="stable")
        positions, words = positions[order], [word[order] for word in words]
    return Asked(positions, words)


def with_words(rows: Columns, scan: Scan, answers: Sequence[Answer]) -> Columns:
    """Rows with the flags they meet, where names do not tell all."""
    if not answers:
        return rows
    words = words_of(rows, scan)
    for answer in answers:
        words = [told | more for told, more in zip(words, answer(rows), strict=True)]
    return rows | {f"flags_{place}": word for place, word in enumerate(words)}


def words_of(rows: Columns, scan: Scan) -> list[npt.NDArray[Any]]:
    """The flags that rows meet, in words."""
    if "flags_0" in rows:
        return [rows[f"flags_{place}"] for place in range(scan.questions.words)]
    names = rows.get("name", np.zeros(len(rows["position"]), np.uint8))
    return [named.take(names) for named in scan.questions.named_words]
