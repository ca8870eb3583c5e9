"""What in a stream can never match a history: found with two scans, said with near names.

Warnings, not errors: tomorrow's events may hold what today's do not. What the events cannot have
at all (an unknown column) is an error of `streamkit.matching.binding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from streamkit.definition import (
    All,
    Any,
    Comparison,
    Condition,
    Criterion,
    Exclude,
    Not,
    Stream,
    conditions,
)
from streamkit.definition.criteria import NEGATIVES
from streamkit.errors import EventsError, Problem
from streamkit.events.asking import ask
from streamkit.events.history import History
from streamkit.events.property import Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines
from streamkit.events.types import Kind, ValueType
from streamkit.matching.binding import check_bindings
from streamkit.matching.check_payload import is_open, payload_warnings
from streamkit.matching.context_checks import context_problems
from streamkit.matching.predicates import criterion_sql
from streamkit.matching.scan import part_sql
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.events.cataloguing import Catalog

__all__ = ["check_streams"]

FEW_VALUES = 1_000
"""With more different values than these, one that was never seen is no surprise."""
MEETS = {
    Kind.TEXT: ("text", "number", "time"),
    Kind.BOOLEAN: ("boolean",),
    Kind.INTEGER: ("number",),
    Kind.DOUBLE: ("number",),
    Kind.DECIMAL: ("number",),
    Kind.TIMESTAMP: ("time",),
    Kind.DATE: ("time",),
    Kind.JSON: ("text", "number", "boolean", "time"),
}
"""The kinds of operands that values of a kind can meet."""
CASTS = {
    "text": Kind.TEXT,
    "integer": Kind.INTEGER,
    "number": Kind.DOUBLE,
    "boolean": Kind.BOOLEAN,
    "time": Kind.TIMESTAMP,
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A condition of a stream, and where it stands."""

    stream: Stream
    place: str
    condition: Condition

    @property
    def parts(self) -> tuple[str, ...]:
        per = self.stream.per
        return (per,) if isinstance(per, str) else per

    def problem(self, code: str, message: str, place: str = "", hint: str | None = None) -> Problem:
        origin = self.stream.origin.file if self.stream.origin else None
        where = f"{self.place}.{place}" if place else self.place
        file = origin or f"stream {self.stream.name[:100]!r}"
        return Problem(code, message, where, file, hint=hint)


def check_streams(streams: Sequence[Stream], history: History) -> list[Problem]:
    """Find what in streams can never match a history.

    Codes: `unknown-event`, `type-mismatch`, `unseen-key` (a JSON or map key), `unseen-value`
    (of a property with few values), `never-met` (a condition no event meets), `missing-key`
    (events that all lack a part of the stream's key) and `no-column` (of a payload's path that
    has a default).

    Args:
        streams: The definitions.
        history: The events.

    Returns:
        A warning for each, in the order of the streams; empty where all can match.

    Raises:
        EventsError: A path or role that the events do not have.

    Example:
        >>> import polars as pl
        >>> from streamkit import History, Stream, event
        >>> events = pl.DataFrame({"time": ["2026-03-01T10:00:00Z"], "event": ["page_view"],
        ...                        "session_id": ["s1"]})
        >>> found = check_streams([Stream("s", [event("page_veiw")])], History(events))
        >>> found[0].code, found[0].hint
        ('unknown-event', "did you mean 'page_view'?")
    """
    lacking = _check_paths(streams, history)
    asked = [each for stream in streams for each in _asked(stream)]
    questions = _Questions(history)
    for each in asked:
        questions.add(each)
    answers = questions.ask()
    names = [name for name in answers.names if name is not None]
    near = _Near(history)
    problems: list[Problem] = []
    for each in asked:
        event = each.condition.event
        if event is not None and event not in answers.names:
            problems.append(
                each.problem("unknown-event", f"no event is named {event[:100]!r}",
                             "event", did_you_mean(event, names))
            )  # fmt: skip
            continue
        found = list(_comparison_problems(each, history, answers, near))
        problems += found
        met, keyed = answers.count(each.condition), answers.keyed(each)
        if not met and not found and not answers.is_empty:
            problems.append(each.problem("never-met", "no event meets the whole condition"))
        elif met and keyed is not None:
            problems.append(
                each.problem(
                    "missing-key",
                    f"all {met:,} events that meet it lack {keyed!r}, a part of the key, so that"
                    " none of them counts",
                    hint="choose another 'per', or fill the column",
                )
            )
    problems += [*lacking, *payload_warnings(streams, history, near.path)]
    return list(dict.fromkeys(problems))


def _check_paths(streams: Sequence[Stream], history: History) -> list[Problem]:
    """Bind every path of the criteria and payloads; what payloads can do without is a warning.

    Raises:
        EventsError: A path or role that the events do not have; all of them.
    """
    found = [each for stream in streams for each in context_problems(stream, history)]
    errors = [each for each in found if each.code != "no-column"]
    try:
        check_bindings(streams, history)
    except EventsError as error:
        errors = [*error.problems, *errors]
    if errors:
        raise EventsError(errors)
    return found


def _asked(stream: Stream) -> Iterator[_Asked]:
    """Every condition of a stream; criteria at its top count as one of any event."""
    if stream.where != All():
        yield _Asked(stream, "where", Condition(None, stream.where))
    for number, item in enumerate(stream.steps):
        place = f"steps[{number}]" + (".exclude" if isinstance(item, Exclude) else "")
        for condition in conditions(item.alternatives):
            yield _Asked(stream, place, condition)
    for number, exclude in enumerate(stream.exclude):
        for condition in conditions(exclude.alternatives):
            yield _Asked(stream, f"exclude[{number}]", condition)


def _comparisons(criterion: Criterion) -> Iterator[Comparison]:
    """The comparisons that a criterion asks to hold; not those inside a `not`."""
    match criterion:
        case Comparison():
            yield criterion
        case All(criteria) | Any(criteria):
            for each in criteria:
                yield from _comparisons(each)
        case Not():
            return


class _Questions:
    """What is asked of all rows at once: counts, each of its own condition."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._values = RowValues(parameters := Parameters())
        self._parameters = parameters
        self._name = history.text_sql(history.role("name"), self._values)
        self._items: dict[str, None] = {}
        self._places: dict[object, int] = {}

    def add(self, asked: _Asked) -> None:
        """Ask how many rows meet a condition, each of its comparisons, and have each key part."""
        condition = asked.condition
        rows = self._rows(condition.event)
        meets = f"{rows} AND {self._sql(condition.where)}"
        self._ask(("met", repr(condition)), f"count(*) FILTER ({meets})")
        for part in asked.parts:
            sql = part_sql(self._history, part, self._values)
            self._ask(("keyed", repr(condition), part),
                      f"count(*) FILTER ({meets} AND ({sql}) IS NOT NULL)")  # fmt: skip
        for comparison in _comparisons(condition.where):
            key = (condition.event, repr(comparison))
            bound = self._history.bind(comparison.path)
            present = self._sql(Comparison(comparison.path, "exists", True))
            self._ask(("holds", *key), f"count(*) FILTER ({rows} AND {self._sql(comparison)})")
            self._ask(("present", *key), f"count(*) FILTER ({rows} AND {present})")
            value = f"CAST({self._values.column(bound)} AS VARCHAR)"
            self._ask(("distinct", *key), f"approx_count_distinct({value}) FILTER ({rows})")

    def ask(self) -> _Answers:
        """Ask everything: one scan for the names, one for the counts."""
        history = self._history
        with history.connect() as connection:
            values = RowValues(parameters := Parameters())
            name = history.text_sql(history.role("name"), values)
            sql = f"{history.steps_sql(values)}\nSELECT DISTINCT {name} AS name FROM valued"
            names = ask(connection, Query(sql, parameters.values))["name"].to_list()
            if not self._items:
                return _Answers(frozenset(names), {}, ())
            items = join_lines(f"{sql} AS item_{n}" for n, sql in enumerate(self._items))
            sql = f"{history.steps_sql(self._values)}\nSELECT {items}\nFROM valued"
            counts = ask(connection, Query(sql, self._parameters.values)).row(0)
        return _Answers(frozenset(names), self._places, counts)

    def _rows(self, event: str | None) -> str:
        if event is None:
            return "true"
        return f"coalesce({self._name} = {self._parameters.bind(event)}, false)"

    def _sql(self, criterion: Criterion) -> str:
        return criterion_sql(criterion, self._history.bind, self._values, self._parameters)

    def _ask(self, key: tuple[object, ...], sql: str) -> None:
        self._items.setdefault(sql)
        self._places[key] = list(self._items).index(sql)


@dataclass(frozen=True, slots=True)
class _Answers:
    names: frozenset[str | None]
    places: dict[object, int]
    counts: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        return not self.names

    def count(self, condition: Condition) -> int:
        return self.get("met", repr(condition))

    def keyed(self, asked: _Asked) -> str | None:
        """A part of the key that no row which meets the condition has."""
        condition = repr(asked.condition)
        lacking = (part for part in asked.parts if not self.get("keyed", condition, part))
        return next(lacking, None)

    def get(self, *key: object) -> int:
        return self.counts[self.places[key]]


class _Near:
    """Names and values that the history does have, read when the first is asked for."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._catalog: Catalog | None = None

    def _properties(self, event: str | None) -> dict[str, list[str]]:
        if self._catalog is None:
            self._catalog = self._history.catalog()
        found: dict[str, list[str]] = {}
        for entry in self._catalog.events:
            if event in (None, entry.name):
                for each in entry.properties:
                    found.setdefault(each.path, []).extend(top.value for top in each.top)
        return found

    def path(self, path: str, event: str | None) -> str | None:
        """The nearest path of the event, else of any."""
        return did_you_mean(path, self._properties(event)) or (
            did_you_mean(path, self._properties(None)) if event is not None else None
        )

    def values(self, bound: Property, text: str, event: str | None) -> str | None:
        """The nearest value of a property, or those it has most often."""
        known = self._properties(event).get(str(bound.path), [])
        values = ", ".join(repr(value[:40]) for value in dict.fromkeys(known[:5]))
        return did_you_mean(text, known) or (f"values it has: {values}" if values else None)


def _comparison_problems(
    asked: _Asked, history: History, answers: _Answers, near: _Near
) -> Iterator[Problem]:
    event = asked.condition.event
    inside = "" if asked.place == "where" else "where."
    of = "any event" if event is None else repr(event[:100])
    for comparison in _comparisons(asked.condition.where):
        bound = history.bind(comparison.path)
        place = f"{inside}{comparison.path}"
        key = (event, repr(comparison))
        if (mismatch := _mismatch(comparison, bound)) is not None:
            yield asked.problem("type-mismatch", mismatch, place)
        elif answers.is_empty or comparison.operator in NEGATIVES or comparison.operand is False:
            continue
        elif is_open(bound) and not answers.get("present", *key):
            yield asked.problem("unseen-key", f"{str(comparison.path)!r} is never filled in {of}",
                                place, near.path(str(comparison.path), event))  # fmt: skip
        elif (
            comparison.operator in ("eq", "in")
            and not answers.get("holds", *key)
            and answers.get("distinct", *key) <= FEW_VALUES
        ):
            operands = (
                comparison.operand
                if isinstance(comparison.operand, tuple)
                else (comparison.operand,)
            )
            shown = " or ".join(repr(each)[:60] for each in operands[:3])
            yield asked.problem("unseen-value", f"{str(comparison.path)!r} is never {shown} in {of}",
                                place, near.values(bound, str(operands[0]), event))  # fmt: skip


def _mismatch(comparison: Comparison, bound: Property) -> str | None:
    """What can never hold, known from the types alone."""
    if comparison.operator == "exists":
        return None
    operands = (
        comparison.operand if isinstance(comparison.operand, tuple) else (comparison.operand,)
    )
    wanted = {_operand_kind(operand) for operand in operands}
    type_ = _scalar_type(bound)
    kind = CASTS[bound.cast] if bound.cast and type_.kind is not Kind.LIST else type_.kind
    if wanted & set(MEETS.get(kind, ())):
        return None
    outcome = "holds for every event" if comparison.operator in NEGATIVES else "can never hold"
    shown = bound.cast or type_.name
    return (
        f"{comparison.operator} with {' or '.join(sorted(wanted))} {outcome}:"
        f" {str(comparison.path)!r} is {shown}"
    )


def _scalar_type(bound: Property) -> ValueType:
    """The type that a comparison meets: of a list its elements'; one level."""
    type_ = bound.type
    return type_.element if type_.kind is Kind.LIST and type_.element is not None else type_


def _operand_kind(operand: object) -> str:
    match operand:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case datetime():
            return "time"
    return "text"
