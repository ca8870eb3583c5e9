"""What a request has heard of its answer, and whose requests the HTTP client may log."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar

__all__ = ["HEARD", "Heard", "quieten_client_logs"]

LONGEST_HEAD = 64 * 1024
STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: [^\r\n]*)?\r?\n")


class Heard:
    """The first bytes of an answer, as they came.

    A server that breaks off inside its headers has still said in its status line whether it took
    the match; the HTTP client would not tell.
    """

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = b""

    def take(self, data: bytes) -> None:
        """Remember what was read."""
        if len(self.data) < LONGEST_HEAD:
            self.data += data

    @property
    def status(self) -> int | None:
        """The status of the last whole status line; interim answers (1xx) are passed over."""
        data = self.data
        while True:
            found = STATUS_LINE.match(data)
            if found is None:
                return None
            status = int(found[1])
            if not 100 <= status < 200:
                return status
            _, _, data = data.partition(b"\r\n\r\n")


HEARD: ContextVar[Heard | None] = ContextVar("HEARD", default=None)
"""What the request of the running task has heard; set only while one of ours is under way."""


def _is_not_ours(_: logging.LogRecord) -> bool:
    """Whether a record of the client's is about somebody else's request."""
    return HEARD.get() is None


def quieten_client_logs() -> None:
    """Keep requests of ours out of the HTTP client's logs, where URLs and headers would stand.

    Requests that other code in the process makes are logged as before.
    """
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_is_not_ours)
