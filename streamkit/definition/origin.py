"""Stream files as text, and where a stream came from."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path as FilePath

from streamkit.definition.json_text import read_json
from streamkit.definition.nodes import Document, shorten
from streamkit.definition.yaml_text import read_yaml
from streamkit.errors import DefinitionError

__all__ = ["Origin", "read_document", "read_text"]

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


def read_text(path: str | PathLike[str]) -> str:
    """A file's text, its line ends untouched.

    Raises:
        DefinitionError: It is not there, not readable, too large, or not UTF-8.
    """
    file = fspath(path)
    try:
        with FilePath(path).open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        missing = isinstance(error, FileNotFoundError)
        message = "no such file or folder" if missing else f"it cannot be read: {reason}"
        raise DefinitionError(message, code="no-such-file", file=shorten(file, 300)) from None
    if len(data) > LARGEST:
        message = f"the file is larger than {LARGEST // 1024 // 1024} MiB"
        raise DefinitionError(message, code="too-large", file=file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError(
            "the file is not UTF-8 text",
            code="bad-text",
            file=file,
            line=data.count(b"\n", 0, error.start) + 1,
            hint="save it as UTF-8",
        ) from None


def read_document(path: str | PathLike[str]) -> tuple[Document, Origin]:
    """A file as a tree of nodes; .json is JSON, everything else YAML.

    Raises:
        DefinitionError: It is no readable text. Wrong syntax is a problem of the document.
    """
    file = fspath(path)
    text = read_text(path)
    is_yaml = not file.lower().endswith(".json")
    content = text.removeprefix("\ufeff")
    document = read_yaml(content, file) if is_yaml else read_json(content, file)
    return document, Origin(text, file, is_yaml)
