"""Flags that are told by an event's name and one of its texts: asked once for each different text.

A column of texts that occur often, such as countries, holds few different ones. They are numbered as
they are met while rows are read, the questions about the column are asked of them alone, and a row's
flags are looked up.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from streamkit.events.asking import ask_arrow
from streamkit.matching.buckets import Columns
from streamkit.matching.pieces import Codes
from streamkit.matching.scan import Scan

__all__ = ["ManyTextsError", "NumberedTexts", "TextFlags", "number_column", "without_numbers"]

PREFIX = "text "
MOST_TEXTS = 100_000
"""A column with more different texts is asked row by row: so many take some 15 MB."""


def number_column(column: str) -> str:
    """What rows call the numbers of a column's texts."""
    return PREFIX + column


def without_numbers(rows: Columns) -> Columns:
    """Rows without the numbers of texts, which nothing after the flags needs."""
    return {name: column for name, column in rows.items() if not name.startswith(PREFIX)}


class ManyTextsError(Exception):
    """A column has so many different texts that its rows must be asked.

    Attributes:
        column: The column.
    """

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class NumberedTexts:
    """The different texts of a column, numbered as they are met; many threads may do so.

    Args:
        column: The column's name.

    Example:
        >>> numbered = NumberedTexts("country")
        >>> numbered.numbers(["FR", None]).tolist(), numbered.numbers(["DE", "FR"]).tolist()
        ([0, 1], [2, 0])
        >>> numbered.texts
        ['FR', None, 'DE']
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._numbers: dict[str | None, int] = {}
        self._lock = threading.Lock()

    @property
    def texts(self) -> list[str | None]:
        """The texts in the order of their numbers; None for no text."""
        with self._lock:
            return list(self._numbers)

    def numbers(self, texts: Sequence[str | None]) -> Codes:
        """The number of each text.

        Raises:
            ManyTextsError: They are too many to be asked one by one.
        """
        with self._lock:
            known = self._numbers
            numbers = np.array([known.setdefault(text, len(known)) for text in texts], np.int32)
            if len(known) > MOST_TEXTS:
                raise ManyTextsError(self._column)
            return numbers


class TextFlags:
    """The flags that names and texts tell.

    Args:
        connection: Where questions are asked.
        scan: What they are.
        columns: The numbered texts of each column.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        scan: Scan,
        columns: Mapping[str, NumberedTexts],
    ) -> None:
        self._connection = connection
        self._questions = scan.questions
        self._columns = columns
        none = [np.empty(0, self._questions.word_type)] * self._questions.words
        self._answers = dict.fromkeys(columns, none)
        self._lock = threading.Lock()

    def of(self, rows: Columns) -> list[npt.NDArray[Any]]:
        """The flags that rows meet, in words."""
        questions = self._questions
        words = [np.zeros(len(rows["position"]), questions.word_type)] * questions.words
        for column in self._columns:
            places = rows[number_column(column)].astype(np.int64)
            places *= len(questions.numbered_names)
            if "name" in rows:
                places += rows["name"]
            answers = zip(words, self._known(column), strict=True)
            words = [word | answer.take(places) for word, answer in answers]
        return words

    def _known(self, column: str) -> list[npt.NDArray[Any]]:
        """The answers for all texts of a column that were met."""
        with self._lock:
            texts = self._columns[column].texts
            answers = self._answers[column]
            done = len(answers[0]) // len(self._questions.numbered_names)
            if done < len(texts):
                more = self._asked(column, texts[done:])
                answers = [np.concatenate(both) for both in zip(answers, more, strict=True)]
                self._answers[column] = answers
            return answers

    def _asked(self, column: str, texts: Sequence[str | None]) -> list[npt.NDArray[Any]]:
        found = ask_arrow(self._connection, self._questions.of_texts(column, texts))
        return [found[name].to_numpy() for name in found.column_names]
