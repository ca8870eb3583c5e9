"""The token that lets a client post events."""

from __future__ import annotations

import hmac

from streamkit.errors import EventsError
from streamkit.references import is_reference, resolve

__all__ = ["Token"]


class Token:
    """A secret text that shows in no log, repr or exception.

    Args:
        reference: `env:NAME`, `keyring:service/name`, `file:path`, or the token itself.

    Raises:
        DeliveryError: Nothing is behind the reference.
        EventsError: The token is empty or no visible ASCII.

    Example:
        >>> token = Token("a-long-random-text")
        >>> token, token.opens("Bearer a-long-random-text"), token.opens("Bearer guess")
        (Token(***), True, False)
    """

    __slots__ = ("_header",)

    def __init__(self, reference: str) -> None:
        text = resolve(reference) if is_reference(reference) else reference
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise EventsError(
                "the token is empty, or has characters that no HTTP header can carry",
                code="bad-token",
                hint="make one with: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        self._header = f"Bearer {text}".encode()

    def __repr__(self) -> str:
        return "Token(***)"

    def opens(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries the token, in time that tells nothing."""
        scheme, _, credentials = authorization.partition(" ")
        header = f"{scheme.title()} {credentials.strip()}".encode(errors="replace")
        return hmac.compare_digest(header, self._header)
