"""Keys of a payload's paths that no row fills: a warning, because tomorrow's rows may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from streamkit.definition import Stream, conditions
from streamkit.definition.payload_mapping import PayloadPath
from streamkit.document.nodes import quoted
from streamkit.errors import Problem
from streamkit.events.asking import ask
from streamkit.events.history import History
from streamkit.events.property import JsonKeys, MapKey, PairKey, Property
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines
from streamkit.matching.context_checks import bound_paths, path_problem

__all__ = ["is_open", "payload_warnings"]

Near: TypeAlias = Callable[[str, str | None], str | None]


def is_open(bound: Property) -> bool:
    """Whether the way leads through keys that any row may or may not have."""
    return any(
        isinstance(access, MapKey | PairKey) or (isinstance(access, JsonKeys) and access.segments)
        for access in bound.accesses
    )


def payload_warnings(streams: Sequence[Stream], history: History, near: Near) -> list[Problem]:
    """Paths through JSON or map keys that are never filled in the events they are asked of.

    Args:
        streams: The definitions; their payloads' columns are known to be there.
        history: The events.
        near: Gives a hint for a path, and the name of the event it is asked of.
    """
    asked = [
        (stream, each, bound, _names(stream, each))
        for stream in streams
        if stream.payload is not None
        for each, bound in bound_paths(stream, history)
        if bound is not None and is_open(bound) and not each.has_default
    ]
    if not asked:
        return []
    values = RowValues(parameters := Parameters())
    name = history.text_sql(history.role("name"), values)
    counts = ["count(*)"]
    for _, _, bound, names in asked:
        wanted = ", ".join(parameters.bind(each) for each in names)
        rows = f"{name} IN ({wanted}) AND " if names else ""
        value = values.column(bound)
        is_filled = f"json_type({value}) <> 'NULL'" if bound.is_document else f"{value} IS NOT NULL"
        counts.append(f"count(*) FILTER ({rows}{is_filled})")
    items = join_lines(f"{count} AS item_{n}" for n, count in enumerate(counts))
    sql = f"{history.steps_sql(values)}\nSELECT {items}\nFROM valued"
    with history.connect() as connection:
        rows_in_all, *filled = ask(connection, Query(sql, parameters.values)).row(0)
    problems = []
    for (stream, each, bound, names), count in zip(asked, filled, strict=True):
        if rows_in_all and not count:
            event = names[0] if len(names) == 1 else None
            of = " or ".join(quoted(name, 40) for name in names[:3]) or "any event"
            hint = near(str(bound.path), event)
            message = f"{quoted(str(bound.path))} is never filled in {of}"
            problems.append(path_problem(stream, each, "unseen-key", message, hint))
    return problems


def _names(stream: Stream, each: PayloadPath) -> list[str]:
    """The names of the events that a path is asked of; none for any."""
    path = each.path
    if path.root == "last":
        return []
    step = path.step if path.root == "event" else None
    pattern = stream.positive_steps[-1 if step is None else step].alternatives
    names = [condition.event for condition in conditions(pattern)]
    return [] if None in names else [name for name in names if name is not None]
