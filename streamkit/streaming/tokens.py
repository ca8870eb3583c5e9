"""Secrets that are named and not written down."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from streamkit.errors import EventsError

__all__ = ["Token", "read_secret"]


def read_secret(reference: str) -> str:
    """What a reference stands for; text that is no reference stands for itself.

    Args:
        reference: `env:NAME`, `file:path`, or the secret itself.

    Raises:
        EventsError: There is no such variable, or the file cannot be read.

    Example:
        >>> read_secret("a-long-random-text")
        'a-long-random-text'
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            raise EventsError(
                f"the environment variable {name!r} is not set",
                code="no-secret",
                hint="set it to the secret, or use file:<path>",
            )
        return value.strip()
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or "it is not text"
            raise EventsError(
                f"the file {name!r} of a secret cannot be read: {problem}",
                code="no-secret",
                hint="name a file that holds the secret alone",
            ) from None
    return reference


class Token:
    """A secret text that shows in no log, repr or exception.

    Args:
        reference: `env:NAME`, `file:path`, or the token itself.

    Raises:
        EventsError: The variable or file is not there, or the token is empty or no visible ASCII.

    Example:
        >>> token = Token("a-long-random-text")
        >>> token, token.opens("Bearer a-long-random-text"), token.opens("Bearer guess")
        (Token(***), True, False)
    """

    __slots__ = ("_header",)

    def __init__(self, reference: str) -> None:
        text = read_secret(reference)
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
