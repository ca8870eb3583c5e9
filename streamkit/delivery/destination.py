"""A destination as a value: where a stream's matches go, with everything filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from streamkit.definition.destination_reading import RETRY_PROFILES
from streamkit.delivery.connections import Connection, Connections, no_connection
from streamkit.duration import Duration
from streamkit.errors import DeliveryError, Problem
from streamkit.references import is_reference

if TYPE_CHECKING:
    from streamkit.definition import Stream

__all__ = ["Destination"]

DEFAULT_RATE = 10.0
DEFAULT_MAX_AGE = Duration.parse("72h")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a stream's matches go.

    Args:
        method: POST, PUT or PATCH.
        url: The address, or the reference of a secret that holds it.
        connection: How the endpoint knows who sends.
        headers: Names and values, or references; the connection's included.
        delays: Seconds before each further try, before they are varied by a tenth.
        rate: Requests a second, at most.
        max_age: After this long a match is not sent any more.
        allow_http: Whether the address may be http and not loopback.
        allow_private: Whether the address may be inside a private network.

    Example:
        >>> from streamkit.definition import Stream
        >>> stream = Stream("x", [{"event": "a"}], destination={"url": "env:HOOK", "retry": "none"})
        >>> destination = Destination.of(stream)
        >>> destination.method, destination.url, destination.delays
        ('POST', 'env:HOOK', ())
    """

    method: str
    url: str
    connection: Connection
    headers: tuple[tuple[str, str], ...] = ()
    delays: tuple[float, ...] = RETRY_PROFILES["standard"]
    rate: float = DEFAULT_RATE
    max_age: Duration = DEFAULT_MAX_AGE
    allow_http: bool = False
    allow_private: bool = False

    @classmethod
    def of(cls, stream: Stream, connections: Connections | None = None) -> Self:
        """The destination of a stream.

        Args:
            stream: A stream with a destination, whose form was checked when it was read.
            connections: What its `connection` may name.

        Raises:
            DeliveryError: There is no destination, no such connection, or a header of the stream
                would take the place of one that the connection sets; all problems.
        """
        file = stream.origin.file if stream.origin else None
        data = stream.destination
        if data is None:
            raise DeliveryError(
                f"the stream '{stream.name}' has no destination",
                code="no-destination",
                file=file,
                hint="write destination: {url: …}",
            )
        connection = no_connection()
        name = data.get("connection")
        if name is not None:
            connection = (connections or Connections()).entry(name, "destination.connection", file)
        headers, problems = _merged(data.get("headers") or {}, connection, file)
        if problems:
            raise DeliveryError(problems)
        rate, max_age = data.get("rate"), data.get("max_age")
        return cls(
            method=data.get("method") or "POST",
            url=data["url"],
            connection=connection,
            headers=headers,
            delays=_delays(data.get("retry")),
            rate=DEFAULT_RATE if rate is None else float(rate),
            max_age=DEFAULT_MAX_AGE if max_age is None else Duration.parse(max_age),
            allow_http=bool(data.get("allow_http")),
            allow_private=bool(data.get("allow_private")),
        )

    @property
    def shown_host(self) -> str:
        """The host as messages may show it: behind a reference it stays hidden."""
        if is_reference(self.url):
            return f"the address in {self.url}"
        return urlsplit(self.url).hostname or "the address"

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change when anything about the destination does.

        Secrets count by their references, not by what is behind them.
        """
        whole = [*(getattr(self, name) for name in self.__slots__ if name != "connection")]
        data = json.dumps([*map(str, whole), self.connection.to_dict()], sort_keys=True)
        return hashlib.sha256(data.encode()).hexdigest()[:12]


def _merged(
    own: Mapping[str, str], connection: Connection, file: str | None
) -> tuple[tuple[tuple[str, str], ...], list[Problem]]:
    """The headers of stream and connection, and where the stream's would override."""
    taken = {name.lower() for name in connection.sets}
    problems = [
        Problem(
            "header-form",
            f"the header '{name}' is set by the connection",
            "destination.headers",
            file,
            hint="leave it out, or send without the connection",
        )
        for name in own
        if name.lower() in taken
    ]
    shared = {name.lower() for name in own}
    inherited = [(name, value) for name, value in connection.headers if name.lower() not in shared]
    return (*inherited, *own.items()), problems


def _delays(retry: Any) -> tuple[float, ...]:
    if retry is None:
        return RETRY_PROFILES["standard"]
    if isinstance(retry, str):
        return RETRY_PROFILES[retry]
    return tuple(
        Duration.parse(each).microseconds / 1e6 if isinstance(each, str) else float(each)
        for each in retry
    )
