"""The secrets of a process that sends, and hiding them in everything that is shown.

A secret's value lives only in the memory of the process that sends, in a `Secrets`: it is looked
up when a request is made, kept for a minute, and known to the `Masker`, through which every text
goes that leaves the wire.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote, quote_plus

from streamkit.references import is_reference, resolve

__all__ = ["MASK", "Clock", "Masker", "Secrets", "utc_now"]

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present as an aware datetime; tests pass their own."""

MASK = "***"
KEPT = timedelta(minutes=1)
"""A rotated secret is noticed within this time, and a keyring is not asked for every request."""
MOST_SECRETS = 200
"""More are not hidden at once: a process that runs for months sees thousands of tokens end."""


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


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
