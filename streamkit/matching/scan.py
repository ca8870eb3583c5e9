"""The one query over the events: which rows touch a stream, and what the pass needs of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from streamkit.definition import All
from streamkit.errors import EventsError
from streamkit.events.footers import Bounds, Layout
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, select_items
from streamkit.events.types import Kind
from streamkit.events.values import cast_scalar
from streamkit.matching.numbering import hash_sql, proof_sql
from streamkit.matching.plan import Plan
from streamkit.matching.predicates import criterion_sql
from streamkit.path import Path

__all__ = [
    "FLAGS_PER_WORD",
    "OF_EVERY_EVENT",
    "ROLES",
    "Scan",
    "part_property",
    "part_sql",
    "sequence_sql",
]

FLAGS_PER_WORD = 62
WORD_SIZES = {8: "UTINYINT", 16: "USMALLINT", 32: "UINTEGER", FLAGS_PER_WORD: "BIGINT"}
"""The type of a word, by the flags it must hold."""
WORD_TYPES = {"UTINYINT": "u1", "USMALLINT": "u2", "UINTEGER": "u4", "BIGINT": "i8"}
"""The same type in numpy."""
ROLES = ("session", "user")
OF_EVERY_EVENT = ("name", "id", "sequence")
"""What is told of every event of a match; the rest only of firing events."""
KEYLESS = (Kind.LIST, Kind.STRUCT, Kind.MAP, Kind.OTHER, Kind.DOUBLE)
"""Kinds of values that make no key: floats are not told apart alike by every writer."""


def part_sql(history: History, part: str, values: RowValues) -> str:
    """A key part or cooldown value as SQL text: `session`, `user`, or a path.

    With a sessionizer the session is still its user: sessions are made after the scan.

    Raises:
        EventsError: No such column or role, or a type that has no text to compare by.
    """
    return history.text_sql(part_property(history, part), values)


def part_property(history: History, part: str) -> Property:
    """The property that a key part or cooldown value is made of.

    Raises:
        EventsError: As `part_sql`.
    """
    sessionizer = history.schema.sessionizer
    if part == "session" and sessionizer is not None:
        return history.bind_column(sessionizer.by)
    if part in ROLES:
        return history.role(part)
    bound = history.bind(Path.parse(part))
    if bound.cast is None and bound.type.kind in KEYLESS:
        raise EventsError(
            f"{part!r} is {bound.type.name}, which is no text, whole number, boolean or time",
            code="bad-key-part",
            hint="declare a type for it under 'types:' in the schema"
            if bound.type.kind is Kind.DOUBLE
            else "use a part of it",
        )
    return bound


def sequence_sql(history: History, values: RowValues) -> str:
    """What orders equal times; unknown comes last."""
    bound = history.role("sequence")
    sql = values.column(bound)
    if bound.is_document:
        sql = f"json_scalar({sql})"
    if bound.type.kind is Kind.INTEGER:
        return f"coalesce(TRY_CAST({sql} AS BIGINT), {2**63 - 1})"
    number = f"TRY_CAST({sql} AS DOUBLE)"
    return f"CASE WHEN isnan({number}) THEN 'infinity' ELSE coalesce({number}, 'infinity') END"


class Scan:
    """The queries that a plan asks of a history.

    Args:
        plan: The compiled streams.
        history: The events.
        until: Rows at or after it are invisible, in microseconds; None for no bound.
        latest: Rows after it are skipped, in microseconds: `now` and a day.
        salt: Which of the ways to make numbers of texts is used.

    Attributes:
        begin: Rows before it are not read, in microseconds; None for no bound.

    Raises:
        EventsError: A path or role that the events do not have.
    """

    def __init__(
        self, plan: Plan, history: History, until: int | None, latest: int, salt: int = 0
    ) -> None:
        self.plan = plan
        self.history = history
        self.until = until
        self.latest = latest
        self.begin: int | None = None
        self.salt = salt
        self.identity = history.identity()
        rules = (stream.stream.cooldown for stream in plan.streams)
        self.cooldowns = tuple(
            sorted({rule.by for rule in rules if rule and rule.by not in ("key", *ROLES)})
        )
        self.parts = tuple(dict.fromkeys(part for stream in plan.streams for part in stream.key))
        self.keys = tuple(dict.fromkeys(stream.key for stream in plan.streams))
        self._has_sessionizer = history.schema.sessionizer is not None
        self._parameters = Parameters()
        self._values = RowValues(self._parameters)
        self._time = history.time_sql(self._values)
        self._name = history.text_sql(history.role("name"), self._values)
        self._names = plan.flags.names
        self._casts: dict[str, None] = {}
        self._flags = [self._flag_sql(number) for number in range(len(plan.flags.questions))]

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """How each file is laid out; of none where they are not on this machine's disk."""
        return self.history.layouts(self.identity)

    @cached_property
    def bounds(self) -> tuple[Bounds | None, ...]:
        """What each file's footer tells of times; None where it does not tell all."""
        return self.history.time_bounds(self.identity)

    @property
    def rows(self) -> int:
        """How many rows there are, as the files' footers tell."""
        return sum(sum(layout.groups) for layout in self.layouts)

    @property
    def words(self) -> int:
        """How many whole numbers hold the flags, the two that count what is missing included."""
        return (len(self._flags) + 1) // FLAGS_PER_WORD + 1

    @property
    def word_type(self) -> str:
        """The smallest type that holds the flags, or a word of them."""
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

    def _flag_sql(self, number: int) -> dict[str | None, str]:
        """For each name that a question asks for, the criteria that remain."""
        remaining: dict[str | None, list[str]] = defaultdict(list)
        for condition in self.plan.flags.questions[number]:
            sql = (
                "true"
                if condition.where == All()
                else criterion_sql(condition.where, self._bind, self._values, self._parameters)
            )
            remaining[condition.event].append(sql)
        return {name: " OR ".join(dict.fromkeys(sqls)) for name, sqls in remaining.items()}

    def _bind(self, path: Path) -> Property:
        """A path's property, remembered if its cast may fail."""
        bound = self.history.bind(path)
        if bound.cast is not None and bound.type.kind is not Kind.LIST:
            value = self._values.column(bound)
            cast, _ = cast_scalar(value, bound.type, bound.cast)
            present = f"json_scalar({value})" if bound.is_document else value
            self._casts[f"({present} IS NOT NULL AND {cast} IS NULL)"] = None
        return bound

    @property
    def user_number(self) -> str:
        """The column of numbers for the users that sessions are made by."""
        parts = self.parts
        return f"part_{parts.index('session')}" if "session" in parts else "sessionizer_by"

    @property
    def numbered_texts(self) -> list[str]:
        """The columns of numbers for texts that keys are made of."""
        texts = [f"part_{place}" for place in range(len(self.parts))]
        if self._has_sessionizer:
            texts.append(self.user_number)
        return list(dict.fromkeys(texts))

    def lasting(self) -> Query:
        """Rows of the names that are asked for: all that the sequence pass needs, flags apart.

        Columns: position, time, for each key part and for the id a number and its proof, the
        sequence, and a number for the name.
        """
        history, values = self.history, RowValues(parameters := Parameters())
        columns = {"position": "_position", "time": history.time_sql(values)}
        for place, part in enumerate(self.parts):
            text = part_sql(history, part, values)
            columns[f"part_{place}"] = hash_sql(text, self.salt)
            columns[f"part_{place}_proof"] = proof_sql(text, self.salt)
        if self._has_sessionizer and self.user_number not in columns:
            text = part_sql(history, "session", values)
            columns[self.user_number] = hash_sql(text, self.salt)
            columns[f"{self.user_number}_proof"] = proof_sql(text, self.salt)
        if history.schema.sequence is not None:
            columns["sequence"] = sequence_sql(history, values)
        if history.schema.id is not None:
            text = history.text_sql(history.role("id"), values)
            columns["id"] = hash_sql(text, self.salt)
            columns["id_proof"] = proof_sql(text, self.salt)
        if self.plan.flags.asked_names:
            columns["name"] = self._name_number(values, parameters)
        where = self._where(parameters)
        sql = (
            f"{history.known_sql(values, columns, where)}"
            f"SELECT * FROM known\nWHERE {self.is_visible(parameters)}"
        )
        return Query(sql, parameters.values)

    def of_users(self) -> Query:
        """When the users did anything: columns user, as a number, its proof, and time."""
        values = RowValues(parameters := Parameters())
        text = part_sql(self.history, "session", values)
        columns = {
            "user": hash_sql(text, self.salt),
            "user_proof": proof_sql(text, self.salt),
            "time": self.history.time_sql(values),
        }
        sql = (
            f"{self.history.known_sql(values, columns)}"
            f"SELECT * FROM known\nWHERE user <> 0 AND {self.is_visible(parameters)}"
        )
        return Query(sql, parameters.values)

    @property
    def is_asking(self) -> bool:
        """Whether more is asked of events than their names."""
        return bool(self._asked() or self._values.unreadable() or self._casts)

    def asked(self, files: Sequence[int] | None = None) -> Query:
        """By position, the flags that are met by more than a name.

        Rows that meet none are left out by who asks: a condition here would work the flags out twice.

        Args:
            files: Only rows of these files; of all by default.
        """
        words = {f"flags_{word}": self._word_sql(word) for word in range(self.words)}
        counts_missing = self._values.unreadable() or self._casts
        where = self._where(self._parameters, () if counts_missing else list(self._asked()))
        if files is not None:
            where = " AND ".join(filter(None, [where, self.history.in_files_sql(files)]))
        columns = {"position": "_position"} | words
        sql = (
            f"{self.history.steps_sql(self._values, where)}\n"
            f"SELECT {select_items(columns)}\nFROM valued"
        )
        return Query(sql, self._parameters.values)

    def _asked(self) -> dict[str | None, None]:
        """The names that something more is asked of; None stands for all of them."""
        return {
            name: None
            for remaining in self._flags
            for name, sql in remaining.items()
            if sql != "true"
        }

    @cached_property
    def named_words(self) -> list[npt.NDArray[Any]]:
        """The flags that a name alone meets: for each word an array by the name's number."""
        met = [
            [
                flag
                for flag, remaining in enumerate(self._flags)
                if "true" in (remaining.get(name), remaining.get(None))
            ]
            for name in self.numbered_names
        ]
        masks = [self.masks(flags) for flags in met]
        type_ = np.dtype(WORD_TYPES[self.word_type])
        return [
            np.array([mask.get(word, 0) for mask in masks], type_) for word in range(self.words)
        ]

    def part_fact(self, part: str) -> str:
        """The fact that holds a key part."""
        return part if part in ROLES else f"part_{self.parts.index(part)}"

    @property
    def numbered_names(self) -> list[str | None]:
        """The names that streams ask for, at the numbers that stand for them; None for others."""
        return [None, *sorted(self.plan.flags.asked_names)]

    @property
    def is_named(self) -> bool:
        """Whether only events of certain names can touch a stream."""
        return self._names is not None

    def _name_number(self, values: RowValues, parameters: Parameters) -> str:
        name = self.history.text_sql(self.history.role("name"), values)
        cases = " ".join(
            f"WHEN {parameters.bind(name)} THEN {number}"
            for number, name in enumerate(self.numbered_names)
            if name is not None
        )
        return f"CAST(CASE {name} {cases} ELSE 0 END AS UINTEGER)"

    def brings_twins(self, flag: int) -> bool:
        """Whether every event of a name that meets the flag touches a stream, criteria or not."""
        questions = self.plan.flags.questions
        bare = {each.event for asked in questions for each in asked if each.where == All()}
        return self._names is not None and all(each.event in bare for each in questions[flag])

    def described(self) -> Query:
        """What a match tells of the rows in the table `wanted`, by position.

        Of rows that are not a match's last, only what every event is told of.
        """

        def facts(values: RowValues) -> dict[str, str]:
            return {
                name: sql if name in OF_EVERY_EVENT else f"CASE WHEN _is_last THEN {sql} END"
                for name, sql in self.facts(values).items()
            }

        return self.history.lookup(facts, self.begin, self.until)

    def facts(self, values: RowValues) -> dict[str, str]:
        """What a match tells of an event, as columns of text."""
        history = self.history
        columns = {"name": history.text_sql(history.role("name"), values)}
        for role in ("id", *ROLES):
            if getattr(history.schema, role) is not None:
                sql = history.text_sql(history.role(role), values)
            elif role == "session" and self._has_sessionizer:
                sql = part_sql(history, role, values)
            else:
                sql = "NULL"
            columns[role] = f"CAST({sql} AS VARCHAR)"
        if history.schema.sequence is not None:
            columns["sequence"] = sequence_sql(history, values)
        for place, part in enumerate(self.parts):
            if part not in ROLES:
                columns[f"part_{place}"] = part_sql(history, part, values)
        for place, by in enumerate(self.cooldowns):
            columns[f"cooldown_{place}"] = part_sql(history, by, values)
        return columns

    def earlier_twins(self, key: Sequence[str]) -> Query:
        """For each row of the table `wanted`: rows of its key before it with its time and name."""
        values = RowValues(parameters := Parameters())
        columns = {"position": "_position", "time": self.history.time_sql(values)}
        columns["name"] = self.history.text_sql(self.history.role("name"), values)
        for place, part in enumerate(key):
            columns[f"part_{place}"] = part_sql(self.history, part, values)
        before = "known.position < wanted.position"
        if self.history.schema.sequence is not None:
            columns["sequence"] = sequence_sql(self.history, values)
            before = f"(known.sequence < wanted.sequence OR (known.sequence = wanted.sequence AND {before}))"
        same = " AND ".join(
            f"known.part_{place} = wanted.part_{place}" for place in range(len(key))
        )
        sql = (
            f"{self.history.known_sql(values, columns)}"
            "SELECT wanted.row, count(*) AS twins\n"
            "FROM known JOIN wanted ON known.time = wanted.time"
            f" AND known.name IS NOT DISTINCT FROM wanted.name AND {same}\n"
            f"WHERE {before}\nGROUP BY wanted.row"
        )
        return Query(sql, parameters.values)

    def masks(self, flags: Sequence[int]) -> dict[int, int]:
        """Flags as whole numbers to compare words with, by word."""
        masks: dict[int, int] = defaultdict(int)
        for flag in flags:
            masks[flag // FLAGS_PER_WORD] |= 1 << flag % FLAGS_PER_WORD
        return dict(masks)

    def is_visible(self, parameters: Parameters) -> str:
        """A condition on a column `time`: neither too late nor unknown."""
        bound = parameters.bind(self.latest)
        visible = f"time <= {bound}"
        if self.until is not None:
            visible += f" AND time < {parameters.bind(self.until)}"
        return visible

    def may_see(self, oldest: int, newest: int) -> bool:
        """Whether the time range holds any time between two, in microseconds."""
        ends = self.until is not None and oldest >= self.until
        return not ends and (self.begin is None or newest >= self.begin)

    def _where(self, parameters: Parameters, names: Sequence[str | None] = ()) -> str:
        """A condition on input rows that every row of the time range with a wanted name meets.

        Args:
            parameters: Where to bind values.
            names: The wanted names, None for any; by default all that streams ask for.
        """
        wanted = self._names if not names else None if None in names else {n for n in names if n}
        is_wanted = ""
        if wanted is not None and not self.history.role("name").accesses:
            bound = ", ".join(parameters.bind(name) for name in sorted(wanted))
            is_wanted = f"{self._name} IN ({bound})"
        in_range = self.history.time_range_sql(parameters, self.begin, self.until)
        return " AND ".join(filter(None, (is_wanted, in_range)))

    def _word_sql(self, word: int) -> str:
        """What 62 criteria say, as one whole number: they are asked of rows with the right name."""
        by_name: dict[str | None, list[str]] = defaultdict(list)
        first = word * FLAGS_PER_WORD
        for number, remaining in enumerate(self._flags[first : first + FLAGS_PER_WORD]):
            bit = 1 << number
            for name, sql in remaining.items():
                if sql != "true":
                    by_name[name].append(f"CASE WHEN {sql} THEN {bit} ELSE 0 END")
        for flag, sqls in (
            (self.unreadable_flag, self._values.unreadable()),
            (self.uncast_flag, list(self._casts)),
        ):
            if flag // FLAGS_PER_WORD == word and sqls:
                bit = 1 << flag % FLAGS_PER_WORD
                by_name[None].append(f"CASE WHEN {' OR '.join(sqls)} THEN {bit} ELSE 0 END")
        nameless = by_name.pop(None, [])
        parts = list(nameless)
        if by_name:
            cases = "".join(
                f"\n      WHEN {self._parameters.bind(name)} THEN {' | '.join(bits)}"
                for name, bits in by_name.items()
            )
            parts.append(f"CASE {self._name}{cases}\n      ELSE 0 END")
        return f"CAST({' | '.join(parts) or '0'} AS {self.word_type})"
