"""What is read of an event when it arrives: its time, its order, the texts that keys are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from streamkit.errors import EventsError
from streamkit.events.property import Property
from streamkit.events.schema import Schema
from streamkit.events.types import Kind
from streamkit.events.values import FIRST_TIME, LAST_TIME
from streamkit.matching.row_paths import Event, Read, RowReaders
from streamkit.matching.row_values import (
    epoch_micros,
    key_text,
    micros,
    plain,
    read_number,
    text_micros,
)
from streamkit.matching.scan import KEYLESS
from streamkit.path import Path
from streamkit.running.event_types import EventTypes
from streamkit.times import EPOCH

__all__ = ["NO_TIME", "Text", "fact_reader", "sequence_reader", "text_reader", "time_reader"]

NO_TIME = FIRST_TIME - 1
"""What the time of an event is whose time is there and is no time."""
NAIVE_EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
ROLES = ("session", "user")


class Text(NamedTuple):
    """How a text is read of events.

    Args:
        column: Where it stands as it is, if what stands there is ASCII text; None for nowhere.
        read: A function that gives it, whatever stands there.
    """

    column: str | None
    read: Read


def time_reader(types: EventTypes, readers: RowReaders) -> Callable[[Event], int | None]:
    """A function that gives an event's time in microseconds, `NO_TIME`, or None where it is null."""
    bound = types.require("time")
    unit = types.schema.time_unit if types.has_integer_time() else None
    column = bound.column
    is_column = not bound.accesses and bound.cast is None
    read: Read = (lambda event: event.get(column)) if not bound.accesses else readers.value(bound)
    cast = readers.cast(bound)
    if cast is not None:
        uncast = read

        def read(event: Event) -> Any:
            value = uncast(event)
            found = None if value is None else cast(value)
            return "no time" if found is None and value is not None else found

    def other(value: Any) -> int | None:
        value = plain(value)
        if value is None:
            return None
        if unit is not None and not isinstance(value, bool):
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, int):
                time = epoch_micros(value, unit)
                return NO_TIME if time is None else time
        time = micros(value) if isinstance(value, date | str) else None
        return NO_TIME if time is None or not FIRST_TIME <= time <= LAST_TIME else time

    def read_time(event: Event) -> int | None:
        value: Any = event.get(column) if is_column else read(event)
        kind = type(value)
        if kind is datetime:
            since: timedelta = value - (NAIVE_EPOCH if value.tzinfo is None else EPOCH)
            return since // MICROSECOND  # a sum of its parts would be an int of more bytes
        if kind is str:
            time = text_micros(value)
            return NO_TIME if time is None else time
        return other(value)

    return read_time


def sequence_reader(types: EventTypes, readers: RowReaders) -> Callable[[Event], float] | None:
    """A function that gives what orders equal times; None where nothing is declared.

    What is no number comes last.
    """
    bound = types.role("sequence")
    if bound is None:
        return None
    read = readers.value(bound)

    def sequence(event: Event) -> float:
        value = read(event)
        if type(value) is int:
            return value
        if isinstance(value, str):
            value = read_number(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return math.inf
        if isinstance(value, Decimal) and value.is_nan():
            return math.inf  # a signaling NaN makes no float
        return math.inf if value != value else float(value)  # noqa: PLR0124 # NaN is not itself

    return sequence


def _no_text(_: Any) -> None:
    """The text of values that have none."""


def text_reader(bound: Property, readers: RowReaders) -> Text:
    """How a property is read as the text that keys, ids and users are compared by."""
    if bound.joined:
        return Text(None, _joined_reader([_part_reader(part, readers) for part in bound.joined]))
    read, cast = readers.value(bound), readers.cast(bound)
    if bound.type.kind in (Kind.LIST, Kind.STRUCT, Kind.MAP, Kind.OTHER):
        return Text(None, _no_text)
    if cast is not None:
        return Text(None, lambda event: key_text(cast(read(event))))

    if not bound.accesses and bound.type.kind in (Kind.TEXT, Kind.JSON):
        column = bound.column

        def column_text(event: Event) -> str | None:
            value = event.get(column)
            if value is None or (type(value) is str and value.isascii()):
                return value
            return key_text(read(event))

        return Text(column, column_text)

    def text(event: Event) -> str | None:
        value = read(event)
        if value is None or (type(value) is str and value.isascii()):
            return value
        return key_text(value)

    return Text(None, text)


def _joined_reader(parts: Sequence[Read]) -> Read:
    """Texts joined by colons; none where a part is missing."""

    def joined(event: Event) -> str | None:
        texts = [part(event) for part in parts]
        return None if None in texts else ":".join(texts)

    return joined


def _part_reader(bound: Property, readers: RowReaders) -> Read:
    """A part of a joined text: with a mark before each colon that is its own."""
    text = text_reader(bound, readers).read
    if bound.type.kind not in (Kind.TEXT, Kind.JSON):
        return text

    def marked(event: Event) -> str | None:
        found = text(event)
        return None if found is None else found.replace("\\", "\\\\").replace(":", "\\:")

    return marked


def fact_reader(part: str, types: EventTypes, readers: RowReaders) -> Text:
    """How a key part or cooldown value is read: `session`, `user`, or a path.

    With a sessionizer the session is still its user: sessions are made in order.

    Raises:
        EventsError: No such column or role, or a type that has no text to compare by.
    """
    schema: Schema = types.schema
    if part == "session" and schema.sessionizer is not None:
        return text_reader(types.bind_column(schema.sessionizer.by), readers)
    if part in ROLES:
        return text_reader(types.require(part), readers)
    bound = types.bind(Path.parse(part))
    if bound.cast is None and bound.type.kind in KEYLESS:
        raise EventsError(
            f"{part!r} is {bound.type.name}, which is no text, whole number, boolean or time",
            code="bad-key-part",
            hint="declare a type for it under 'types:' in the schema",
        )
    return text_reader(bound, readers)


def fact_names(
    keys: Sequence[tuple[str, ...]], cooldowns: Sequence[str], schema: Schema
) -> tuple[str, ...]:
    """The texts that matching needs of events, each once: key parts, roles, cooldown values."""
    names = [part for key in keys for part in key]
    names += [role for role in ROLES if getattr(schema, role) is not None]
    if schema.sessionizer is not None:
        names.append("session")
    names += [by for by in cooldowns if by != "key"]
    return tuple(dict.fromkeys(names))
