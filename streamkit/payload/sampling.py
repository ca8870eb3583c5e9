"""A made-up match: values that the events really hold, put together as no real match did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from streamkit.definition import Stream, conditions
from streamkit.errors import EventsError
from streamkit.events import History
from streamkit.events.cataloguing import Catalog, EventEntry, PropertyEntry
from streamkit.events.property import (
    Element,
    Field,
    JsonKeys,
    MapKey,
    PairKey,
    Property,
)
from streamkit.events.types import Kind
from streamkit.matching.contexts import Context, SessionFacts, meanings_of_firing
from streamkit.matching.json_values import to_json, to_json_of_type
from streamkit.matching.row_documents import INVALID, parse_document
from streamkit.path import Path
from streamkit.payload.payload import compile_payload
from streamkit.times import to_microseconds

__all__ = ["SAMPLE_ID", "sample_context"]

SAMPLE_ID = "5a3e1e" + "0" * 26
"""The match id of every sample: no real match has one of so many zeros."""
SAMPLE_TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEP = timedelta(minutes=1)


def sample_context(
    stream: Stream, history: History, catalog: Catalog | None = None
) -> tuple[dict[str, Any], Context]:
    """A made-up match of a stream, with the values that its events have most often.

    Args:
        stream: The definition.
        history: The events.
        catalog: Their catalogue, where it has been read already.

    Returns:
        A row like those of the table of matches, and the context to render it with.

    Raises:
        EventsError: The events cannot be read.
        PayloadError: The payload asks for what the events do not have.
    """
    needs = compile_payload(stream, history).needs
    catalog = catalog or history.catalog()
    entries = [_entry(catalog, stream, step) for step in range(len(stream.positive_steps))]
    times = [entry.last for entry in entries if entry is not None and entry.last is not None]
    matched = max(times, default=SAMPLE_TIME)
    started = matched - STEP * (len(entries) - 1)
    wait = stream.wait
    fired = matched + timedelta(microseconds=0 if wait is None else wait.microseconds)
    last = entries[-1]
    events = tuple(
        _values(history, entry, needs.steps.get(step, ())) for step, entry in enumerate(entries)
    )
    roles = {role: _role(history, last, role) for role in ("session", "user")}
    parts = (stream.per,) if isinstance(stream.per, str) else stream.per
    values = [roles[part] if part in roles else _value(history, last, part) for part in parts]
    match = {
        "stream": stream.name,
        "version": stream.version,
        "match_id": SAMPLE_ID,
        "key": ["sample" if value is None else str(value) for value in values],
        **roles,
        "started_at": started,
        "matched_at": matched,
        "fired_at": fired,
        "events": [
            {
                "step": step,
                "id": None,
                "time": started + STEP * step,
                "name": None if entry is None else entry.name,
            }
            for step, entry in enumerate(entries)
        ],
    }
    session = SessionFacts(
        stream.copies,
        to_microseconds(started),
        to_microseconds(matched),
        _values(history, last, needs.session_last),
    )
    firing = {
        path: value
        for path in needs.firing
        for bound in meanings_of_firing(Path.parse(path), history)[:1]
        if (value := _of_property(history, last, bound)) is not None
    }
    return match, Context(events, firing, session)


def _entry(catalog: Catalog, stream: Stream, step: int) -> EventEntry | None:
    """The entry of a step's event: of the first of its names that is listed."""
    names = [each.event for each in conditions(stream.positive_steps[step].alternatives)]
    by_name = {entry.name: entry for entry in catalog.events}
    named = [by_name[name] for name in names if name is not None and name in by_name]
    return next(iter([*named, *catalog.events]), None)


def _role(history: History, entry: EventEntry | None, role: str) -> str | None:
    column = getattr(history.schema, role)
    if not isinstance(column, str):
        return None if column is None else f"sample-{role}"
    found = _value(history, entry, column)
    return None if found is None else str(found)


def _values(history: History, entry: EventEntry | None, paths: tuple[str, ...]) -> dict[str, Any]:
    found = {path: _value(history, entry, path) for path in paths}
    return {path: value for path, value in found.items() if value is not None}


def _value(history: History, entry: EventEntry | None, path: str) -> Any:
    try:
        return _of_property(history, entry, history.bind(path))
    except EventsError:
        return None


def _of_property(history: History, entry: EventEntry | None, bound: Property) -> Any:
    """The value that the property has most often, as plain JSON data."""
    if entry is None:
        return None
    schema = history.schema
    if bound.column == schema.time and not bound.accesses:
        return to_json(entry.last)
    if bound.column == schema.name and not bound.accesses:
        return entry.name
    if bound.column == schema.id and not bound.accesses:
        return "sample-id"
    way = _way(bound)
    known: Mapping[str, PropertyEntry] = {each.path: each for each in entry.properties}
    found = known.get(way) or known.get(str(bound.path))
    if found is None or not found.top:
        return None
    text = found.top[0].value
    if bound.type.kind is Kind.JSON:
        is_text = "text" in found.type.lower() or "varchar" in found.type.lower()
        value = INVALID if is_text else parse_document(text)
        return text if value is INVALID else value
    if bound.type.kind is Kind.LIST:
        return [text]
    value = to_json_of_type(bound.type)(text)
    return text if value is None and bound.type.kind is Kind.TEXT else value


def _way(bound: Property) -> str:
    """A property's path as the catalogue writes it."""
    segments = [bound.column]
    for access in bound.accesses:
        match access:
            case Field(name):
                segments.append(name)
            case Element(index):
                segments.append(str(index))
            case MapKey(key) | PairKey(key):
                segments.append(str(key))
            case JsonKeys(keys):
                segments += keys
            case _:
                continue
    return str(Path(tuple(segments)))
