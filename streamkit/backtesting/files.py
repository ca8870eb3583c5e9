"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamkit.errors import EventsError

__all__ = ["write_atomically"]


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside the target, then move it into place.

    Raises:
        EventsError: The folder is not there or may not be written to.
    """
    target = Path(path).resolve()
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=".part"
        )
    except OSError as error:
        raise EventsError(
            f"{str(path)!r} cannot be written: {error.strerror}", code="not-writable"
        ) from error
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o666 & ~_umask())
        part.replace(target)
    except OSError as error:
        raise EventsError(
            f"{str(path)!r} cannot be written: {error.strerror or error}", code="not-writable"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
