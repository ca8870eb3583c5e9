"""The one query over the events: which rows touch a stream, and what the pass needs of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from streamkit.definition import All
from streamkit.errors import EventsError
from streamkit.events.footers import Bounds, Layout
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, select_items
from streamkit.events.types import Kind
from streamkit.matching.numbering import hash_sql, proof_sql
from streamkit.matching.plan import Plan
from streamkit.matching.questions import Questions
from streamkit.path import Path

__all__ = [
    "OF_EVERY_EVENT",
    "ROLES",
    "Scan",
    "part_property",
    "part_sql",
    "sequence_sql",
]

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
        by_row: Columns of so many different texts that questions are asked of every row.

    Attributes:
        begin: Rows before it are not read, in microseconds; None for no bound.

    Raises:
        EventsError: A path or role that the events do not have.
    """

    def __init__(
        self,
        plan: Plan,
        history: History,
        until: int | None,
        latest: int,
        salt: int = 0,
        by_row: Collection[str] = (),
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
        self._names = plan.flags.names
        self.questions = Questions(plan, history, by_row)

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

    def asked(self, files: Sequence[int] | None = None, apart: Collection[str] = ()) -> Query:
        """By position, the flags that are met by more than a name.

        Rows that meet none are left out by who asks: a condition here would work the flags out twice.

        Args:
            files: Only rows of these files; of all by default.
            apart: Columns whose questions are asked of their texts.
        """
        questions = self.questions
        names = () if questions.counts_missing else list(questions.names(apart))
        where = self._where(questions.parameters, names)
        if files is not None:
            where = " AND ".join(filter(None, [where, self.history.in_files_sql(files)]))
        columns = {"position": "_position"} | questions.sql(apart)
        return questions.query(
            f"{self.history.steps_sql(questions.values, where)}\n"
            f"SELECT {select_items(columns)}\nFROM valued"
        )

    def part_fact(self, part: str) -> str:
        """The fact that holds a key part."""
        return part if part in ROLES else f"part_{self.parts.index(part)}"

    @property
    def is_named(self) -> bool:
        """Whether only events of certain names can touch a stream."""
        return self._names is not None

    def _name_number(self, values: RowValues, parameters: Parameters) -> str:
        name = self.history.text_sql(self.history.role("name"), values)
        cases = " ".join(
            f"WHEN {parameters.bind(name)} THEN {number}"
            for number, name in enumerate(self.questions.numbered_names)
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
            name = self.history.text_sql(self.history.role("name"), RowValues(parameters))
            is_wanted = f"{name} IN ({bound})"
        in_range = self.history.time_range_sql(parameters, self.begin, self.until)
        return " AND ".join(filter(None, (is_wanted, in_range)))
