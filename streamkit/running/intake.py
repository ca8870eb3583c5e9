"""From an event as it arrives to what is held of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from streamkit.definition import Stream
from streamkit.errors import EventsError
from streamkit.events.schema import Schema
from streamkit.events.values import FIRST_TIME
from streamkit.matching.contexts import Needs
from streamkit.matching.find import DAY_AHEAD
from streamkit.matching.plan import Plan, compile_streams
from streamkit.matching.row_documents import parse_document
from streamkit.matching.row_paths import Faults, RowReaders
from streamkit.running.asking import Asking
from streamkit.running.deciding import Held
from streamkit.running.event_types import EventTypes
from streamkit.running.facts import (
    fact_names,
    fact_reader,
    sequence_reader,
    text_reader,
    time_reader,
)
from streamkit.running.interest import Interest
from streamkit.running.tallies import LateEvent, Tallies
from streamkit.times import to_microseconds

__all__ = ["Intake"]

DAY = DAY_AHEAD // timedelta(microseconds=1)


class Intake:
    """Reads events, keeps the watermark, and sets apart what takes no part.

    Args:
        streams: The definitions.
        types: The schema and the columns' types.
        lateness: How far the watermark stays behind the newest time, in microseconds; None where
            only the source says how far time is known.
        now: The clock.
        tallies: Counts.
        needs: What the streams' payloads ask for, by the stream's name.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        types: EventTypes,
        lateness: int | None,
        now: Callable[[], datetime],
        tallies: Tallies,
        needs: Mapping[str, Needs],
    ) -> None:
        self.plan: Plan = compile_streams(streams)
        self.faults = Faults()
        self.newest: int | None = None
        self.oldest = 2**63
        self.watermark = FIRST_TIME - 1
        self.arrivals = 0
        self.decided: tuple[int, Any, Any] | None = None
        """Time, sequence and position of the last event decided; set by the matcher."""
        schema: Schema = types.schema
        self.schema = schema
        self.lateness = lateness
        self._now = now
        self._latest = -(2**63)
        self._tallies = tallies
        self._positions: type | None = None
        readers = RowReaders(types.documents, faults=self.faults)
        cooldowns = [s.cooldown.by for s in streams if s.cooldown is not None]
        self.facts = fact_names([s.key for s in self.plan.streams], cooldowns, schema)
        facts = [(name, fact_reader(name, types, readers)) for name in self.facts]
        self._no_facts: list[str | None] = [None] * len(facts)
        self._asking = Asking(self.plan, needs, types, readers) if needs else None
        self._everything = schema.sessionizer is not None or (
            self._asking is not None and self._asking.of_sessions
        )
        interest = Interest(self.plan, types, readers, facts, everything=self._everything)
        self._by_name, self._other = interest.by_name, interest.other
        self._time = time_reader(types, readers)
        self._name_column, self._name = text_reader(types.require("name"), readers)
        self._sequence = sequence_reader(types, readers)
        bound_id = types.role("id")
        self._id_column, self._id = None, None
        if bound_id is not None:
            self._id_column, self._id = text_reader(bound_id, readers)
        self.columns = readers.columns | {types.require("time").column}
        if self._asking is not None:
            self.columns |= self._asking.columns
        """The columns that are read at all."""

    def read(  # noqa: PLR0915 # one piece, because a call for each event takes long
        self, event: Any, position: Any = None
    ) -> Held | None:
        """Read one event: what to hold of it, or None if it takes no part or nobody wants it."""
        self.arrivals += 1
        if type(position) is not self._positions:
            self._check_position(position)
        if type(event) is not dict:
            event = self._mapping(event)
            if event is None:
                return None
        try:
            time = self._time(event)
            if time is None or time < FIRST_TIME:
                self._skip("null_time" if time is None else "unparsable_time", event)
                return None
            if time > self._latest and time > self._read_clock():
                self._skip("future_time", event)
                return None
            if time <= self.watermark and self._is_late(event, time, position):
                return None
            if self.newest is None or time > self.newest:
                self.newest = time
                if self.lateness is not None and time - self.lateness > self.watermark:
                    self.watermark = time - self.lateness
            if time < self.oldest:  # noqa: PLR1730 # a call for every event that mostly changes nothing
                self.oldest = time
            name = None if self._name_column is None else event.get(self._name_column)
            wanted = self._by_name.get(name) if type(name) is str else None
            if wanted is None:
                if type(name) is not str or not name.isascii():
                    name = self._name(event)
                wanted = self._by_name.get(name, self._other)
                if wanted is None:
                    return None
            flags = wanted.flags
            for bit, test, rest in wanted.tests:
                if test(event) and (rest is None or rest(event)):
                    flags |= bit
            if not flags and not self._everything:
                return None
            facts = self._no_facts.copy()
            for place, column, read in wanted.columns:
                value = event.get(column)
                if value is not None and (type(value) is not str or not value.isascii()):
                    value = read(event)
                facts[place] = value
            for place, read in wanted.facts:
                facts[place] = read(event)
            event_id: str | None = None
            if self._id is not None:
                event_id = None if self._id_column is None else event.get(self._id_column)
                if type(event_id) is not str or not event_id.isascii():
                    event_id = self._id(event)
            sequence = 0 if self._sequence is None else self._sequence(event)
            if position is None:
                position = self.arrivals
            values = None if self._asking is None else self._asking.values(event, flags)
            return (time, sequence, position, self.arrivals, name, flags, facts, event_id, values)
        except EventsError:
            raise
        except Exception as error:  # noqa: BLE001 # one odd event must not stop a matcher
            self._skip(f"unreadable ({type(error).__name__})", event)
            return None

    def _check_position(self, position: Any) -> None:
        """Positions are of one type, or they could not be compared."""
        if self._positions is not None:
            raise EventsError(
                f"a position is {type(position).__name__} and the first was"
                f" {self._positions.__name__}",
                code="bad-position",
                hint="give every event a position of one type, or none to any",
            )
        self._positions = type(position)

    def _mapping(self, event: Any) -> dict[str, Any] | None:
        try:
            if isinstance(event, Mapping):
                return dict(event)
            if isinstance(event, bytes | bytearray | memoryview):
                found = parse_document(bytes(event).decode())
            elif isinstance(event, str):
                found = parse_document(event)
            else:
                found = None
        except UnicodeDecodeError:
            found = None
        except Exception as error:  # noqa: BLE001 # a mapping of somebody else's may do anything
            self._skip(f"unreadable ({type(error).__name__})", event)
            return None
        if isinstance(found, dict):
            return found
        self._skip("not_an_object", event)
        return None

    def _skip(self, reason: str, event: Any) -> None:
        self._tallies.skip(reason, event, self.arrivals)

    def _read_clock(self) -> int:
        """The newest time that an event may have; the clock is read only when it matters."""
        self._latest = to_microseconds(self._now()) + DAY
        return self._latest

    def _is_late(self, event: Any, time: int, position: Any) -> bool:
        """Whether an event comes after its place in the order was decided."""
        if time == self.watermark:
            if self.decided is None or time != self.decided[0]:
                return False
            sequence = 0 if self._sequence is None else self._sequence(event)
            place = self.arrivals if position is None else position
            if (sequence, place) > self.decided[1:]:
                return False
        self._tallies.late += 1
        self._tallies.late_events.append(LateEvent(event, time, self.watermark, position))
        return True
