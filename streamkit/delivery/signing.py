"""How a request says who sends it: the headers and parameters of each type of connection.

The signature of `hmac` is the lower-case hexadecimal HMAC-SHA256 of the exact bytes of the body.
While a secret is being changed (`previous_secret`) one header cannot satisfy both a receiver that
knows the new secret and one that knows the old one, so there are two: the header itself is signed
with the new secret, and a second one, named `<header>-Previous`, with the old one. A receiver
accepts the request if either fits. Standard Webhooks (standardwebhooks.com) has a list for this:
its one header holds both signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, quote_plus

from streamkit.delivery.connections import Connection
from streamkit.delivery.secrets import Secrets
from streamkit.errors import DeliveryError

__all__ = ["basic_credentials", "hex_signature", "signed_headers", "signed_url", "webhook_headers"]

PREFIX = "whsec_"


def signed_url(url: str, connection: Connection, secrets: Secrets) -> str:
    """The address with the key of an `api_key` connection that goes into the query."""
    if connection.type != "api_key" or connection.get("in", "header") != "query":
        return url
    value = secrets.value(connection.get("value"))
    name = secrets.value(connection.get("name"))
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}{quote(name, safe='')}={quote(value, safe='')}"


def signed_headers(
    connection: Connection, content: bytes, match_id: str, now: datetime, secrets: Secrets
) -> list[tuple[str, str]]:
    """The headers by which a connection says who sends; without the token of `oauth2`.

    Args:
        connection: The connection.
        content: The exact bytes of the body.
        match_id: The id of the match.
        now: The time of this attempt.
        secrets: What is behind the references.

    Raises:
        DeliveryError: A secret is not there, or has not the form that is needed.
    """
    if connection.type == "bearer":
        return [("Authorization", f"Bearer {secrets.value(connection.get('token'))}")]
    if connection.type == "basic":
        user = secrets.value(connection.get("username"))
        if ":" in user:
            raise DeliveryError("a user name holds no colon", code="bad-secret")
        password = secrets.value(connection.get("password"))
        return [("Authorization", basic_credentials(user, password, secrets))]
    if connection.type == "api_key" and connection.get("in", "header") == "header":
        return [(connection.get("name"), secrets.value(connection.get("value")))]
    if connection.type == "hmac":
        return _hmac_headers(connection, content, match_id, now, secrets)
    return []


def basic_credentials(user: str, password: str, secrets: Secrets, *, form: bool = False) -> str:
    """The value of an Authorization header of type Basic.

    Args:
        user: The user's name or the client's id.
        password: The password.
        secrets: Learns the encoded pair, so that it is hidden as well.
        form: Encode both as in a form first, as RFC 6749 (2.3.1) asks of OAuth clients.
    """
    if form:
        user, password = quote_plus(user), quote_plus(password)
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    secrets.masker.add(encoded)
    return f"Basic {encoded}"


def _hmac_headers(
    connection: Connection, content: bytes, match_id: str, now: datetime, secrets: Secrets
) -> list[tuple[str, str]]:
    references = [connection.get("secret"), connection.get("previous_secret")]
    keys = [secrets.value(reference) for reference in references if reference is not None]
    headers = []
    name = connection.get("header")
    if name is not None:
        names = (name, f"{name}-Previous")
        headers += [
            (each, hex_signature(key, content)) for each, key in zip(names, keys, strict=False)
        ]
    if connection.get("standard_webhooks"):
        headers += webhook_headers(keys, content, match_id, now)
    return headers


def hex_signature(key: str, content: bytes) -> str:
    """Lower-case hexadecimal HMAC-SHA256.

    Example:
        >>> hex_signature("key", b"body")[:16]
        '515aae133b435d40'
    """
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


def webhook_headers(
    keys: Sequence[str], content: bytes, match_id: str, now: datetime
) -> list[tuple[str, str]]:
    """The three headers of Standard Webhooks.

    Args:
        keys: Secrets as base64 text, with or without `whsec_` before it; the newest first.
        content: The exact bytes of the body.
        match_id: The id of the match.
        now: The time of this attempt.

    Raises:
        DeliveryError: A secret is not base64.
    """
    stamp = str(int(now.timestamp()))
    message = b".".join([match_id.encode(), stamp.encode(), content])
    signatures = []
    for key in keys:
        digest = hmac.new(_webhook_key(key), message, hashlib.sha256).digest()
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return [
        ("webhook-id", match_id),
        ("webhook-timestamp", stamp),
        ("webhook-signature", " ".join(signatures)),
    ]


def _webhook_key(secret: str) -> bytes:
    text = secret.removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise DeliveryError(
            "the secret of standard_webhooks is no base64 text",
            code="bad-secret",
            hint="keep it as the endpoint shows it, such as whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
    return key
