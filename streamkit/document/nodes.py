"""Documents as trees of nodes that know their lines.

YAML text, JSON text and plain Python data all become the same tree, so that one reader finds the
same problems in each of them, and can say on which line they stand where there are lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from streamkit.duration import Duration
from streamkit.errors import Problem

__all__ = [
    "Document",
    "Node",
    "Place",
    "describe_kind",
    "is_valid_text",
    "line_of",
    "place_text",
    "quoted",
    "shorten",
]

Place: TypeAlias = tuple[str | int, ...]
"""Keys and list positions that lead from the root to a node."""

DEEPEST = 50
"""Levels of nesting: far more than any stream needs, far fewer than a hostile file has."""
MOST_NODES = 100_000
"""Values in one document, aliases counted as often as they are used."""


@dataclass(slots=True)
class Node:
    """A value in a document.

    Args:
        value: A scalar, a list of nodes, or a dict of nodes by key.
        line: Line it starts on, counted from 1; None for data built in Python.
        key_line: Line of the key that leads to it.
        size: How many nodes it holds, itself included.
    """

    value: Any
    line: int | None = None
    key_line: int | None = None
    size: int = 1


@dataclass(slots=True)
class Document:
    """A document as read: its tree, and what was already wrong with it as a text.

    Args:
        root: The tree; None where nothing could be read.
        problems: Duplicate keys, wrong syntax and the like.
        file: The file's path as the user gave it.
    """

    root: Node | None
    problems: list[Problem] = field(default_factory=list)
    file: str | None = None

    def plain(self) -> Any:
        """The tree as mappings, lists and scalars; None where nothing could be read."""
        return None if self.root is None else _plain(self.root)


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def place_text(place: Place) -> str:
    """A place as people read it: `steps[1].where.price`.

    Example:
        >>> place_text(("steps", 1, "where", "price"))
        'steps[1].where.price'
    """
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{shorten(part)}" if text else shorten(part)
    return text


def shorten(text: str, longest: int = 80) -> str:
    """The text on one line, cut in the middle if it is long, so that messages stay readable."""
    short = text if len(text) <= longest else f"{text[: longest - 20]}…{text[-15:]}"
    return short if short.isprintable() else repr(short)[1:-1]


def quoted(text: str, longest: int = 80) -> str:
    """The text in quotes, on one line, cut in the middle if it is long."""
    return f"'{shorten(text, longest)}'"


def line_of(root: Node | None, place: Place) -> int | None:
    """The line of the deepest node on the way to a place; of its key where it has one."""
    node, line = root, root.line if root else None
    for part in place:
        if node is None:
            break
        inside = node.value
        node = None
        if isinstance(inside, dict) and isinstance(part, str):
            node = inside.get(part)
        elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
            node = inside[part]
        if node is not None:
            line = node.key_line or node.line
    return line


def describe_kind(value: object) -> str:
    """What a value is, in the words of the messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {shorten(_number_text(value))}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, datetime | date):
        return "a time"
    if isinstance(value, timedelta | Duration):
        return "a duration"
    return f"a {type(value).__name__}"


def is_valid_text(text: str) -> bool:
    """Whether the text can be written as UTF-8."""
    return text.isascii() or not any("\ud800" <= mark <= "\udfff" for mark in text)


def _number_text(value: float) -> str:
    """A number as text; an integer of more than 4,300 digits has none in Python."""
    try:
        return str(value)
    except ValueError:
        return "of thousands of digits"
