"""What the builder offers: events with their counts, properties with their kinds and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from streamkit.definition.criteria import NEGATIVES, ORDERED_OPERATORS, TEXT_OPERATORS

if TYPE_CHECKING:
    from streamkit.events.cataloguing import Catalog, PropertyEntry

__all__ = [
    "ANY_EVENT",
    "OPERATOR_WORDS",
    "Choices",
    "EventChoice",
    "PropertyChoice",
    "condition_of",
    "event_text",
    "operators_of",
]

ANY_EVENT = "(any event)"
DEFINED = "defined: "
VERBATIM = "event: "
COUNTED = re.compile(r"  ·  [0-9][0-9,]* rows$")
MOST_VALUES = 12
OPERATOR_WORDS: Mapping[str, str] = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "gt": "is above",
    "gte": "is at least",
    "lt": "is below",
    "lte": "is at most",
    "between": "is between",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "not_starts_with": "does not start with",
    "ends_with": "ends with",
    "not_ends_with": "does not end with",
    "matches": "matches (RE2)",
    "not_matches": "does not match (RE2)",
    "exists": "is present",
    "missing": "is missing",
}
"""What a form calls the operators; `missing` is `exists: false`."""
NEVER = {
    "number": TEXT_OPERATORS,
    "time": TEXT_OPERATORS,
    "boolean": (*TEXT_OPERATORS, *ORDERED_OPERATORS, "in"),
}
"""Operators that a property of a kind can never meet."""


@dataclass(frozen=True, slots=True)
class EventChoice:
    """An event, or a named condition, and how often it was met."""

    name: str
    count: int
    sessions: int | None

    @property
    def words(self) -> str:
        """How often, in words."""
        in_sessions = f" in about {self.sessions:,} sessions" if self.sessions else ""
        return f"{self.count:,} rows{in_sessions}"


@dataclass(frozen=True, slots=True)
class PropertyChoice:
    """A property of an event.

    Args:
        path: What criteria call it.
        kind: `text`, `number`, `boolean` or `time`: what its values mostly are.
        values: The values met most often, as text.
        words: Its type and how often it is there, in words.
    """

    path: str
    kind: str
    values: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Choices:
    """Everything that can be chosen; empty until the catalogue is read."""

    events: Mapping[str, EventChoice] = field(default_factory=dict)
    defined: Mapping[str, EventChoice] = field(default_factory=dict)
    _properties: Mapping[str, Mapping[str, PropertyChoice]] = field(default_factory=dict)
    is_read: bool = False

    @classmethod
    def of(cls, catalog: Catalog, named: Iterable[str] = ()) -> Self:
        """What a catalogue offers; named conditions that were not counted are offered as well."""
        found = {e.name: EventChoice(e.name, e.count, e.sessions)
                 for e in catalog.events if e.name is not None}  # fmt: skip
        defined = {name: EventChoice(name, 0, None) for name in named}
        defined |= {e.name: EventChoice(e.name, e.count, e.sessions) for e in catalog.defined}
        properties = {
            e.name: _properties(e.properties, catalog.friendly)
            for e in catalog.events
            if e.name is not None
        }
        return cls(found, defined, properties, is_read=True)

    @cached_property
    def options(self) -> tuple[str, ...]:
        """Events and named conditions as a field offers them, with their counts."""
        named = (f"{DEFINED}{each.name}{_counted(each)}" for each in self.defined.values())
        raw = (_option(each) for each in self.events.values())
        return (*named, *raw, ANY_EVENT)

    def count_of(self, condition: Mapping[str, Any]) -> EventChoice | None:
        """How often the event of a condition was met; None where that is not known."""
        if "defined" in condition:
            return self.defined.get(str(condition["defined"]))
        return self.events.get(str(condition.get("event")))

    def properties(self, event: str | None) -> Mapping[str, PropertyChoice]:
        """The properties of an event, by path; of all events where it is not known."""
        if event is not None and event in self._properties:
            return self._properties[event]
        merged: dict[str, PropertyChoice] = {}
        for each in self._properties.values():
            for path, choice in each.items():
                merged.setdefault(path, choice)
        return merged


def _option(choice: EventChoice) -> str:
    text = event_text({"event": choice.name})
    return text if text != choice.name else f"{text}{_counted(choice)}"


def _counted(choice: EventChoice) -> str:
    return f"  ·  {choice.count:,} rows" if choice.count else ""


def _properties(
    entries: Iterable[PropertyEntry], friendly: Mapping[str, str]
) -> dict[str, PropertyChoice]:
    """The properties of an event by path, those with a friendly name first and under it too."""
    by_path = {each.path: _property(each) for each in entries}
    named = {
        name: replace(by_path[path], path=name)
        for name, path in friendly.items()
        if path in by_path
    }
    return {**named, **by_path}


def _property(entry: PropertyEntry) -> PropertyChoice:
    kind = _kind(entry.type)
    values = tuple(each.value for each in entry.top[:MOST_VALUES] if not each.value.endswith("…"))
    return PropertyChoice(entry.path, kind, values, f"{kind}, in {entry.filled:.0%} of the rows")


def _kind(type_: str) -> str:
    """The kind of a catalogue's type: a type of the files, or kinds joined by `or`."""
    first = type_.split(" or ", maxsplit=1)[0].lower()
    if first.startswith("bool"):
        return "boolean"
    if first.startswith(("time", "date")):
        return "time"
    if first == "number" or any(
        word in first for word in ("int", "double", "float", "decimal", "real")
    ):
        return "number"
    return "text"


def operators_of(kind: str | None) -> tuple[str, ...]:
    """The operators that values of a kind can meet; all of them where the kind is not known.

    Example:
        >>> operators_of("boolean")
        ('eq', 'ne', 'exists', 'missing')
    """
    never = NEVER.get(kind or "", ())
    return tuple(name for name in OPERATOR_WORDS if NEGATIVES.get(name, name) not in never)


def event_text(condition: Mapping[str, Any]) -> str:
    """A condition's event as it stands in a field; `condition_of` reads it back.

    Example:
        >>> event_text({"event": "visit"}), event_text({"defined": "rage"}), event_text({"where": {}})
        ('visit', 'defined: rage', '(any event)')
    """
    if "defined" in condition:
        return f"{DEFINED}{condition['defined']}"
    if "event" not in condition:
        return ANY_EVENT if "where" in condition else ""
    name = str(condition["event"])
    odd = name in ("", ANY_EVENT) or name.startswith((DEFINED, VERBATIM)) or COUNTED.search(name)
    return f"{VERBATIM}{name}" if odd else name


def condition_of(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """The condition that a field's text means, with the criteria there were.

    Example:
        >>> condition_of("visit  ·  12 rows", {"event": "v", "where": {"plan": "pro"}})
        {'event': 'visit', 'where': {'plan': 'pro'}}
    """
    kept = {"where": before["where"]} if "where" in before else {}
    if text.startswith(VERBATIM):
        return {"event": text.removeprefix(VERBATIM), **kept}
    text = COUNTED.sub("", text)
    if text.startswith(DEFINED):
        return {"defined": text.removeprefix(DEFINED)}
    if text == ANY_EVENT:
        return {"where": {}} | kept
    if not text:
        return {key: value for key, value in kept.items() if value}
    return {"event": text, **kept}
