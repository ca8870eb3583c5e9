"""What is behind a reference, and hiding it in everything that is shown.

A secret's value lives only in the memory of the process that sends, in a `Secrets`: it is looked
up when a request is made, kept for a minute, and known to the `Masker`, through which every text
goes that leaves the wire.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote, quote_plus

from streamkit.definition.references import REFERENCE_HINT, is_reference, reference_problem
from streamkit.document.nodes import is_valid_text
from streamkit.errors import DeliveryError

__all__ = ["MASK", "Clock", "Masker", "Secrets", "is_reference", "resolve", "utc_now"]

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present as an aware datetime; tests pass their own."""

MASK = "***"
KEPT = timedelta(minutes=1)
"""A rotated secret is noticed within this time, and a keyring is not asked for every request."""
LARGEST = 64 * 1024
"""Bytes of a secret's file."""
MOST_SECRETS = 200
"""More are not hidden at once: a process that runs for months sees thousands of tokens end."""


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def resolve(reference: str) -> str:
    """The text behind a reference; line ends at its end are not part of it.

    Args:
        reference: `env:NAME`, `keyring:service/name` or `file:path` (`~` is the home folder).

    Raises:
        DeliveryError: Nothing is behind it, or it cannot be read; never says what is.

    Example:
        >>> resolve("env:NO_SUCH_VARIABLE")
        Traceback (most recent call last):
        streamkit.errors.DeliveryError: the environment variable NO_SUCH_VARIABLE is not set...
    """
    problem = (
        "this is no reference" if not is_reference(reference) else reference_problem(reference)
    )
    if problem is not None:
        raise DeliveryError(problem, code="reference-form", hint=REFERENCE_HINT)
    kind, _, name = reference.partition(":")
    value = READERS[kind](name).rstrip("\r\n")
    if not value:
        raise _unresolved(f"{reference} is empty", "put the secret there")
    if not is_valid_text(value):
        raise _unresolved(f"{reference} is not UTF-8 text")
    return value


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        message = f"the environment variable {name} is not set"
        raise _unresolved(message, f"export {name}=… before the command")
    return value


def _from_file(name: str) -> str:
    try:
        with Path(name).expanduser().open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise _unresolved(f"file:{name} cannot be read: {reason}") from None
    if len(data) > LARGEST:
        raise _unresolved(f"file:{name} is larger than {LARGEST // 1024} KiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _unresolved(f"file:{name} is not UTF-8 text") from None


def _from_keyring(name: str) -> str:
    service, _, user = name.rpartition("/")
    try:
        import keyring  # an extra, and slow to import
    except ImportError:
        message = "keyring: needs the package keyring"
        raise _unresolved(message, "pip install 'streamkit[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except Exception:  # noqa: BLE001 # every system's keyring fails in its own way
        raise _unresolved(f"keyring:{name}: the keyring of this system gives no answer") from None
    if value is None:
        hint = f"run: keyring set {service} {user}"
        raise _unresolved(f"keyring:{name}: no such entry", hint)
    return value


def _unresolved(message: str, hint: str | None = None) -> DeliveryError:
    return DeliveryError(message, code="unresolved-secret", hint=hint)


READERS: dict[str, Callable[[str], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}


class Masker:
    """Hides secrets in texts: as they are, and as URLs, base64, JSON, HTML and Python write them.

    Example:
        >>> masker = Masker()
        >>> masker.add("s3cr et")
        >>> masker.mask("token=s3cr+et or czNjciBldA==, not secret")
        'token=*** or ***, not secret'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: dict[str, frozenset[str]] = {}
        self._hiding: _Hiding | None = None
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide a text from now on; of very many the oldest, such as old tokens, are let go."""
        if not secret or secret in self._forms:
            return
        with self._lock:
            self._forms[secret] = _forms(secret)
            if len(self._forms) > MOST_SECRETS:
                del self._forms[next(iter(self._forms))]
            self._hiding = None

    def mask(self, text: str) -> str:
        """The text with `***` in place of every secret."""
        hiding = self._hiding
        if hiding is None:
            with self._lock:
                hiding = _Hiding(form for forms in self._forms.values() for form in forms)
                self._hiding = hiding
        return hiding.mask(text)

    def __repr__(self) -> str:
        return "Masker()"


class _Hiding:
    """A pattern for many texts; most of what it is asked about holds none of them."""

    def __init__(self, forms: Iterable[str]) -> None:
        longest_first = sorted(set(forms), key=lambda form: (-len(form), form))
        self._folded = {form.lower() for form in longest_first}
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)", re.I)

    def mask(self, text: str) -> str:
        folded = text.lower()
        if not any(form in folded for form in self._folded):
            return text
        return self._pattern.sub(MASK, text)


def _forms(secret: str) -> frozenset[str]:
    """The ways in which others may write a text back to us."""
    data = secret.encode("utf-8", "surrogatepass")
    forms = {
        secret,
        quote(data, safe=""),
        quote(data),
        quote_plus(data),
        html.escape(secret),
        html.escape(secret, quote=False),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(data)[2:-1],
        data.decode("latin-1"),
        data.hex(),
    }
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        forms |= {whole, whole.rstrip("=")}
    return frozenset(form for form in forms if form)


class Secrets:
    """The values behind references, kept for a minute, and the masker that hides them.

    Args:
        clock: Gives the present.
        reader: Gives the text behind a reference.

    Example:
        >>> secrets = Secrets(reader={"env:TOKEN": "s3cret"}.__getitem__)
        >>> secrets.resolve("env:TOKEN"), secrets.masker.mask("Bearer s3cret")
        ('s3cret', 'Bearer ***')
    """

    def __init__(self, clock: Clock = utc_now, reader: Callable[[str], str] = resolve) -> None:
        self.masker = Masker()
        self._clock = clock
        self._reader = reader
        self._kept: dict[str, tuple[datetime, str]] = {}

    def resolve(self, reference: str) -> str:
        """The text behind a reference.

        Raises:
            DeliveryError: Nothing is behind it.
        """
        now = self._clock()
        kept = self._kept.get(reference)
        if kept is not None and timedelta(0) <= now - kept[0] < KEPT:
            return kept[1]
        value = self._reader(reference)
        self.masker.add(value)
        self._kept[reference] = (now, value)
        return value

    def value(self, text: str) -> str:
        """What a setting stands for: itself, or the text behind it if it is a reference."""
        return self.resolve(text) if is_reference(text) else text

    def mask(self, text: str) -> str:
        """A text with every secret that was resolved hidden."""
        return self.masker.mask(text)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._kept))})"
