"""Saving a named condition to events.yaml, comments kept."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from streamkit.definition.authoring import plain_pattern
from streamkit.definition.named import NamedCondition, read_named
from streamkit.definition.plain_data import from_plain
from streamkit.definition.reading_context import raise_problems
from streamkit.definition.writing import pattern_data
from streamkit.definition.yaml_writing import dump_yaml, merge_text
from streamkit.document.files import read_document, replace_text
from streamkit.document.yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from streamkit.definition.authoring import EventPattern
    from streamkit.definition.model import Pattern

__all__ = ["save_named"]


def save_named(
    path: str | PathLike[str],
    name: str,
    condition: EventPattern | Pattern | Mapping[str, object],
    *,
    description: str | None = None,
) -> NamedCondition:
    """Add a named condition to a file, or replace the one of that name.

    Args:
        path: The events.yaml; made if it is not there.
        name: What streams will call the condition.
        condition: `event(...)`, alternatives with `|`, or their plain data.
        description: For people.

    Returns:
        The condition as it was saved.

    Raises:
        DefinitionError: The condition, its name or the file is not valid; nothing is written.
    """
    new = _checked(name, plain_pattern(condition), description)
    file = FilePath(path)
    after = {name: _named_data(new)}
    if file.exists():
        document, origin = read_document(file)
        present, problems = read_named(document)
        raise_problems(problems)
        before = {each.name: _named_data(each) for each in present.values()}
        after = {**before, **after}
        text = merge_text(origin, before, after) if before else None
        if text is None or not _reads_as(text, after):
            text = dump_yaml(after)
    else:
        text = dump_yaml(after)
    replace_text(file, text)
    return new


def _checked(name: str, data: object, description: str | None) -> NamedCondition:
    """The condition, valid.

    Raises:
        DefinitionError: It is not.
    """
    if description is not None and isinstance(data, dict):
        data = {"description": description, **data}
    named, problems = read_named(from_plain({name: data}))
    raise_problems(problems)
    return named[name]


def _named_data(named: NamedCondition) -> dict[str, object]:
    description = {} if named.description is None else {"description": named.description}
    return {**description, **pattern_data(named.alternatives)}


def _reads_as(text: str, after: Mapping[str, object]) -> bool:
    named, problems = read_named(read_yaml(text.removeprefix("\ufeff")))
    return not problems and {each.name: _named_data(each) for each in named.values()} == after
