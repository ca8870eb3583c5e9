"""A catalogue as plain text and as plain data."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from streamkit.events.cataloguing.entries import (
    Catalog,
    DefinedEntry,
    EventEntry,
    Finding,
    PropertyEntry,
)
from streamkit.markup import shown

__all__ = ["catalog_text", "event_text", "findings_text", "name_text", "plain", "range_text"]

LONGEST_NAME = 44
LONGEST_VALUE = 40


def catalog_text(catalog: Catalog) -> str:
    """The events, a line each."""
    first = f"{catalog.rows:,} rows, {len(catalog.events):,} event names in {shown(catalog.label)}"
    lines = [first, "", _line("event", "rows", "sessions", "first", "last", "a day")]
    lines += [*map(_event_line, catalog.events), *map(_event_line, catalog.defined)]
    if catalog.other_names:
        lines.append(f"… and {catalog.other_names:,} more names with {catalog.other_rows:,} rows")
    lines += ["", *(f"Note: {shown(note, 500)}" for note in catalog.notes)]
    return "\n".join(lines).rstrip()


def event_text(entry: EventEntry) -> str:
    """One event with its properties, a line each."""
    lines = [
        f"{name_text(entry)}: {entry.count:,} rows, {_day(entry.first)} to {_day(entry.last)}",
        "",
        f"  {'property':{LONGEST_NAME}} {'type':14} {'filled':>8} {'distinct':>10}  top values, range",
    ]
    for each in entry.properties:
        about = "~" if each.sampled or entry.looked < entry.count else ""
        lines.append(
            f"  {shown(each.path, LONGEST_NAME):{LONGEST_NAME}} {shown(each.type, 14):14}"
            f" {100 * each.filled:6.1f} % {about + format(each.distinct, ','):>10}"
            f"  {_values(each)}{range_text(each)}"
        )
    return "\n".join(lines)


def findings_text(findings: list[Finding]) -> str:
    """What a search found, a line each."""
    lines = []
    for found in findings:
        parts = [found.kind, shown(found.event or "(no name)", LONGEST_NAME)]
        parts += [shown(found.path, 80)] if found.path is not None else []
        parts += [repr(shown(found.value, 80))] if found.value is not None else []
        lines.append("  ".join(parts))
    return "\n".join(lines) or "nothing found"


def plain(catalog: Catalog) -> dict[str, Any]:
    """The catalogue as plain data that JSON can hold."""
    data: dict[str, Any] = _json(asdict(catalog))
    return data


def _json(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case float() if not math.isfinite(value):
            return str(value)
        case str():
            return value.encode("utf-8", "replace").decode()
    return value


def _event_line(entry: EventEntry | DefinedEntry) -> str:
    rows, sessions, first, last = _numbers(entry)
    days = ""
    if isinstance(entry, EventEntry) and entry.per_day:
        days = f"{entry.count / len(entry.per_day):,.0f}"
    return _line(name_text(entry), rows, sessions, first, last, days)


def _line(name: str, rows: str, sessions: str, first: str, last: str, days: str) -> str:
    return f"{name:{LONGEST_NAME}} {rows:>12} {sessions:>11}  {first:10}  {last:10} {days:>10}".rstrip()


def name_text(entry: EventEntry | DefinedEntry) -> str:
    """What an event is called, made fit to show."""
    if entry.name is None:
        return "(no name)"
    prefix = "defined: " if isinstance(entry, DefinedEntry) else ""
    return prefix + shown(entry.name, LONGEST_NAME - len(prefix))


def _numbers(entry: EventEntry | DefinedEntry) -> tuple[str, str, str, str]:
    sessions = "" if entry.sessions is None else f"~{entry.sessions:,}"
    return f"{entry.count:,}", sessions, _day(entry.first), _day(entry.last)


def _day(time: datetime | None) -> str:
    return "" if time is None else time.date().isoformat()


def _values(entry: PropertyEntry) -> str:
    return ", ".join(
        f"{shown(top.value, LONGEST_VALUE)} {100 * top.share:.0f} %" for top in entry.top[:3]
    )


def range_text(entry: PropertyEntry) -> str:
    """The range of the values, behind their top values if there are some."""
    if entry.low is None or entry.type == "text":
        return ""
    text = f"{shown(str(entry.low), 26)} … {shown(str(entry.high), 26)}"
    return f"; {text}" if entry.top else text
