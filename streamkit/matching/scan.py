"""The one query over the events: which rows touch a stream, and what the pass needs of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from streamkit.definition import All
from streamkit.errors import EventsError
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, select_items
from streamkit.events.types import Kind
from streamkit.events.values import cast_scalar
from streamkit.matching.plan import Plan
from streamkit.matching.predicates import criterion_sql
from streamkit.path import Path

__all__ = [
    "FLAGS_PER_WORD",
    "OF_EVERY_EVENT",
    "ROLES",
    "Scan",
    "hash_sql",
    "part_sql",
    "sequence_sql",
]

FLAGS_PER_WORD = 62
WORD_TYPES = {8: "UTINYINT", 16: "USMALLINT", 32: "UINTEGER", FLAGS_PER_WORD: "BIGINT"}
"""The type of a word, by the flags it must hold."""
ROLES = ("session", "user")
OF_EVERY_EVENT = ("fact_name", "fact_id", "fact_sequence")
"""What is told of every event of a match; the rest only of firing events."""
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


def hash_sql(text: str, salt: int) -> str:
    """A text as a whole number that stands for it, 0 for NULL.

    Numbers are what makes grouping cheap. That no two texts share one is proven for each input:
    where two do, the next salt is tried.
    """
    salted = f"'{salt}:' || {text}" if salt else text
    return f"CASE WHEN {text} IS NULL THEN 0 ELSE hash({salted}) END"


def _is_any(words: Iterable[str]) -> str:
    return f"({' OR '.join(f'{word} <> 0' for word in words)})"


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

    @property
    def words(self) -> int:
        """How many whole numbers hold the flags, the two that count what is missing included."""
        return (len(self._flags) + 1) // FLAGS_PER_WORD + 1

    @property
    def word_type(self) -> str:
        """The smallest type that holds the flags, or a word of them."""
        count = min(len(self._flags) + 2, FLAGS_PER_WORD)
        return next(type_ for most, type_ in WORD_TYPES.items() if count <= most)

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

    def touching(self, *, with_facts: bool) -> Query:
        """Rows that may touch a stream: what the sequence pass needs, as numbers.

        Columns: position, time, a number for each key part and for the id, the sequence, flags.

        Args:
            with_facts: Whether the columns of `described` come as well, and with them all rows of
                the names that are asked for, so that the next question can be asked of them.
        """
        words = self.flags()
        columns = self._columns(self._values, self._parameters, with_facts=with_facts)
        conditions = [self.is_visible(self._parameters)]
        if not with_facts:
            conditions.append(_is_any(words))
        return self._flagged(columns | words, conditions)

    def of_users(self) -> Query:
        """When the users did anything: columns user, as a number, and time."""
        values = RowValues(parameters := Parameters())
        columns = {
            "user": hash_sql(part_sql(self.history, "session", values), self.salt),
            "time": self.history.time_sql(values),
        }
        sql = (
            f"{self.history.known_sql(values, columns)}"
            f"SELECT * FROM known\nWHERE user <> 0 AND {self.is_visible(parameters)}"
        )
        return Query(sql, parameters.values)

    def touching_again(self) -> Query:
        """The flags of the rows that touch a stream, by position, where the rest is known."""
        other = Scan(self.plan, self.history, self.until, self.latest, self.salt)
        other.begin = self.begin
        words = other.flags()  # of a scan of its own, because a query binds no more than it uses
        return other._flagged({"position": "_position"} | words, [_is_any(words)])

    def lasting(self) -> Hashable:
        """What the columns of `touching` but for the flags depend on."""
        values = RowValues(parameters := Parameters())
        columns = self._columns(values, parameters, with_facts=True)
        visible, where = self.is_visible(parameters), self._where(parameters)
        steps = self.history.steps_sql(values, where)
        return self.identity, Query(f"{steps} {columns} {visible}", parameters.values).text

    def flags(self) -> dict[str, str]:
        """The flags, in words."""
        return {f"flags_{word}": self._word_sql(word) for word in range(self.words)}

    def _flagged(self, columns: dict[str, str], conditions: Sequence[str]) -> Query:
        sql = (
            f"{self.history.steps_sql(self._values, self._where(self._parameters))},\n"
            f"flagged AS (\n  SELECT {select_items(columns)}\n  FROM valued\n)\n"
            f"SELECT * FROM flagged\nWHERE {' AND '.join(conditions)}"
        )
        return Query(sql, self._parameters.values)

    def _columns(
        self, values: RowValues, parameters: Parameters, *, with_facts: bool
    ) -> dict[str, str]:
        """What is known of a row whatever it is asked."""
        history = self.history
        columns = {"position": "_position", "time": history.time_sql(values)}
        for place, part in enumerate(self.parts):
            columns[f"part_{place}"] = hash_sql(part_sql(history, part, values), self.salt)
        if self._has_sessionizer:
            columns["sessionizer_by"] = hash_sql(part_sql(history, "session", values), self.salt)
        if history.schema.sequence is not None:
            columns["sequence"] = sequence_sql(history, values)
        if history.schema.id is not None:
            columns["id"] = hash_sql(history.text_sql(history.role("id"), values), self.salt)
        if self._names is not None:
            columns["name"] = self._name_number(parameters)
        if with_facts:
            columns |= self._facts(values)
            if self._names is not None:
                del columns["fact_name"]  # its number tells it
        return columns

    def part_fact(self, part: str) -> str:
        """The fact that holds a key part."""
        return part if part in ROLES else f"part_{self.parts.index(part)}"

    @property
    def numbered_names(self) -> list[str | None]:
        """The names that streams ask for, at the numbers that stand for them; None for others."""
        return [None, *sorted(self._names or ())]

    def _name_number(self, parameters: Parameters) -> str:
        cases = " ".join(
            f"WHEN {parameters.bind(name)} THEN {number}"
            for number, name in enumerate(self.numbered_names)
            if name is not None
        )
        return f"CAST(CASE {self._name} {cases} ELSE 0 END AS UINTEGER)"

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
                for name, sql in self._facts(values).items()
            }

        return self.history.lookup(facts, self.begin, self.until)

    def _facts(self, values: RowValues) -> dict[str, str]:
        """What a match tells of an event, as columns of text."""
        history = self.history
        columns = {"fact_name": history.text_sql(history.role("name"), values)}
        for role in ("id", *ROLES):
            if getattr(history.schema, role) is not None:
                sql = history.text_sql(history.role(role), values)
            elif role == "session" and self._has_sessionizer:
                sql = part_sql(history, role, values)
            else:
                sql = "NULL"
            columns[f"fact_{role}"] = f"CAST({sql} AS VARCHAR)"
        if history.schema.sequence is not None:
            columns["fact_sequence"] = sequence_sql(history, values)
        for place, part in enumerate(self.parts):
            if part not in ROLES:
                columns[f"fact_part_{place}"] = part_sql(history, part, values)
        for place, by in enumerate(self.cooldowns):
            columns[f"fact_cooldown_{place}"] = part_sql(history, by, values)
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

    def prefilter(self, parameters: Parameters) -> str:
        """A condition on input rows that every touching row meets; empty where there is none."""
        if self._names is None or self.history.role("name").accesses:
            return ""
        bound = ", ".join(parameters.bind(name) for name in sorted(self._names))
        return f"{self._name} IN ({bound})"

    def _where(self, parameters: Parameters) -> str:
        """A condition on input rows that every touching row of the time range meets."""
        in_range = self.history.time_range_sql(parameters, self.begin, self.until)
        return " AND ".join(filter(None, (self.prefilter(parameters), in_range)))

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
        return f"CAST({' | '.join(parts) or '0'} AS {self.word_type})"
