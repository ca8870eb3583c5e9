"""A catalogue as HTML that stands alone: what a saved notebook keeps of it."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.events.cataloguing.entries import (
    Catalog,
    DefinedEntry,
    EventEntry,
    Finding,
    ValueShare,
)
from streamkit.events.cataloguing.showing import name_text, range_text
from streamkit.markup import QUIET, Markup, bar, shown, table, tag

__all__ = ["catalog_html", "event_html", "findings_html"]

MOST_EVENTS, MOST_PROPERTIES, MOST_FINDINGS = 30, 80, 40
"""More than these are counted, not listed: outputs are stored inside notebooks."""
MOST_NAMES = 12
STYLE = "max-width:70em;line-height:1.45"


def catalog_html(catalog: Catalog) -> str:
    """The events as a table, and the names of their properties."""
    title = f"{catalog.rows:,} rows, {len(catalog.events):,} event names in {shown(catalog.label)}"
    entries: list[EventEntry | DefinedEntry] = [*catalog.events[:MOST_EVENTS], *catalog.defined]
    top = max([1, *(each.count for each in entries)])
    rows = [
        (
            tag("div", name_text(each), bar(each.count / top)),
            f"{each.count:,}",
            "" if each.sessions is None else f"~{each.sessions:,}",
            _a_day(each),
            _days(each),
        )
        for each in entries
    ]
    head = ("event", "rows", "sessions", "rows a day", "first to last day (UTC)")
    unlisted = catalog.events[MOST_EVENTS:]
    more_rows = sum(each.count for each in unlisted) + catalog.other_rows
    more = len(unlisted) + catalog.other_names
    names = [(name_text(each), _names(each)) for each in catalog.events[:MOST_EVENTS]]
    return tag(
        "div",
        tag("strong", title),
        table(head, rows, numbers=(1, 2, 3)) if rows else Markup(""),
        tag("div", f"… and {more:,} more names with {more_rows:,} rows") if more else Markup(""),
        tag(
            "details",
            tag("summary", "Names of the properties"),
            table(("event", "properties"), names) if names else "none",
        ),
        tag("div", *(tag("div", shown(note, 500)) for note in catalog.notes), style=QUIET),
        style=STYLE,
    )


def event_html(entry: EventEntry) -> str:
    """One event with its properties: how often filled, of what type, with which values."""
    rows = [
        (
            tag("div", shown(each.path, 100), bar(each.filled)),
            f"{100 * each.filled:.1f} %",
            shown(each.type, 40),
            f"{'~' if each.sampled or entry.looked < entry.count else ''}{each.distinct:,}",
            _top(each.top),
            range_text(each).removeprefix("; "),
        )
        for each in entry.properties[:MOST_PROPERTIES]
    ]
    head = ("property", "filled", "type", "distinct values", "top values", "from … to")
    more = len(entry.properties) - len(rows)
    title = f"{name_text(entry)}: {entry.count:,} rows, {_days(entry)}, {len(entry.properties)} properties"
    return tag(
        "div",
        tag("strong", title),
        table(head, rows, numbers=(1, 3)) if rows else Markup(""),
        tag("div", f"… and {more:,} more properties") if more > 0 else Markup(""),
        style=STYLE,
    )


def findings_html(findings: Sequence[Finding], text: str) -> str:
    """What a search found.

    Args:
        findings: The findings.
        text: What was searched for.
    """
    rows = [
        (
            found.kind,
            shown("(no name)" if found.event is None else found.event, 60),
            shown(found.path or "", 80),
            shown(found.value or "", 80),
        )
        for found in findings[:MOST_FINDINGS]
    ]
    more = len(findings) - len(rows)
    met = "met nowhere" if not rows else f"met {len(findings):,} times"
    return tag(
        "div",
        tag("strong", f"{shown(text, 60)!r}: {met}"),
        table(("kind", "event", "property", "value"), rows) if rows else Markup(""),
        tag("div", f"… and {more:,} more") if more > 0 else Markup(""),
        style=STYLE,
    )


def _a_day(entry: EventEntry | DefinedEntry) -> str:
    if isinstance(entry, DefinedEntry) or not entry.per_day:
        return ""
    return f"{entry.count / len(entry.per_day):,.0f}"


def _days(entry: EventEntry | DefinedEntry) -> str:
    if entry.first is None or entry.last is None:
        return ""
    return f"{entry.first:%Y-%m-%d} to {entry.last:%Y-%m-%d}"


def _names(entry: EventEntry) -> str:
    names = [shown(each.path, 40) for each in entry.properties[:MOST_NAMES]]
    more = len(entry.properties) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def _top(values: Sequence[ValueShare]) -> Markup:
    often = [each for each in values[:3] if each.share >= 0.005]
    lines = [tag("div", f"{shown(each.value, 40)} {100 * each.share:.0f} %") for each in often]
    return Markup("".join(lines))
