"""What a builder is given, opened: a stream, what lies beside it, the connections."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streamkit.definition import Stream
from streamkit.definition.named import NamedCondition, read_named_beside
from streamkit.errors import DeliveryError
from streamkit.notebook.draft import Draft

if TYPE_CHECKING:
    from streamkit.delivery.connections import Connections

__all__ = [
    "MonthlyBudget",
    "budget_for",
    "file_of",
    "named_conditions",
    "open_connections",
    "open_draft",
]


class MonthlyBudget(NamedTuple):
    """What a month's cost is compared with.

    Args:
        activations: How many there are, more than none.
        why: Where the number is from, in words.
    """

    activations: float
    why: str


def budget_for(file: str) -> MonthlyBudget:
    """The budget that sending a stream from here goes by, or the default where there is none.

    Args:
        file: The stream's file.
    """
    from streamkit.delivery.settings import SETTINGS_FILE, Settings

    default = Settings().budget.activations
    try:
        settings = Settings.found(Path(), Path(file).parent)
    except DeliveryError as error:
        reason = error.problems[0].message
        return MonthlyBudget(default, f"the default: {SETTINGS_FILE} cannot be used, {reason}")
    if settings.file is None:
        return MonthlyBudget(
            default, f"the default: there is no {SETTINGS_FILE} here or beside the stream"
        )
    if not settings.budget.activations:
        return MonthlyBudget(default, f"the default: {settings.file} gives nothing")
    return MonthlyBudget(settings.budget.activations, f"as {settings.file} says")


def file_of(stream: Stream | str | PathLike[str] | None) -> str:
    """The file a stream comes from or is to be saved in; empty where there is none yet."""
    if isinstance(stream, Stream):
        return stream.origin.file if stream.origin else ""
    return "" if stream is None else fspath(stream)


def named_conditions(
    file: str, stream: Stream | str | PathLike[str] | None
) -> Mapping[str, NamedCondition]:
    """The conditions that steps may name: those beside the file, and those the stream knows."""
    beside = read_named_beside(file)[0] if file else None
    known = stream.named_conditions if isinstance(stream, Stream) else ()
    own = {each.name: NamedCondition(each.name, each.alternatives) for each in known}
    return {**own, **(beside or {})}


def open_draft(
    stream: Stream | str | PathLike[str] | None, named: Mapping[str, NamedCondition]
) -> Draft:
    """The first draft; a file that is not there yet is a new stream."""
    table = {name: each.alternatives for name, each in named.items()} or None
    if isinstance(stream, (str, PathLike)) and not Path(stream).exists():
        return Draft(named=table)
    return Draft.of(stream, table)


def open_connections(
    connections: Mapping[str, Any] | str | PathLike[str] | None,
) -> tuple[str, Connections | None]:
    """The file of the connections, where they have one, and the connections."""
    from streamkit.delivery.connections import Connections

    if connections is None:
        return "", None
    if isinstance(connections, (str, PathLike)):
        return fspath(connections), Connections.from_file(connections)
    known = connections if isinstance(connections, Connections) else Connections(connections)
    return known.file or "", known
