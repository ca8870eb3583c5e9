"""What a builder is given, opened: a stream, the conditions beside it, the connections."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamkit.definition import Stream
from streamkit.definition.named import NamedCondition, read_named_beside
from streamkit.notebook.draft import Draft

if TYPE_CHECKING:
    from streamkit.delivery.connections import Connections

__all__ = ["file_of", "named_conditions", "open_connections", "open_draft"]


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
