"""Files of YAML or JSON as trees of nodes, and where a value came from."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath, getpid
from pathlib import Path as FilePath

from streamkit.document.json_text import read_json
from streamkit.document.nodes import Document, shorten
from streamkit.document.yaml_text import read_yaml
from streamkit.errors import DefinitionError, StreamkitError

__all__ = ["Origin", "read_document", "read_text", "replace_text"]

LARGEST = 4 * 1024 * 1024
"""Bytes of a definition: hundreds of times the longest list of values a stream may hold."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The text a stream was read from.

    Args:
        text: The file's text, with its own line ends.
        file: The file's path as the user gave it.
        is_yaml: Whether the text is YAML, which can hold comments; otherwise it is JSON.
    """

    text: str
    file: str
    is_yaml: bool


def read_text(path: str | PathLike[str], error: type[StreamkitError] = DefinitionError) -> str:
    """A file's text, its line ends untouched.

    Args:
        path: The file.
        error: What to raise.

    Raises:
        StreamkitError: It is not there, not readable, too large, or not UTF-8.
    """
    file = fspath(path)
    try:
        with FilePath(path).open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        missing = isinstance(failure, FileNotFoundError)
        message = "no such file or folder" if missing else f"it cannot be read: {reason}"
        raise error(message, code="no-such-file", file=shorten(file, 300)) from None
    if len(data) > LARGEST:
        message = f"the file is larger than {LARGEST // 1024 // 1024} MiB"
        raise error(message, code="too-large", file=file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise error(
            "the file is not UTF-8 text",
            code="bad-text",
            file=file,
            line=data.count(b"\n", 0, failure.start) + 1,
            hint="save it as UTF-8",
        ) from None


def read_document(
    path: str | PathLike[str], error: type[StreamkitError] = DefinitionError
) -> tuple[Document, Origin]:
    """A file as a tree of nodes; .json is JSON, everything else YAML.

    Args:
        path: The file.
        error: What to raise.

    Raises:
        StreamkitError: It is no readable text. Wrong syntax is a problem of the document.
    """
    file = fspath(path)
    text = read_text(path, error)
    is_yaml = not file.lower().endswith(".json")
    content = text.removeprefix("\ufeff")
    document = read_yaml(content, file) if is_yaml else read_json(content, file)
    return document, Origin(text, file, is_yaml)


def replace_text(path: str | PathLike[str], text: str) -> None:
    """Write a file as a whole, so that nobody ever reads half of it."""
    file = FilePath(path)
    temporary = file.with_name(f".{file.name}.{getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
