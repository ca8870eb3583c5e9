"""Values of rows looked at one by one: what paths they have, and what is at each."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from streamkit.events.cataloguing.entries import PropertyEntry, ValueShare
from streamkit.events.property import is_pairs
from streamkit.events.types import Kind, ValueType
from streamkit.path import Path

__all__ = ["Tally", "value_text", "walk"]

DEEPEST = 8
"""Levels below a column: deeper ones are shown as their JSON."""
TOP_VALUES = 5
LONGEST_VALUE = 200
MOST_DISTINCT = 10_000
Segments = tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What was met at one path.

    Args:
        rows: How many rows have something there.
        kinds: What it was, and how often.
        values: The values as text, and how often.
    """

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    met: int = 0
    low: Any = None
    high: Any = None

    def add(self, values: list[Any]) -> None:
        """Add what one row has at the path."""
        self.rows += 1
        for value in values:
            self.met += 1
            kind = _kind(value)
            self.kinds[kind] += 1
            text = value_text(value)
            if text in self.values or len(self.values) < MOST_DISTINCT:
                self.values[text] += 1
            if isinstance(value, (int, float)) and kind == "number" and not math.isnan(value):
                self.low = value if self.low is None else min(self.low, value)
                self.high = value if self.high is None else max(self.high, value)

    def top(self, *, is_complete: bool) -> tuple[ValueShare, ...]:
        """The values met most often; of a sample only those met twice."""
        least = 1 if is_complete else 2
        ordered = sorted(self.values.items(), key=lambda each: (-each[1], each[0]))
        return tuple(
            ValueShare(text, count / self.met)
            for text, count in ordered[:TOP_VALUES]
            if count >= least
        )

    def entry(self, path: Path, looked: int, *, is_complete: bool) -> PropertyEntry:
        """The tally as a property of the catalogue."""
        kinds = [kind for kind, _ in self.kinds.most_common()]
        return PropertyEntry(
            path=str(path),
            type=" or ".join(kinds[:3]) or "nothing",
            filled=self.rows / looked,
            distinct=len(self.values),
            top=self.top(is_complete=is_complete),
            low=self.low,
            high=self.high,
            sampled=None if is_complete else looked,
            seen=self.rows,
        )


def walk(value: Any, type_: ValueType, is_document: bool) -> dict[Segments, list[Any]]:
    """The scalars below one column's value in one row, by path.

    Args:
        value: The value as Python has it; of a document its text.
        type_: The column's type.
        is_document: Whether it holds JSON.
    """
    found: dict[Segments, list[Any]] = {}
    items = _document(value, ()) if is_document else _typed(value, type_, (), 0)
    for segments, scalar in items:
        found.setdefault(segments, []).append(scalar)
    return found


def value_text(value: Any) -> str:
    """A value as people read it, cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, (int, float, Decimal, date)):
        return _cut(str(value))
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "text"
        case datetime() | date():
            return "time"
        case list() | dict():
            return "nested"
    return type(value).__name__


def _document(text: Any, segments: Segments) -> Iterator[tuple[Segments, Any]]:
    try:
        value = json.loads(text, object_pairs_hook=_first_of_each, parse_constant=_refuse)
    except (ValueError, TypeError, RecursionError):
        return
    yield from _untyped(value, segments, 0)


def _first_of_each(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of equal keys the first counts."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        made.setdefault(key, value)
    return made


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _untyped(value: Any, segments: Segments, depth: int) -> Iterator[tuple[Segments, Any]]:
    if isinstance(value, dict) and depth < DEEPEST:
        for key, item in value.items():
            if key:
                yield from _untyped(item, (*segments, key), depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for item in value:
            yield from _untyped(item, segments, depth + 1)
    elif value is not None:
        yield segments, value


def _typed(
    value: Any, type_: ValueType, segments: Segments, depth: int
) -> Iterator[tuple[Segments, Any]]:
    if value is None:
        return
    if depth >= DEEPEST:
        yield segments, value
        return
    match type_.kind:
        case Kind.STRUCT:
            for name, inner in type_.fields:
                yield from _typed(value[name], inner, (*segments, name), depth + 1)
        case Kind.MAP:
            assert type_.element is not None
            for key, item in value:
                yield from _typed(item, type_.element, (*segments, str(key)), depth + 1)
        case Kind.LIST if is_pairs(type_):
            assert type_.element is not None
            inner = dict(type_.element.fields)["value"]
            for pair in value:
                if pair is not None and pair["key"]:
                    way = (*segments, str(pair["key"]))
                    yield from _typed(pair["value"], inner, way, depth + 1)
        case Kind.LIST:
            assert type_.element is not None
            for item in value:
                yield from _typed(item, type_.element, segments, depth + 1)
        case _:
            yield segments, value
