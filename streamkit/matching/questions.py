"""What streams ask of events, as SQL: the flags that an event meets.

A flag is met by an event's name alone, by one of its texts, or by whatever else it holds. Whatever
columns hold texts that occur often, a question about one of them need not be asked of every row: it
is asked of every name with every different text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from streamkit.definition import All, Condition
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, quote, select_items
from streamkit.events.types import Kind
from streamkit.events.values import cast_scalar
from streamkit.matching.plan import Plan
from streamkit.matching.predicates import criterion_sql
from streamkit.path import Path

__all__ = ["FLAGS_PER_WORD", "Questions"]

FLAGS_PER_WORD = 62
WORD_SIZES = {8: "UTINYINT", 16: "USMALLINT", 32: "UINTEGER", FLAGS_PER_WORD: "BIGINT"}
"""The type of a word, by the flags it must hold."""
WORD_TYPES = {"UTINYINT": "u1", "USMALLINT": "u2", "UINTEGER": "u4", "BIGINT": "i8"}
"""The same type in numpy."""
ANY_NAME = None


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to meet a flag.

    Args:
        name: The name that an event must have; None for any.
        sql: What else must hold of it; `true` if nothing.
        column: The column that alone tells it, where that is a column of plain texts.
    """

    name: str | None
    sql: str
    column: str | None


class Questions:
    """The questions that a plan asks of a history's events.

    Args:
        plan: The compiled streams.
        history: The events.
        by_row: Columns of texts that are asked row by row.

    Attributes:
        parameters: The operands of the criteria.
        values: The properties that the criteria look at.

    Raises:
        EventsError: A path or role that the events do not have.
    """

    def __init__(self, plan: Plan, history: History, by_row: Collection[str] = ()) -> None:
        self.parameters = Parameters()
        self.values = RowValues(self.parameters)
        self._plan = plan
        self._history = history
        self._by_row = by_row
        self._name = history.text_sql(history.role("name"), self.values)
        self._casts: dict[str, None] = {}
        self._flags = [
            [self._way(condition) for condition in conditions]
            for conditions in plan.flags.questions
        ]

    @property
    def numbered_names(self) -> list[str | None]:
        """The names that streams ask for, at the numbers that stand for them; None for others."""
        return [None, *sorted(self._plan.flags.asked_names)]

    @property
    def words(self) -> int:
        """How many whole numbers hold the flags, the two that count what is missing included."""
        return (len(self._flags) + 1) // FLAGS_PER_WORD + 1

    @property
    def word_type(self) -> np.dtype[Any]:
        """The smallest type that holds the flags, or a word of them."""
        return np.dtype(WORD_TYPES[self._word_type])

    @property
    def _word_type(self) -> str:
        count = min(len(self._flags) + 2, FLAGS_PER_WORD)
        return next(type_ for most, type_ in WORD_SIZES.items() if count <= most)

    @property
    def unreadable_flag(self) -> int:
        """The flag of rows with a document that is not JSON."""
        return len(self._flags)

    @property
    def uncast_flag(self) -> int:
        """The flag of rows with a value that does not fit its declared type."""
        return len(self._flags) + 1

    @property
    def counts_missing(self) -> bool:
        """Whether documents that are not JSON, or values that do not fit, must be counted."""
        return bool(self.values.unreadable() or self._casts)

    def masks(self, flags: Sequence[int]) -> dict[int, int]:
        """Flags as whole numbers to compare words with, by word."""
        masks: dict[int, int] = defaultdict(int)
        for flag in flags:
            masks[flag // FLAGS_PER_WORD] |= 1 << flag % FLAGS_PER_WORD
        return dict(masks)

    @cached_property
    def named_words(self) -> list[npt.NDArray[Any]]:
        """The flags that a name alone meets: for each word an array by the name's number."""
        met = [
            [
                flag
                for flag, ways in enumerate(self._flags)
                if any(way.sql == "true" and way.name in (name, ANY_NAME) for way in ways)
            ]
            for name in self.numbered_names
        ]
        masks = [self.masks(flags) for flags in met]
        return [
            np.array([mask.get(word, 0) for mask in masks], self.word_type)
            for word in range(self.words)
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of plain texts that some question is about, and no other column."""
        columns = (way.column for way in self._ways() if way.column is not None)
        return tuple(dict.fromkeys(columns))

    def names(self, apart: Collection[str] = ()) -> dict[str | None, None]:
        """The names that more is asked of than a name; None stands for all of them.

        Args:
            apart: The columns whose questions are asked of their texts.
        """
        return {
            way.name: None for way in self._ways() if way.sql != "true" and way.column not in apart
        }

    def sql(self, apart: Collection[str] = ()) -> dict[str, str]:
        """Select items for the words of flags, those of missing values included.

        Args:
            apart: The columns whose questions are left out.
        """
        items = {}
        for word in range(self.words):
            asked = self._bits(
                word, lambda way: way.column not in apart, self._name, self.parameters.bind
            )
            for flag, sqls in (
                (self.unreadable_flag, self.values.unreadable()),
                (self.uncast_flag, list(self._casts)),
            ):
                if flag // FLAGS_PER_WORD == word and sqls:
                    bit = 1 << flag % FLAGS_PER_WORD
                    asked.append(f"CASE WHEN {' OR '.join(sqls)} THEN {bit} ELSE 0 END")
            items[f"flags_{word}"] = self._word(asked)
        return items

    def of_texts(self, column: str, texts: Sequence[str | None]) -> Query:
        """The words of flags of every name with every text, in order: all texts, each with all names.

        Args:
            column: One of `columns`.
            texts: Different texts of it.
        """
        number = {name: number for number, name in enumerate(self.numbered_names)}
        items = {
            f"flags_{word}": self._word(
                self._bits(
                    word,
                    lambda way: way.column == column,
                    "_named",
                    lambda name: str(number[name]),
                )
            )
            for word in range(self.words)
        }
        every = "CAST($texts AS VARCHAR[])"
        sql = (
            f"WITH texts AS (\n  SELECT unnest({every}) AS {quote(column)},\n"
            f"    generate_subscripts({every}, 1) AS _place\n),\n"
            f"names AS (\n  SELECT unnest(range({len(number)})) AS _named\n)\n"
            f"SELECT {select_items(items)}\nFROM texts, names\nORDER BY _place, _named"
        )
        return Query(sql, {**self.query(sql).values, "texts": list(texts)})

    def query(self, sql: str) -> Query:
        """A query with the parameters that it holds."""
        used = re.findall(r"\$(p\d+)", sql)
        return Query(sql, {name: self.parameters.values[name] for name in dict.fromkeys(used)})

    def _ways(self) -> Iterable[_Way]:
        return (way for ways in self._flags for way in ways)

    def _way(self, condition: Condition) -> _Way:
        if condition.where == All():
            return _Way(condition.event, "true", None)
        seen: list[str | None] = []

        def bind(path: Path) -> Property:
            bound = self._history.bind(path)
            seen.append(self._history.plain_text(bound))
            self._note_cast(bound)
            return bound

        sql = criterion_sql(condition.where, bind, self.values, self.parameters)
        column = seen[0] if len(set(seen)) == 1 else None
        if column is None or column in self._by_row or quote(column) == self._name:
            column = None
        return _Way(condition.event, sql, column)

    def _note_cast(self, bound: Property) -> None:
        """Remember a property whose cast may fail."""
        if bound.cast is not None and bound.type.kind is not Kind.LIST:
            value = self.values.column(bound)
            cast, _ = cast_scalar(value, bound.type, bound.cast)
            present = f"json_scalar({value})" if bound.is_document else value
            self._casts[f"({present} IS NOT NULL AND {cast} IS NULL)"] = None

    def _bits(
        self,
        word: int,
        is_chosen: Callable[[_Way], bool],
        name: str,
        named: Callable[[str], str],
    ) -> list[str]:
        """What 62 flags' chosen ways say, as whole numbers: they are asked of the right names."""
        by_name: dict[str | None, list[str]] = defaultdict(list)
        first = word * FLAGS_PER_WORD
        for number, ways in enumerate(self._flags[first : first + FLAGS_PER_WORD]):
            for way in ways:
                if way.sql != "true" and is_chosen(way):
                    by_name[way.name].append(f"CASE WHEN {way.sql} THEN {1 << number} ELSE 0 END")
        asked = by_name.pop(ANY_NAME, [])
        if by_name:
            cases = "".join(
                f"\n      WHEN {named(each)} THEN {' | '.join(dict.fromkeys(bits))}"
                for each, bits in by_name.items()
                if each is not None
            )
            asked.append(f"CASE {name}{cases}\n      ELSE 0 END")
        return asked

    def _word(self, asked: Iterable[str]) -> str:
        return f"CAST({' | '.join(asked) or '0'} AS {self._word_type})"
