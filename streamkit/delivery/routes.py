"""Routes: where the matches of each stream go in this run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from streamkit.delivery.destination import Destination
from streamkit.matching.identity import compact
from streamkit.references import is_reference

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.delivery.connections import Connections

__all__ = ["Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the matches of a stream go.

    Streams with the same address and the same connection share what a ledger knows of it: rate,
    holds, the breaker, parking.

    Args:
        stream: Name of the stream.
        destination: The destination.
        id: Twelve hex digits made of address and connection.
        label: What people call it: connection and address, a secret address by its reference.
    """

    stream: str
    destination: Destination
    id: str
    label: str

    @classmethod
    def of(cls, stream: Stream, connections: Connections | None = None) -> Self:
        """The route of a stream.

        Raises:
            DeliveryError: It has no destination, or one that cannot be used; all problems.
        """
        destination = Destination.of(stream, connections)
        name = (stream.destination or {}).get("connection")
        whole = compact([destination.url, destination.connection.to_dict()])
        shown = destination.url if is_reference(destination.url) else _shown(destination.url)
        return cls(
            stream.name,
            destination,
            hashlib.sha256(whole.encode()).hexdigest()[:12],
            f"{name} at {shown}" if name else shown,
        )


def _shown(url: str) -> str:
    """Host and path of an address, without what may be a key."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{host}:{parts.port}{parts.path}" if parts.port else f"{host}{parts.path}"
