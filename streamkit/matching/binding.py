"""Do the events have what the streams ask for? All that is missing, at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from streamkit.definition import (
    All,
    Any,
    Comparison,
    Criterion,
    Exclude,
    Not,
    Pattern,
    Stream,
    conditions,
)
from streamkit.errors import EventsError, Problem
from streamkit.events.history import History
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters
from streamkit.matching.scan import part_sql
from streamkit.path import Path

__all__ = ["check_bindings", "paths_of"]


def check_bindings(streams: Sequence[Stream], history: History) -> None:
    """Bind every path and role that the streams use.

    Raises:
        EventsError: Columns, struct fields or roles that the events do not have; all of them.
    """
    problems: list[Problem] = []
    for stream in streams:
        for place, path in paths_of(stream):
            try:
                history.bind(path)
            except EventsError as error:
                problems += _placed(error, stream, place)
        parts = [stream.per] if isinstance(stream.per, str) else list(stream.per)
        places = [("per", part) for part in parts]
        if stream.cooldown is not None and stream.cooldown.by != "key":
            places.append(("cooldown.by", stream.cooldown.by))
        for place, part in places:
            try:
                part_sql(history, part, RowValues(Parameters()))
            except EventsError as error:
                problems += _placed(error, stream, place)
    if problems:
        raise EventsError(problems)


def paths_of(stream: Stream) -> Iterator[tuple[str, Path]]:
    """Every path that a criterion of the stream reads, with its place in the definition."""
    yield from _paths(stream.where, "where")
    for number, item in enumerate(stream.steps):
        place = f"steps[{number}]"
        if isinstance(item, Exclude):
            place += ".exclude"
        yield from _pattern_paths(item.alternatives, place)
    for number, exclude in enumerate(stream.exclude):
        yield from _pattern_paths(exclude.alternatives, f"exclude[{number}]")


def _pattern_paths(pattern: Pattern, place: str) -> Iterator[tuple[str, Path]]:
    for condition in conditions(pattern):
        yield from _paths(condition.where, f"{place}.where")


def _paths(criterion: Criterion, place: str) -> Iterator[tuple[str, Path]]:
    match criterion:
        case Comparison(path=path):
            yield f"{place}.{path}", path
        case Not(inner):
            yield from _paths(inner, place)
        case All(criteria) | Any(criteria):
            for each in criteria:
                yield from _paths(each, place)


def _placed(error: EventsError, stream: Stream, place: str) -> list[Problem]:
    origin = stream.origin.file if stream.origin else None
    return [
        replace(each, path=place, file=each.file or origin or f"stream {stream.name[:100]!r}")
        for each in error.problems
    ]
