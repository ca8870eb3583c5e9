"""What a catalogue says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

__all__ = [
    "DISTINCT_BOUND",
    "Catalog",
    "DefinedEntry",
    "EventEntry",
    "Finding",
    "PropertyEntry",
    "ValueShare",
    "share_bound",
]

KINDS = ("defined", "event", "property", "value")
DISTINCT_BOUND = 0.15
"""How far an estimated number of different values may be off, as a share of the true one."""


def share_bound(rows: int) -> float:
    """How far a share found in a sample may be off: two over the root of its rows.

    That is four standard deviations of a share of one half, the widest there is, to leave room
    for rows that lie together being alike.

    Example:
        >>> share_bound(1600)
        0.05
    """
    return min(1.0, 2 / rows**0.5) if rows else 1.0


@dataclass(frozen=True, slots=True)
class ValueShare:
    """A value and how often the property has it.

    Args:
        value: The value as text, cut to 200 characters.
        share: Its part of the rows that have the property, 0 to 1.
    """

    value: str
    share: float


@dataclass(frozen=True, slots=True)
class PropertyEntry:
    """A property of one event.

    Args:
        path: What criteria call it.
        type: What its values are: a type of the files, or what JSON values were met.
        filled: Part of the event's rows that have it, 0 to 1.
        distinct: About how many different values it has.
        top: The values met most often, from the rows looked at.
        low: The smallest value: of numbers, times and texts (by code point, cut).
        high: The largest.
        sampled: How many rows `filled`, `distinct`, `low` and `high` come from; None for all, and
            then only `distinct` is an estimate.
        seen: How many rows with the property were looked at for `top`; the shares there are
            within `share_bound(seen)`, and exact where the whole event was looked at.
    """

    path: str
    type: str
    filled: float
    distinct: int
    top: tuple[ValueShare, ...] = ()
    low: Any = None
    high: Any = None
    sampled: int | None = None
    seen: int = 0


@dataclass(frozen=True, slots=True)
class EventEntry:
    """An event name and what came under it.

    Args:
        name: The name; None for rows without one.
        count: How many rows.
        sessions: About how many sessions; None where the input has no session column.
        first: The earliest time; None where no row has one.
        last: The latest.
        per_day: Rows by day, in UTC.
        properties: What is filled in at least one row looked at.
        looked: How many of the rows were looked at for top values and for what JSON, structs,
            maps and lists hold; all of them if it equals `count`.
    """

    name: str | None
    count: int
    sessions: int | None
    first: datetime | None
    last: datetime | None
    per_day: Mapping[date, int]
    properties: tuple[PropertyEntry, ...]
    looked: int

    def __str__(self) -> str:
        from streamkit.events.cataloguing.showing import event_text

        return event_text(self)

    def _repr_html_(self) -> str:
        from streamkit.events.cataloguing.html import event_html

        return event_html(self)


@dataclass(frozen=True, slots=True)
class DefinedEntry:
    """A named condition and the rows that meet it; see `streamkit.matching.defined`."""

    name: str
    description: str | None
    count: int
    sessions: int | None
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a search met its text.

    Args:
        kind: `event`, `property`, `value` or `defined`.
        event: The event's name.
        path: The property, of properties and values.
        value: The value, of values.
    """

    kind: str
    event: str | None
    path: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Catalog:
    """What is in a history: its events, their properties, the values these take.

    Args:
        label: What the history is called.
        rows: How many rows it has.
        events: The events, the most frequent first.
        other_names: How many more names there are than are listed.
        other_rows: How many rows they have.
        defined: Named conditions beside them, if they were asked for.
        friendly: Friendly names of properties, and the path behind each.
        notes: What the user should know, as sentences.

    Example:
        >>> import polars as pl
        >>> from streamkit import History
        >>> events = pl.DataFrame({"time": ["2026-03-01T10:00:00Z"], "event": ["visit"],
        ...                        "session_id": ["s1"], "plan": ["pro"]})
        >>> catalog = History(events).catalog()
        >>> catalog.events[0].name, catalog.event("visit").properties[-1].top[0].value
        ('visit', 'pro')
    """

    label: str
    rows: int
    events: tuple[EventEntry, ...]
    other_names: int = 0
    other_rows: int = 0
    defined: tuple[DefinedEntry, ...] = ()
    friendly: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())

    def event(self, name: str) -> EventEntry:
        """The entry of an event.

        Raises:
            KeyError: No such event is listed.
        """
        for entry in self.events:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def search(self, text: str) -> list[Finding]:
        """Where a text is met: in names of events, in paths and friendly names, in values.

        Args:
            text: Any part of it, in upper or lower case.

        Returns:
            Named conditions, then events, properties and values.
        """
        wanted = text.casefold()
        findings = [
            Finding("defined", entry.name)
            for entry in self.defined
            if wanted in f"{entry.name}\n{entry.description or ''}".casefold()
        ]
        meant = {path for name, path in self.friendly.items() if wanted in name.casefold()}
        for entry in self.events:
            if wanted in (entry.name or "").casefold():
                findings.append(Finding("event", entry.name))
            for found in entry.properties:
                if wanted in found.path.casefold() or found.path in meant:
                    findings.append(Finding("property", entry.name, found.path))
                findings += [
                    Finding("value", entry.name, found.path, top.value)
                    for top in found.top
                    if wanted in top.value.casefold()
                ]
        return sorted(findings, key=lambda found: KINDS.index(found.kind))

    def to_dict(self) -> dict[str, Any]:
        """The catalogue as plain data, ready for JSON."""
        from streamkit.events.cataloguing.showing import plain

        return plain(self)

    def __str__(self) -> str:
        from streamkit.events.cataloguing.showing import catalog_text

        return catalog_text(self)

    def __repr__(self) -> str:
        return f"Catalog({self.label!r}, {self.rows:,} rows, {len(self.events)} events)"

    def _repr_html_(self) -> str:
        from streamkit.events.cataloguing.html import catalog_html

        return catalog_html(self)
