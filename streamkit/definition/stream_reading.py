"""Streams from documents: every problem at once, or the fields of a valid stream."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from streamkit.definition.criteria_reading import read_criterion
from streamkit.definition.destination_reading import read_destination
from streamkit.definition.model import Cooldown, Frequency
from streamkit.definition.pattern_reading import read_exclude, read_step
from streamkit.definition.payload_reading import read_payload
from streamkit.definition.reading_context import Reading
from streamkit.definition.rules import STREAM_RULES, Draft
from streamkit.document.nodes import Node, Place, describe_kind, shorten
from streamkit.duration import Duration

if TYPE_CHECKING:
    from streamkit.path import Path

__all__ = [
    "COOLDOWN_ROLES",
    "FREQUENCIES",
    "STREAM_KEYS",
    "canonical_path",
    "read_stream",
]

STREAM_KEYS = (
    "name",
    "description",
    "enabled",
    "per",
    "where",
    "steps",
    "exclude",
    "within",
    "frequency",
    "cooldown",
    "payload",
    "destination",
)
FREQUENCIES = ("once", "every", "per_start", "non_overlapping")
COOLDOWN_ROLES = ("key", "session", "user")
LONGEST_NAME = 100


def read_stream(reading: Reading) -> Draft:
    """Read a stream.

    Args:
        reading: The document; the problems are added to it.

    Returns:
        What could be read; valid where the reading has no problems.
    """
    draft = Draft()
    root = reading.document.root
    if root is None or root.value is None:
        if not reading.problems:
            reading.report("empty", (), "there is nothing in it", "a stream needs name and steps")
        return draft
    entries = reading.entries(root, (), STREAM_KEYS, "a mapping")
    if entries is None:
        return draft
    for key, needed in (("name", True), ("steps", True), *((key, False) for key in READERS)):
        if key in entries and (needed or entries[key].value is not None):
            READERS[key](reading, entries[key], draft)
        elif needed:
            draft.unreadable.add(key)
            reading.report("missing-key", (), f"{key!r} is missing")
        entries.pop(key, None)
    for stream_rule in STREAM_RULES:
        for finding in stream_rule.check(draft):
            reading.report(stream_rule.rule.code, finding.place, finding.message, finding.hint)
    return draft


def _read_name(reading: Reading, node: Node, draft: Draft) -> None:
    name = reading.text(node, ("name",))
    if name is None:
        return
    if not 1 <= len(name) <= LONGEST_NAME:
        message = f"a name has 1 to {LONGEST_NAME} characters, not {len(name):,}"
        reading.report("name-form", ("name",), message)
    elif any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in name):
        reading.report("name-form", ("name",), "a name holds no control characters or line breaks")
    draft.name = name


def _read_description(reading: Reading, node: Node, draft: Draft) -> None:
    draft.description = reading.text(node, ("description",))


def _read_enabled(reading: Reading, node: Node, draft: Draft) -> None:
    draft.enabled = reading.boolean(node, ("enabled",)) is not False


def _read_per(reading: Reading, node: Node, draft: Draft) -> None:
    if isinstance(node.value, str):
        if node.value in {"session", "user"}:
            draft.per = node.value
        else:
            message = f"'per' is session, user or a list, not {describe_kind(node.value)}"
            hint = f"write [session, {shorten(node.value, 40)}] for a key inside each session"
            reading.report("per-form", ("per",), message, hint)
        return
    items = reading.items(node, ("per",), "write session, user, or a list such as [session, sku]")
    parts: list[str] = []
    for index, item in enumerate(items or []):
        text = reading.text(item, ("per", index))
        path = None if text is None else reading.path(text, ("per", index))
        if text is None or path is None:
            return
        parts.append(canonical_path(text, path, ("session", "user")))
    if items is not None:
        _check_parts(reading, parts)
        draft.per = parts[0] if len(parts) == 1 else tuple(parts)


def canonical_path(text: str, path: Path, roles: tuple[str, ...]) -> str:
    """The one way to write a path; a role's name stays bare, a column of that name quoted."""
    if text in roles:
        return text
    written = str(path)
    return f'"{written}"' if written in roles else written


def _check_parts(reading: Reading, parts: list[str]) -> None:
    if not {"session", "user"} & set(parts):
        hint = "add one, such as [session, sku]"
        reading.report("per-form", ("per",), "the list holds neither session nor user", hint)
    if len(set(parts)) < len(parts):
        reading.report("per-form", ("per",), "a part stands twice in the list", "remove one")


def _read_where(reading: Reading, node: Node, draft: Draft) -> None:
    draft.where = read_criterion(reading, node, ("where",))


def _read_steps(reading: Reading, node: Node, draft: Draft) -> None:
    items = reading.items(node, ("steps",))
    if items is None:
        draft.unreadable.add("steps")
        return
    draft.steps = [read_step(reading, item, ("steps", index)) for index, item in enumerate(items)]


def _read_top_exclude(reading: Reading, node: Node, draft: Draft) -> None:
    items = reading.items(node, ("exclude",), "write exclude: [{event: purchase}]")
    excludes = [
        read_exclude(reading, item, ("exclude", index)) for index, item in enumerate(items or [])
    ]
    draft.exclude = list(excludes)


def _read_within(reading: Reading, node: Node, draft: Draft) -> None:
    if node.value == "unbounded":
        draft.within = "unbounded"
        return
    draft.within = reading.duration(node, ("within",))
    if draft.within is None:
        draft.unreadable.add("within")


def _read_frequency(reading: Reading, node: Node, draft: Draft) -> None:
    word = reading.word(node, ("frequency",), FREQUENCIES)
    draft.frequency = cast("Frequency", word) if word is not None else "once"


def _read_cooldown(reading: Reading, node: Node, draft: Draft) -> None:
    if not isinstance(node.value, dict):
        reading.wrong_kind(node, ("cooldown",), "a mapping", "write cooldown: {for: 24h, by: user}")
        return
    entries = reading.entries(node, ("cooldown",), ("for", "by"), "a mapping") or {}
    by = "key"
    if "by" in entries and entries["by"].value is not None:
        text = reading.text(entries["by"], ("cooldown", "by"))
        path = None if text is None else reading.path(text, ("cooldown", "by"))
        if text is not None and path is not None:
            by = canonical_path(text, path, COOLDOWN_ROLES)
    if "for" not in entries:
        hint = "write cooldown: {for: 24h, by: user}"
        reading.report("missing-key", ("cooldown",), "'for' is missing: how long", hint)
        return
    length = reading.duration(entries["for"], ("cooldown", "for"))
    draft.cooldown = None if length is None else Cooldown(length, by)


def _read_payload(reading: Reading, node: Node, draft: Draft) -> None:
    read_payload(reading, node, draft)
    if isinstance(node.value, dict):
        draft.payload = cast("dict[str, object]", plain_value(reading, node, ("payload",)))


def _read_destination(reading: Reading, node: Node, draft: Draft) -> None:
    read_destination(reading, node)
    if isinstance(node.value, dict):
        draft.destination = cast("dict[str, object]", plain_value(reading, node, ("destination",)))


def plain_value(reading: Reading, node: Node, place: Place) -> object:
    """The node as plain data; what JSON cannot hold is a problem."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain_value(reading, item, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_value(reading, item, (*place, index)) for index, item in enumerate(value)]
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        reading.report(
            "bad-number", place, f"{value} is no number in JSON", "write a finite number"
        )
    elif not isinstance(value, str | bool | int | float | None):
        message = f"{describe_kind(value)} is no plain data"
        reading.report("not-plain-data", place, message, "write it as text")
    return value


Reader: TypeAlias = Callable[[Reading, Node, Draft], None]

READERS: dict[str, Reader] = {
    "name": _read_name,
    "description": _read_description,
    "enabled": _read_enabled,
    "per": _read_per,
    "where": _read_where,
    "steps": _read_steps,
    "exclude": _read_top_exclude,
    "within": _read_within,
    "frequency": _read_frequency,
    "cooldown": _read_cooldown,
    "payload": _read_payload,
    "destination": _read_destination,
}
