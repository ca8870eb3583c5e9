"""The one query over the events: which rows touch a stream, and what the pass needs of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from streamkit.definition import All
from streamkit.errors import EventsError
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines, select_items
from streamkit.events.types import Kind
from streamkit.events.values import cast_scalar
from streamkit.matching.plan import Plan
from streamkit.matching.predicates import criterion_sql
from streamkit.path import Path

__all__ = ["FLAGS_PER_WORD", "ROLES", "Scan", "part_sql", "sequence_sql"]

FLAGS_PER_WORD = 62
ROLES = ("session", "user")
KEYLESS = (Kind.LIST, Kind.STRUCT, Kind.MAP, Kind.OTHER, Kind.DOUBLE)
"""Kinds of values that make no key: floats are not told apart alike by every writer."""


def part_sql(history: History, part: str, values: RowValues) -> str:
    """A key part or cooldown value as SQL text: `session`, `user`, or a path.

    With a sessionizer the session is still its user: sessions are made after the scan.

    Raises:
        EventsError: No such column or role, or a type that has no text to compare by.
    """
    sessionizer = history.schema.sessionizer
    if part == "session" and sessionizer is not None:
        return history.text_sql(history.bind_column(sessionizer.by), values)
    if part in ROLES:
        return history.text_sql(history.role(part), values)
    bound = history.bind(Path.parse(part))
    if bound.cast is None and bound.type.kind in KEYLESS:
        raise EventsError(
            f"{part!r} is {bound.type.name}, which is no text, whole number, boolean or time",
            code="bad-key-part",
            hint="declare a type for it under 'types:' in the schema"
            if bound.type.kind is Kind.DOUBLE
            else "use a part of it",
        )
    return history.text_sql(bound, values)


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

    Raises:
        EventsError: A path or role that the events do not have.
    """

    def __init__(self, plan: Plan, history: History, until: int | None, latest: int) -> None:
        self.plan = plan
        self.history = history
        self.until = until
        self.latest = latest
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

    @property
    def words(self) -> int:
        """How many whole numbers hold the flags, the two that count what is missing included."""
        return (len(self._flags) + 1) // FLAGS_PER_WORD + 1

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

    def part_names(self) -> list[str]:
        """Columns of `touching` that hold the key parts, in the order of `parts`."""
        return [f"part_{place}" for place in range(len(self.parts))]

    def touching(self) -> Query:
        """Rows that touch a stream, in source order: position, time, key parts, id, flags.

        Where sessions are made from gaps all the user's rows come, because all of them count.
        """
        columns = [f"{self._time} AS time"]
        for part, name in zip(self.parts, self.part_names(), strict=True):
            columns.append(f"{self._part_sql(part)} AS {name}")
        if self._has_sessionizer:
            columns.append(f"{self._part_sql('session')} AS sessionizer_by")
        if self.history.schema.sequence is not None:
            columns.append(f"{sequence_sql(self.history, self._values)} AS sequence")
        if self.history.schema.id is not None:
            columns.append(f"{self.history.text_sql(self.history.role('id'), self._values)} AS id")
        lacks = " OR ".join(f"({self._part_sql(part)}) IS NULL" for part in self.parts)
        columns.append(f"CASE WHEN {lacks} THEN {self._name} END AS name_if_lacking")
        words = [f"{self._word_sql(word)} AS flags_{word}" for word in range(self.words)]
        touches = " OR ".join(f"flags_{word} <> 0" for word in range(self.words))
        conditions = [self._is_visible()]
        if not self._has_sessionizer:
            conditions.append(f"({touches})")
        sql = (
            f"{self.history.steps_sql(self._values, self._prefilter())},\n"
            f"flagged AS (\n  SELECT {join_lines([*columns, '_position AS position', *words])}\n  FROM valued\n)\n"
            f"SELECT * FROM flagged\nWHERE {' AND '.join(conditions)}"
        )
        return Query(sql, self._parameters.values)

    def described(self, cooldowns: Sequence[str]) -> Query:
        """What a match tells of the rows in the table `wanted`, by position."""

        def columns(values: RowValues) -> dict[str, str]:
            history = self.history
            columns = {"name": history.text_sql(history.role("name"), values)}
            for role in ("id", *ROLES):
                known = getattr(history.schema, role) is not None
                sql = history.text_sql(history.role(role), values) if known else "NULL"
                columns[role] = f"CAST({sql} AS VARCHAR)"
            for place, by in enumerate(cooldowns):
                columns[f"cooldown_{place}"] = part_sql(history, by, values)
            return columns

        return self.history.lookup(columns)

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
            f"{self.history.steps_sql(values)},\n"
            f"known AS (\n  SELECT {select_items(columns)}\n  FROM valued\n)\n"
            "SELECT wanted.row, count(*) AS twins\n"
            "FROM known JOIN wanted ON known.time = wanted.time"
            f" AND known.name IS NOT DISTINCT FROM wanted.name AND {same}\n"
            f"WHERE {before}\nGROUP BY wanted.row"
        )
        return Query(sql, parameters.values)

    def census(self) -> Query:
        """What all rows tell, whether or not they touch a stream: one row of whole numbers.

        Columns: rows, null times, unparsable times, times in the future, the newest and the oldest known
        time, rows without a role that a stream is keyed by, then the keys seen, for each key.
        """
        values = RowValues(parameters := Parameters())
        roles = [part for part in self.parts if part in ROLES]
        texts = {part: part_sql(self.history, part, values) for part in self.parts}
        raw_time = values.column(self.history.role("time"))
        columns = [f"{self.history.time_sql(values)} AS time", f"{raw_time} IS NULL AS is_timeless"]
        columns += [f"{sql} AS part_{place}" for place, sql in enumerate(texts.values())]
        latest = parameters.bind(self.latest)
        before_until = "" if self.until is None else f" AND time < {parameters.bind(self.until)}"
        visible = f"time <= {latest}{before_until}"
        lacks = " OR ".join(f"part_{self.parts.index(role)} IS NULL" for role in roles) or "false"
        counts = [
            "count(*)",
            "count(*) FILTER (is_timeless)",
            "count(*) FILTER (time IS NULL AND NOT is_timeless)",
            f"count(*) FILTER (time > {latest}{before_until})",
            f"max(time) FILTER (time <= {latest})",
            f"min(time) FILTER (time <= {latest})",
            f"count(*) FILTER ({visible} AND ({lacks}))",
        ]
        for key in self.keys:
            parts = [f"part_{self.parts.index(part)}" for part in key]
            known = " AND ".join(f"{part} IS NOT NULL" for part in parts)
            counted = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
            counts.append(f"count(DISTINCT {counted}) FILTER ({visible} AND {known})")
        sql = (
            f"{self.history.steps_sql(values)},\n"
            f"known AS (\n  SELECT {join_lines(columns)}\n  FROM valued\n)\n"
            f"SELECT {join_lines(counts)}\nFROM known"
        )
        return Query(sql, parameters.values)

    def masks(self, flags: Sequence[int]) -> dict[int, int]:
        """Flags as whole numbers to compare words with, by word."""
        masks: dict[int, int] = defaultdict(int)
        for flag in flags:
            masks[flag // FLAGS_PER_WORD] |= 1 << flag % FLAGS_PER_WORD
        return dict(masks)

    def _part_sql(self, part: str) -> str:
        """A key part as text; the session of a sessionizer is its user until sessions are made."""
        return part_sql(self.history, part, self._values)

    def _is_visible(self) -> str:
        bound = self._parameters.bind(self.latest)
        visible = f"time <= {bound}"
        if self.until is not None:
            visible += f" AND time < {self._parameters.bind(self.until)}"
        return visible

    def _prefilter(self) -> str:
        """A condition on input rows that every touching row meets; empty where there is none."""
        if self._names is None or self.history.role("name").accesses or self._has_sessionizer:
            return ""
        bound = ", ".join(self._parameters.bind(name) for name in sorted(self._names))
        return f"{self._name} IN ({bound})"

    def _word_sql(self, word: int) -> str:
        """62 flags as one whole number: criteria are asked only of rows with the right name."""
        by_name: dict[str | None, list[str]] = defaultdict(list)
        first = word * FLAGS_PER_WORD
        for number, remaining in enumerate(self._flags[first : first + FLAGS_PER_WORD]):
            bit = 1 << number
            for name, sql in remaining.items():
                by_name[name].append(
                    str(bit) if sql == "true" else f"CASE WHEN {sql} THEN {bit} ELSE 0 END"
                )
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
        return f"CAST({' | '.join(parts) or '0'} AS BIGINT)"
