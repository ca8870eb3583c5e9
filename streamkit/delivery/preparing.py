"""A request made ready: secrets filled in, signed, checked, and not yet sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.metadata import version
from urllib.parse import parse_qsl, urlsplit

from streamkit.definition.urls import url_problem
from streamkit.delivery.destination import Destination
from streamkit.delivery.secrets import Secrets
from streamkit.delivery.signing import signed_headers, signed_url
from streamkit.errors import DeliveryError
from streamkit.payload.body import Body
from streamkit.references import is_reference

__all__ = ["LARGEST_BODY", "Prepared", "TooLargeError", "checked_headers", "prepare", "user_agent"]

LARGEST_BODY = 256 * 1024
"""Bytes of a body, secrets filled in."""
LONG_ENOUGH = 8
"""Parts of a secret address that are shorter than this are not worth hiding by themselves."""


class TooLargeError(Exception):
    """A body has more bytes than are sent."""


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A request as it goes out. It holds secrets, so it shows nothing of itself.

    Args:
        method: POST, PUT or PATCH.
        url: The whole address.
        headers: Names and values in order; Host and Content-Length are added when it is sent.
        content: The bytes of the body.
        host: The host as messages may show it.
        allow_private: Whether the address may be inside a private network.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    content: bytes
    host: str
    allow_private: bool = False

    def with_header(self, name: str, value: str) -> Prepared:
        """The same request with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))

    def __repr__(self) -> str:
        return f"Prepared({self.method}, {len(self.content)} bytes)"


def prepare(
    destination: Destination, match_id: str, body: Body, secrets: Secrets, now: datetime
) -> Prepared:
    """The request for a match; the token of an `oauth2` connection is still missing.

    Args:
        destination: Where it goes.
        match_id: The id of the match.
        body: Its frozen body.
        secrets: What is behind the references.
        now: The time of this attempt.

    Raises:
        DeliveryError: A secret is not there or cannot be used, or the address may not be used.
        TooLargeError: The body is too large.
    """
    content = body.fill(secrets.resolve)
    if len(content) > LARGEST_BODY:
        raise TooLargeError
    connection = destination.connection
    url = _address(destination.url, secrets, allow_http=destination.allow_http)
    own = [(name, secrets.value(value)) for name, value in destination.headers]
    headers = [
        *_defaults(own),
        ("Idempotency-Key", match_id),
        *own,
        *signed_headers(connection, content, match_id, now, secrets),
    ]
    return Prepared(
        destination.method,
        signed_url(url, connection, secrets),
        checked_headers(headers),
        content,
        destination.shown_host,
        destination.allow_private,
    )


def _address(url: str, secrets: Secrets, *, allow_http: bool) -> str:
    """The address itself, checked once more: behind a reference anything may stand.

    Raises:
        DeliveryError: It may not be used.
    """
    address = secrets.value(url)
    problem = url_problem(address, allow_http=allow_http)
    if problem is not None:
        behind = f"behind {url}: " if is_reference(url) else ""
        raise DeliveryError(behind + problem.message, code="url-form", hint=problem.hint)
    if is_reference(url):
        for part in _secret_parts(address):
            secrets.masker.add(part)
    return address


def _secret_parts(address: str) -> list[str]:
    """What a server that repeats a secret address may show of it."""
    parts = urlsplit(address)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    values = [value for _, value in parse_qsl(parts.query)]
    found = [target, parts.path, parts.query, *parts.path.split("/"), *values]
    return [part for part in found if len(part) >= LONG_ENOUGH]


@cache
def user_agent() -> str:
    """How the sender names itself: streamkit and its version."""
    return f"streamkit/{version('streamkit')}"


def _defaults(own: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that are sent unless the destination or the connection has them."""
    taken = {name.lower() for name, _ in own}
    defaults = (
        ("Content-Type", "application/json"),
        ("User-Agent", user_agent()),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    )
    return [(name, value) for name, value in defaults if name.lower() not in taken]


def checked_headers(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers, none of which breaks the request.

    Raises:
        DeliveryError: A value, as it came from its secret, is not one line of ASCII.
    """
    for name, value in headers:
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise DeliveryError(
                f"the value for the header '{name}' is not one line of ASCII without spaces around",
                code="bad-secret",
                hint="look at the secret for a line break or a sign that was copied along",
            )
    return tuple(headers)
