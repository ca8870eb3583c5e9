"""A preset meets an input: which of its columns play the roles there, in whatever case."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from streamkit.errors import EventsError, Problem
from streamkit.events.presets import PRESETS
from streamkit.events.presets.preset import Preset, Role
from streamkit.events.property import bind
from streamkit.events.types import Kind, ValueType
from streamkit.path import Path

if TYPE_CHECKING:
    from streamkit.events.schema import Schema

__all__ = ["fit", "fitting_preset", "in_case_of"]


def fitting_preset(columns: Collection[str]) -> Preset | None:
    """The preset whose columns an input has; the one with the most of them."""
    known = {column.casefold() for column in columns}
    fitting = [
        (len(signature), preset)
        for preset in PRESETS.values()
        for signature in preset.signature
        if all(name.casefold() in known for name in signature)
    ]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def in_case_of(path: Path, columns: Collection[str]) -> Path:
    """A path whose column is written as the input writes it: warehouses change the case."""
    first, *rest = path.segments
    if first in columns:
        return path
    folded = [column for column in columns if column.casefold() == first.casefold()]
    return Path((folded[0], *rest)) if len(folded) == 1 else path


def fit(schema: Schema, columns: Mapping[str, ValueType]) -> Schema:
    """A schema made from a preset, with the columns that an input has.

    Roles that the user chose stay as they are. Of the preset's own, a role whose columns are all
    missing is left out if the matching can do without it.

    Raises:
        EventsError: No column for the time, the name or the session: not this layout.
    """
    if schema.preset_name is None:
        return schema
    preset = PRESETS[schema.preset_name]
    documents = tuple(
        name
        for pattern in schema.json
        for name in _matching(pattern, columns)
    )  # fmt: skip
    json = frozenset(Path((name,)) for name in documents if name in columns)
    json |= frozenset(Path.parse(name) for name in documents if name not in columns)
    changes: dict[str, Any] = {"json": documents}
    problems = []
    for role, candidates in preset.roles.items():
        if getattr(schema, role) != candidates[0]:
            continue
        found = next((f for c in candidates if (f := _found(c, columns, json)) is not None), None)
        if found is None and role in ("time", "name", "session"):
            problems.append(_missing(preset, role, candidates, columns))
        changes[role] = found
    made = schema.sessionizer
    if made is not None and made.by == preset.roles["user"][0] and changes.get("user"):
        changes["sessionizer"] = replace(made, by=changes["user"])
    if problems:
        raise EventsError(problems)
    return replace(schema, **changes)


def _found(role: Role, columns: Mapping[str, ValueType], json: frozenset[Path]) -> Role | None:
    """The role's columns as the input writes them; None where it lacks one."""
    if isinstance(role, tuple):
        parts = [_found(part, columns, json) for part in role]
        return tuple(part for part in parts if isinstance(part, str)) if None not in parts else None
    path = in_case_of(Path.parse(role), columns)
    try:
        bind(path, columns, json)
    except EventsError:
        return None
    return path.segments[0] if len(path.segments) == 1 else str(path)


def _matching(pattern: str, columns: Mapping[str, ValueType]) -> list[str]:
    """The text columns that a preset's pattern stands for; a path of the user's stays."""
    texts = (Kind.TEXT, Kind.JSON)
    found = [
        name
        for name, type_ in columns.items()
        if type_.kind in texts and fnmatchcase(name.casefold(), pattern.casefold())
    ]
    return found or ([pattern] if "." in pattern else [])


def _missing(
    preset: Preset, role: str, candidates: tuple[Role, ...], columns: Collection[str]
) -> Problem:
    names = " or ".join(
        " with ".join(map(repr, each)) if isinstance(each, tuple) else repr(each)
        for each in candidates
    )
    better = fitting_preset(columns)
    hint = f"add a line '{role}: <column>' beside the preset"
    if better is not None and better.name != preset.name:
        hint = f"the columns are those of {better.title}: write 'preset: {better.name}'"
    return Problem(
        "preset-misfit",
        f"preset {preset.name!r} takes the {role} from {names}, which the events do not have",
        path=f"schema.{role}",
        hint=hint,
    )
