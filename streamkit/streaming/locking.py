"""One process at a time: a lock that the operating system lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from streamkit.errors import EventsError

__all__ = ["FileLock"]

OWNER_ONLY = 0o600


class FileLock:
    """A lock on a file, held in a file beside it.

    Args:
        path: The file. The lock's file stays, because to remove it would be to race for it.

    Raises:
        EventsError: Somebody holds it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     FileLock(Path(folder) / "state.db").release()
    """

    def __init__(self, path: Path) -> None:
        place = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(place, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        except OSError as error:
            raise EventsError(
                f"{str(path)!r} cannot be used as a state file: {error.strerror}",
                code="bad-state",
                hint="give the path of a file in a folder that can be written",
            ) from None
        try:
            _lock(self._descriptor)
        except OSError:
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise EventsError(
                f"{str(path)!r} is in use" + (f" by process {holder}" if holder else ""),
                code="state-in-use",
                hint="a state file belongs to one live run at a time: stop that one first,"
                " or give this one a file of its own",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go; twice is no error."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1


def _lock(descriptor: int) -> None:
    """Lock a file, or fail at once."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
