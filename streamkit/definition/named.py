"""Named conditions: the events.yaml beside the streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from streamkit.definition.authoring import plain_pattern
from streamkit.definition.model import Condition, Defined
from streamkit.definition.pattern_reading import read_pattern
from streamkit.definition.plain_data import from_plain
from streamkit.definition.reading_context import NamedAlternatives, Reading, raise_problems
from streamkit.document.files import read_document
from streamkit.document.nodes import Document, Node, quoted
from streamkit.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

__all__ = ["NamedCondition", "as_named", "load_named", "read_named_beside"]

EVENTS_FILE = "events.yaml"
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class NamedCondition:
    """A condition of events.yaml.

    Args:
        name: What streams call it.
        alternatives: What it stands for; an event meets it if it meets any of them.
        description: For people.
    """

    name: str
    alternatives: tuple[Condition, ...]
    description: str | None = None


def load_named(path: str | PathLike[str]) -> dict[str, NamedCondition]:
    """Read a file of named conditions.

    Args:
        path: A YAML or JSON file: a mapping from names to `event`, `where` or `any_of`.

    Raises:
        DefinitionError: It cannot be read or something is wrong in it; all problems.
    """
    document, _ = read_document(path)
    named, problems = read_named(document)
    raise_problems(problems)
    return named


def read_named_beside(
    path: str | PathLike[str],
) -> tuple[dict[str, NamedCondition] | None, list[Problem]]:
    """The named conditions for a stream file; None where no events.yaml lies beside it."""
    return read_named_in(FilePath(path).parent)


def read_named_in(folder: FilePath) -> tuple[dict[str, NamedCondition] | None, list[Problem]]:
    """The named conditions of a folder, and what is wrong with them."""
    file = folder / EVENTS_FILE
    if not file.exists():
        return None, []
    try:
        document, _ = read_document(file)
    except DefinitionError as error:
        return {}, list(error.problems)
    return read_named(document)


def as_named(defined: Mapping[str, object] | None) -> NamedAlternatives | None:
    """What Python passes as `defined`, as a table of names.

    Raises:
        DefinitionError: A name or a condition is not valid; all problems.
    """
    if defined is None:
        return None
    table = {
        name: each.alternatives
        for name, each in defined.items()
        if isinstance(each, NamedCondition | Defined)
    }
    data = {name: plain_pattern(each) for name, each in defined.items() if name not in table}
    named, problems = read_named(from_plain(data))
    raise_problems(problems)
    return {**table, **{name: each.alternatives for name, each in named.items()}}


def read_named(document: Document) -> tuple[dict[str, NamedCondition], list[Problem]]:
    """Read a document of named conditions.

    Returns:
        The valid ones by name, and all the problems.
    """
    reading = Reading(document)
    named: dict[str, NamedCondition] = {}
    root = document.root
    if root is not None and root.value is not None:
        entries = reading.mapping(root, (), "a mapping from names to conditions") or {}
        for name, node in entries.items():
            condition = _read_condition(reading, name, node)
            if condition is not None:
                named[name] = condition
    return named, reading.located_problems()


def _read_condition(reading: Reading, name: str, node: Node) -> NamedCondition | None:
    place = (name,)
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        message = f"a name has 1 to {LONGEST_NAME} printable characters"
        reading.report("name-form", (), f"{quoted(name)}: {message}", key=name)
        return None
    description = None
    if isinstance(node.value, dict) and "description" in node.value:
        rest = dict(node.value)
        description = reading.text(rest.pop("description"), (*place, "description"))
        node = replace(node, value=rest)
    nested = _nested_place(node)
    if nested is not None:
        reading.report(
            "nested-defined",
            (*place, *nested),
            "'defined' inside a named condition",
            "write out the event and its criteria: names do not refer to names",
        )
        return None
    pattern = read_pattern(reading, node, place)
    if pattern is None:
        return None
    alternatives = tuple(each for each in pattern if not isinstance(each, Defined))
    return NamedCondition(name, alternatives, description)


def _nested_place(node: Node) -> tuple[str | int, ...] | None:
    """Where a condition refers to another name, if it does."""
    if not isinstance(node.value, dict):
        return None
    if "defined" in node.value:
        return ("defined",)
    inside = node.value.get("any_of")
    items = inside.value if inside is not None and isinstance(inside.value, list) else []
    for index, item in enumerate(items):
        if isinstance(item.value, dict) and "defined" in item.value:
            return ("any_of", index, "defined")
    return None
