"""Python data, with authoring's values where their text could stand, as a document."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from streamkit.definition.model import Defined
from streamkit.document.nodes import (
    DEEPEST,
    MOST_NODES,
    Document,
    Node,
    Place,
    describe_kind,
    is_valid_text,
    place_text,
)
from streamkit.duration import Duration
from streamkit.errors import Problem
from streamkit.path import Path

__all__ = ["from_plain"]

LEAVES = (str, bool, int, float, datetime, date, timedelta, Duration, Path, Defined, type(None))


def from_plain(data: object) -> Document:
    """The document of plain Python data: mappings, lists, texts, numbers, booleans, None.

    Times, durations, paths and named conditions may stand where their text could.
    """
    building = _Building()
    root = building.node(data, ())
    if building.count > MOST_NODES:
        building.add("too-large", (), f"more than {MOST_NODES:,} values")
    return Document(root if not building.fatal else None, building.problems)


class _Building:
    """One walk over plain data."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.count = 0
        self.fatal = False

    def add(self, code: str, place: Place, message: str, hint: str | None = None) -> None:
        self.fatal = self.fatal or code in {"too-deep", "too-large"}
        self.problems.append(Problem(code, message, place_text(place), hint=hint))

    def node(self, data: object, place: Place) -> Node:
        self.count += 1
        if self.fatal or self.count > MOST_NODES:
            return Node(None)
        if len(place) > DEEPEST:
            self.add("too-deep", place[:3], f"nested more than {DEEPEST} levels deep")
            return Node(None)
        if isinstance(data, Mapping):
            return self.mapping(data, place)
        if isinstance(data, list | tuple):
            return Node([self.node(item, (*place, index)) for index, item in enumerate(data)])
        return Node(self.scalar(data, place))

    def mapping(self, data: Mapping[Any, object], place: Place) -> Node:
        entries: dict[str, Node] = {}
        for key, item in data.items():
            name = str(key) if isinstance(key, str | Path) else None
            if name is None:
                self.add("key-not-text", place, f"a key is {describe_kind(key)}; keys are text")
            elif not is_valid_text(name):
                self.add(
                    "bad-text", place, "a key holds half a surrogate pair; it is not Unicode text"
                )
            else:
                entries[name] = self.node(item, (*place, name))
        return Node(entries)

    def scalar(self, data: object, place: Place) -> object:
        if isinstance(data, str) and not is_valid_text(data):
            self.add("bad-text", place, "half a surrogate pair; it is not Unicode text")
            return "?"
        if isinstance(data, str):
            return str(data)
        if isinstance(data, LEAVES):
            return data
        if isinstance(data, numbers.Integral):
            return int(data)
        if isinstance(data, numbers.Real):
            return float(data)
        self.add(
            "not-plain-data",
            place,
            f"a value of the Python type {type(data).__name__} cannot be written down",
            "use text, numbers, booleans, datetimes, lists and dicts",
        )
        return None
