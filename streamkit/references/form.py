"""References to secrets: the name of a secret where its value must not be written.

`env:NAME` is an environment variable, `keyring:service/name` an entry of the system's keyring,
`file:path` the text of a file. A reference is a whole value, never a part of one. What is behind
it is looked up when something is sent (`resolve`), never before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = [
    "REFERENCE_HINT",
    "hides_reference",
    "is_reference",
    "names_secret",
    "reference_problem",
    "secrets_in",
    "url_shows_secret",
]

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|keyring:[^/].*/.*[^/]|file:.*[^/]")
START = re.compile(r"(env|keyring|file):", re.IGNORECASE)
INSIDE = re.compile(r"\$\{|(?<=\s)(env|keyring|file):\S|\{\{")
REFERENCE_HINT = "write env:NAME, keyring:service/name or file:path, and keep the value there"

SECRET_NAMES = (
    "authorization",
    "apikey",
    "accesskey",
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "credentials",
    "cookie",
)
"""How names end that hold a secret, without dashes and the like."""
SECRET_PARAMETERS = frozenset(["key", "sig", "signature", "pwd", "auth"])
SECRET_ADDRESSES = (
    ("hooks.slack.com", "/services/"),
    ("hooks.slack.com", "/triggers/"),
    ("hooks.slack.com", "/workflows/"),
    ("webhook.office.com", "/webhookb2/"),
    ("outlook.office.com", "/webhook/"),
    ("discord.com", "/api/webhooks/"),
    ("discordapp.com", "/api/webhooks/"),
    ("hooks.zapier.com", "/hooks/"),
)
"""Addresses that let anybody post who knows them."""


def is_reference(text: str) -> bool:
    """Whether a value is the reference of a secret.

    Example:
        >>> [is_reference(text) for text in ("env:TOKEN", "Bearer env:TOKEN", "https://x.example")]
        [True, False, False]
    """
    return START.match(text) is not None


def reference_problem(text: str) -> str | None:
    """What is wrong with the form of a reference; None if nothing is.

    Example:
        >>> reference_problem("env:CRM-TOKEN")
        'env: is followed by the name of a variable: letters, digits and _'
    """
    if REFERENCE.fullmatch(text) and text.isprintable():
        return None
    kind = text.partition(":")[0]
    if kind == "env":
        return "env: is followed by the name of a variable: letters, digits and _"
    if kind == "keyring":
        return "keyring: is followed by service/name"
    if kind == "file":
        return "file: is followed by the path of a file"
    return "a reference starts with env:, keyring: or file:, in small letters"


def hides_reference(text: str) -> bool:
    """Whether a value holds something like a reference that would be sent as it is written.

    Example:
        >>> [hides_reference(text) for text in ("Bearer env:TOKEN", "${TOKEN}", "a: b")]
        [True, True, False]
    """
    return INSIDE.search(text) is not None


def names_secret(name: str) -> bool:
    """Whether a header or parameter of that name is there to hold a secret.

    Example:
        >>> [names_secret(name) for name in ("X-Api-Key", "Authorization", "X-Token-Type")]
        [True, True, False]
    """
    return re.sub(r"[^a-z0-9]", "", name.lower()).endswith(SECRET_NAMES)


def url_shows_secret(url: str) -> bool:
    """Whether an address holds a secret for all to read.

    Example:
        >>> url_shows_secret("https://hooks.slack.com/services/T0/B0/xyz")
        True
        >>> url_shows_secret("https://api.example.com/v1/hook?source=streamkit")
        False
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    for known, path in SECRET_ADDRESSES:
        if (host == known or host.endswith("." + known)) and parts.path.startswith(path):
            return True
    return any(
        names_secret(name) or name.lower() in SECRET_PARAMETERS
        for name, _ in parse_qsl(parts.query)
    )


def secrets_in(mapping: Any) -> Iterator[str]:
    """The references that a payload's mapping fills in when it is sent.

    Example:
        >>> list(secrets_in({"key": ["secret", "env:KEY"], "text": ["literal", ["secret", "x"]]}))
        ['env:KEY']
    """
    if isinstance(mapping, dict):
        for value in mapping.values():
            yield from secrets_in(value)
    elif isinstance(mapping, list) and mapping[:1] == ["secret"]:
        yield from (each for each in mapping[1:2] if isinstance(each, str))
    elif isinstance(mapping, list) and mapping[:1] != ["literal"]:
        for item in mapping:
            yield from secrets_in(item)
