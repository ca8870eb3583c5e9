"""What a payload asks of a match's events, and what they answer: plain JSON values by path.

**One reader for both engines.** `ContextReader` reads the raw columns of one event. The matcher
gives it the events as they are pushed; `read_contexts` gives it the rows of a history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from streamkit.errors import EventsError
from streamkit.events.property import Property
from streamkit.events.types import ValueType
from streamkit.matching.json_values import to_json, to_json_of_type
from streamkit.matching.row_paths import Event, Faults, Read, RowReaders
from streamkit.matching.row_values import plain
from streamkit.path import Path

__all__ = ["Columns", "Context", "ContextReader", "Needs", "SessionFacts", "meanings_of_firing"]

Values: TypeAlias = dict[str, Any]
"""Plain JSON values by path as it was written; what is missing is left out."""


class Columns(Protocol):
    """What says what paths mean: a `History`, or the `EventTypes` of live events."""

    @property
    def columns(self) -> Mapping[str, ValueType] | None:
        """The columns and their types; None where nobody fixed them."""

    def bind(self, path: Path) -> Property:
        """Decide what a path means."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The values that a stream's payload asks of a match.

    Args:
        steps: Paths of properties as they were written, by positive step, counted from 0.
        firing: Paths of the firing event as they were written, their first segment `user` or
            `session`: what they mean is decided where the schema is known.
        session_facts: Whether the count, the start or the duration of the session is asked for.
        session_last: Paths of properties of the session's last event.
    """

    steps: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    firing: tuple[str, ...] = ()
    session_facts: bool = False
    session_last: tuple[str, ...] = ()

    @property
    def is_of_session(self) -> bool:
        """Whether anything is asked about the session as it is when the match fires."""
        return self.session_facts or bool(self.session_last)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session as of the moment a match fires: its rows up to then, that moment included.

    Args:
        event_count: How many rows there are, those that take no part left out.
        started: The first one's time in microseconds since the epoch.
        latest: The last one's time.
        last: Values of the last row, by path as it was written.
    """

    event_count: int
    started: int
    latest: int
    last: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """The values of one match, as plain JSON data by path; what is missing is left out.

    Args:
        events: Values of each positive step's event, which is its last copy.
        firing: Values of the firing event.
        session: The session as of `fired_at`, where the payload asks for it.
    """

    events: tuple[Mapping[str, Any], ...] = ()
    firing: Mapping[str, Any] = field(default_factory=dict)
    session: SessionFacts | None = None


class ContextReader:
    """Reads what a payload asks for out of one event.

    A path that the events do not have reads as missing: whether that is an error is decided
    before, by `check_payloads`.

    Args:
        needs: What the payload asks for.
        columns: What paths mean.
        readers: Brings properties out of an event; a JSON document is parsed once for all
            users of the same readers.

    Example:
        >>> from streamkit.events import Schema
        >>> from streamkit.running.event_types import EventTypes
        >>> types = EventTypes(Schema(time="at", name="event"))
        >>> reader = ContextReader(Needs({0: ("cart.total",)}, ("user.email",)), types)
        >>> event = {"cart": {"total": 20.0}, "user_email": "a@example.com"}
        >>> reader.of_step(0, event), reader.of_firing(event)
        ({'cart.total': 20.0}, {'user.email': 'a@example.com'})
    """

    def __init__(self, needs: Needs, columns: Columns, readers: RowReaders | None = None) -> None:
        self.needs = needs
        self._columns = columns
        self._readers = RowReaders(faults=Faults()) if readers is None else readers
        self._begins: set[str] = set()
        self._steps = {
            step: [(path, self._property(Path.parse(path))) for path in paths]
            for step, paths in needs.steps.items()
        }
        self._firing = [(path, self._of_firing(Path.parse(path))) for path in needs.firing]
        self._last = [(path, self._property(Path.parse(path))) for path in needs.session_last]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are read."""
        return frozenset(self._begins)

    def of_step(self, step: int, event: Event) -> Values:
        """The values asked of a step's event."""
        return _values(self._steps.get(step, ()), event)

    def of_firing(self, event: Event) -> Values:
        """The values asked of the firing event: `user.…` and `session.…`."""
        return _values(self._firing, event)

    def of_last(self, event: Event) -> Values:
        """The values asked of the session's last event."""
        return _values(self._last, event)

    def _property(self, path: Path) -> Read:
        try:
            bound = self._columns.bind(path)
        except EventsError:
            return _nothing
        return self._read(bound)

    def _of_firing(self, path: Path) -> Read:
        reads = [self._read(bound) for bound in meanings_of_firing(path, self._columns)]
        if len(reads) == 1:
            return reads[0]
        return lambda event: next(
            (value for read in reads if (value := read(event)) is not None), None
        )

    def _read(self, bound: Property) -> Read:
        """The property as plain JSON data."""
        self._begins.add(bound.column)
        read, cast = self._readers.value(bound), self._readers.cast(bound)
        if cast is None:
            write = to_json_of_type(bound.type)
            return lambda event: write(read(event))

        def declared(event: Event) -> Any:
            value = read(event)
            if type(value) is list or isinstance(value, tuple) or hasattr(value, "tolist"):
                value = plain(value)
            if type(value) is list:
                return [to_json(cast(each)) for each in value]
            return to_json(cast(value))

        return declared


def meanings_of_firing(path: Path, columns: Columns) -> list[Property]:
    """What `user.<path>` or `session.<path>` means: the first of three that the events have.

    They are the path itself, a column `user_<path>`, and `<path>` without its first segment.
    Where nobody fixed the columns each event decides, so that all three are given.

    Args:
        path: The path, its first segment included.
        columns: What paths mean.
    """
    above, first, *rest = path.segments
    found = []
    for each in (path, Path((f"{above}_{first}", *rest)), Path((first, *rest))):
        try:
            found.append(columns.bind(each))
        except EventsError:
            continue
        if columns.columns is not None:
            break
    return found


def _nothing(_: Event) -> None:
    """What events do not have."""


def _values(reads: Any, event: Event) -> Values:
    found = {}
    for path, read in reads:
        value = read(event)
        if value is not None:
            found[path] = value
    return found
