"""Do the events have what a payload asks for? Found before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamkit.definition.payload_mapping import PayloadPath, payload_paths
from streamkit.document.json_text import read_json
from streamkit.document.nodes import Place, line_of, place_text
from streamkit.document.yaml_text import read_yaml
from streamkit.errors import EventsError, Problem
from streamkit.events.property import Property
from streamkit.matching.contexts import Columns, meanings_of_firing
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.definition import Stream

__all__ = ["bound_paths", "context_problems", "path_problem"]


def bound_paths(stream: Stream, columns: Columns) -> Iterator[tuple[PayloadPath, Property | None]]:
    """Each property that a payload asks for, and what it means; None where the events lack it."""
    for each in payload_paths(stream):
        path = each.path
        if path.path is None or path.fact is not None:
            continue
        if path.root in ("user", "session"):
            yield each, next(iter(meanings_of_firing(path.path, columns)), None)
            continue
        try:
            yield each, columns.bind(path.path)
        except EventsError:
            yield each, None


def context_problems(stream: Stream, columns: Columns) -> list[Problem]:
    """The paths of a payload that the events do not have.

    A path with a default may be one: then it is a warning, of code `no-column`.

    Args:
        stream: The stream.
        columns: What paths mean.
    """
    found = []
    for each, bound in bound_paths(stream, columns):
        if bound is not None or (each.has_default and _is_of_template(each)):
            continue
        message, code, hint = _lack(each, columns)
        code = "no-column" if each.has_default else code
        found.append(path_problem(stream, each, code, message, hint))
    return found


def _is_of_template(each: PayloadPath) -> bool:
    """Whether it is the template that uses the path, and not the stream."""
    return each.place[:2] == ("payload", "template")


def _lack(each: PayloadPath, columns: Columns) -> tuple[str, str, str | None]:
    path = each.path
    assert path.path is not None
    if path.root in ("user", "session"):
        above, *rest = path.path.segments
        name = ".".join(rest)
        known = list(columns.columns or ())
        hint = did_you_mean(name, known) or did_you_mean(f"{above}_{name}", known)
        return (
            f"the events have neither {each.text[:100]!r} nor {above}_{name[:80]} nor {name[:80]!r}",
            "unknown-column",
            hint or "the columns are " + ", ".join(known[:20]),
        )
    try:
        columns.bind(path.path)
    except EventsError as error:
        problem = error.problems[0]
        return problem.message, problem.code, problem.hint
    raise AssertionError("a path that is bound lacks nothing")


def path_problem(
    stream: Stream, each: PayloadPath, code: str, message: str, hint: str | None
) -> Problem:
    """A problem at the place of a path in the stream's definition."""
    file = stream.origin.file if stream.origin else f"stream {stream.name[:100]!r}"
    return Problem(code, message, place_text(each.place), file, _line(stream, each.place), hint)


def _line(stream: Stream, place: Place) -> int | None:
    """The line of a place in the file that the stream was read from."""
    origin = stream.origin
    if origin is None:
        return None
    document = read_yaml(origin.text) if origin.is_yaml else read_json(origin.text)
    return line_of(document.root, place)
