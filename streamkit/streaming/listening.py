"""`HttpSource`: events that are posted to this process."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from streamkit.errors import EventsError
from streamkit.streaming.addresses import Address
from streamkit.streaming.bodies import HttpLimits
from streamkit.streaming.source import Arrived
from streamkit.streaming.tokens import Token
from streamkit.streaming.waiting import Waiting

__all__ = ["HttpSource"]

log = logging.getLogger("streamkit.streaming")


class HttpSource:
    """Takes events by HTTP: `POST /events` with a JSON object, an array of them, or NDJSON.

    A request is answered 200 once the state that holds its events is committed, so nothing that
    was acknowledged is lost; the answer tells how many events were taken, and how many of them are
    bad and take no part (`skipped`, by reason). Anything else than 2xx means: send it again later.
    Then events may be there twice, as they may when a client goes away while it waits; with an `id`
    in the schema the second one is dropped. A position there is none: nothing can be read again.

    | answer | because |
    |---|---|
    | 400 | not JSON, nested too deep; none of the request's events is taken |
    | 401, 403 | no token or a wrong one; a web page without one |
    | 408 | the body came too slowly |
    | 413, 415 | too large or too many events; another content type, or compressed |
    | 429 | the queue is full: `Retry-After` says when to try again |
    | 503 | stopping, or not committed in time: send it again |

    Args:
        address: `HOST:PORT`; port 0 for any that is free; IPv6 in brackets.
        token: What clients send as `Authorization: Bearer`: `env:NAME`, `file:path`, or the token.
            Needed unless the address is loopback.
        limits: How much may be sent.

    Raises:
        EventsError: The address cannot be read, there is no token where one is needed, or
            Starlette and uvicorn are not installed.

    Example:
        >>> source = HttpSource("127.0.0.1:0")
        >>> source.open(None)
        >>> source.read(timeout=0)
        >>> source.close()
    """

    def __init__(
        self, address: str, *, token: str | None = None, limits: HttpLimits | None = None
    ) -> None:
        self.address = Address.parse(address)
        """Where it listens; once open, with the port that was taken."""
        self._token = None if token is None else Token(token)
        if self._token is None and not self.address.is_loopback:
            raise EventsError(
                f"whoever reaches {self.address} could send events",
                code="no-token",
                hint="give a token, such as env:EVENTS_TOKEN, or listen on 127.0.0.1",
            )
        if not (find_spec("starlette") and find_spec("uvicorn")):
            raise EventsError(
                "listening for events needs Starlette and uvicorn",
                code="missing-extra",
                hint="pip install 'streamkit[listen]'",
            )
        self._limits = limits or HttpLimits()
        self._waiting = Waiting(self._limits)
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __repr__(self) -> str:
        return f"HttpSource({str(self.address)!r})"

    @property
    def queue_length(self) -> int:
        """Events that were sent and are not committed yet."""
        return self._waiting.events

    def open(self, position: Any | None) -> None:
        """Listen. The position only numbers the requests on.

        Raises:
            EventsError: The port is taken, or the address is not this machine's.
        """
        from streamkit.streaming.web import make_application, make_server

        self._waiting.start(position if isinstance(position, int) else 0)
        sockets, self.address = self.address.listen()
        application = make_application(self._waiting, self._limits, self._token)
        self._server = make_server(application, self._limits)

        def serve() -> None:
            try:
                asyncio.run(self._server.serve(sockets=sockets))
            except BaseException as error:  # noqa: BLE001 # told to the thread that reads
                self._failure = error

        self._thread = threading.Thread(target=serve, name="streamkit-http", daemon=True)
        self._thread.start()
        log.info("listening", extra={"address": str(self.address)})

    def read(self, timeout: float) -> Arrived | None:
        """The events of the requests that wait.

        Raises:
            EventsError: The server has stopped by itself.
        """
        if self._failure is not None:
            raise EventsError(
                f"the HTTP server on {self.address} has stopped: {self._failure}",
                code="source-failed",
                hint="start again; what was acknowledged is in the state",
            )
        taken = self._waiting.take(timeout)
        if taken is None:
            return None
        events, number = taken
        return Arrived(events, position=number)

    def skipped(self, skips: Sequence[tuple[int, str]]) -> None:
        """Note for the answers which of the events read last take no part."""
        self._waiting.note_skipped(skips)

    def committed(self, position: Any) -> None:
        """Answer the requests whose events are in the state now."""
        if isinstance(position, int):
            self._waiting.settle(position)

    def close(self) -> None:
        """Stop listening. Requests that are not committed are answered with 503."""
        self._waiting.close()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._thread = None
            self._server = None
