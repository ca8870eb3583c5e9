"""Writing the stream that was made to its file."""

from __future__ import annotations

from pathlib import Path

from streamkit.backtesting.files import write_atomically
from streamkit.document.files import Origin, read_text
from streamkit.document.nodes import shorten
from streamkit.errors import DefinitionError, StreamkitError
from streamkit.notebook.draft import Draft

__all__ = ["file_name", "save", "text_for", "text_in"]


def save(draft: Draft, file: str, *, known: str, overwrite: bool) -> Draft:
    """Write a draft's stream to a file; see `Builder.save`.

    Args:
        draft: The draft.
        file: The file.
        known: What the builder's file held when it was opened or saved here.
        overwrite: Write also where the file holds something else.

    Returns:
        The draft that opens the file.
    """
    text = text_for(draft, file)
    before = text_in(file)
    if before not in ("", text, known) and not overwrite:
        raise FileExistsError(f"{file} holds something else than what was opened or saved here")
    write_atomically(file, lambda part: part.write_text(text, encoding="utf-8", newline=""))
    return Draft.of_text(Origin(text, file, _is_yaml(file)), draft.named)


def text_for(draft: Draft, file: str) -> str:
    """What saving a draft writes.

    Raises:
        DefinitionError: It has problems.
    """
    if draft.stream is None:
        raise DefinitionError(draft.problems)
    return draft.stream.to_yaml() if _is_yaml(file) else draft.stream.to_json()


def text_in(file: str) -> str:
    """What a file holds now; empty where it is not there or no text."""
    try:
        return read_text(file) if Path(file).is_file() else ""
    except (StreamkitError, OSError, ValueError):
        return ""


def file_name(name: object) -> str:
    """The name of a new file, made from a stream's; empty for a stream without one.

    Example:
        >>> file_name("Checkout: rescue/2")
        'Checkout--rescue-2.yaml'
    """
    if not isinstance(name, str) or not name.strip():
        return ""
    kept = (mark if mark.isalnum() or mark in "-_" else "-" for mark in shorten(name, 60))
    return f"{''.join(kept)}.yaml"


def _is_yaml(file: str) -> bool:
    return not file.lower().endswith(".json")
