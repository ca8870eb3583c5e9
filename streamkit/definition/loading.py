"""`load`: the streams of a file or a folder."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path as FilePath

from streamkit.definition.named import EVENTS_FILE, NamedCondition, read_named_in
from streamkit.definition.reading_context import raise_problems
from streamkit.definition.stream import Stream
from streamkit.document.files import read_document
from streamkit.document.nodes import quoted, shorten
from streamkit.errors import DefinitionError, Problem

__all__ = ["load"]

ENDINGS = (".yaml", ".yml", ".json")
OTHER_FILES = frozenset([EVENTS_FILE, "schema.yaml", "streamkit.yaml", "connections.yaml"])


def load(path: str | PathLike[str]) -> list[Stream]:
    """Read a stream file, or every stream file of a folder.

    In a folder, `events.yaml` holds named conditions, and `schema.yaml`, `streamkit.yaml` and
    `connections.yaml` are other things; folders inside it are not read.

    Args:
        path: A .yaml, .yml or .json file, or a folder of them.

    Returns:
        The streams, in the order of their file names.

    Raises:
        DefinitionError: Nothing is there, a file is not valid, or two streams share a name. It
            carries the problems of all the files.

    Example:
        >>> [stream.name for stream in load("streams")]  # doctest: +SKIP
        ['checkout-rescue', 'left-with-a-full-basket']
    """
    location = FilePath(path)
    try:
        is_folder = location.is_dir()
        files = _stream_files(location) if is_folder else [location]
    except (OSError, ValueError) as error:
        message = f"the folder cannot be read: {error}"
        raise DefinitionError(
            message, code="no-such-file", file=shorten(fspath(path), 300)
        ) from None
    if not files:
        raise DefinitionError(
            "no stream in this folder",
            code="no-streams",
            file=fspath(path),
            hint=f"a stream is a {', '.join(ENDINGS)} file",
        )
    return _load_files(files, location if is_folder else location.parent)


def _stream_files(folder: FilePath) -> list[FilePath]:
    return sorted(
        (
            file
            for file in folder.iterdir()
            if file.suffix.lower() in ENDINGS
            and file.name not in OTHER_FILES
            and not file.name.startswith(".")
            and not file.is_dir()
        ),
        key=lambda file: file.name,
    )


def _load_files(files: list[FilePath], folder: FilePath) -> list[Stream]:
    problems: list[Problem] = []
    streams: list[Stream] = []
    named: dict[str, NamedCondition] | None = None
    if any(file.exists() for file in files):
        named, problems = read_named_in(folder)
    for file in files:
        try:
            document, origin = read_document(file)
        except DefinitionError as error:
            problems += error.problems
            continue
        stream, found = Stream._from_document(document, named, origin)  # noqa: SLF001 # same package
        problems += found
        if not found:
            streams.append(stream)
    if problems:
        raise DefinitionError(problems)
    _refuse_equal_names(streams)
    return streams


def _refuse_equal_names(streams: list[Stream]) -> None:
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for stream in streams:
        file = stream.origin.file if stream.origin else ""
        first = files.setdefault(stream.name, file)
        if first != file:
            message = f"the name {quoted(stream.name)} is taken by {first}"
            hint = "a name is unique in its folder: it is part of every match id"
            problems.append(Problem("duplicate-name", message, "name", file, hint=hint))
    raise_problems(problems)
