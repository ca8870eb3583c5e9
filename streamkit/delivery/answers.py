"""What came of an attempt: delivered, to be tried again, held for a person, or dead.

The rules are the contract's (section 7): a time-out, a failed connection or name, 408, 425, 429,
5xx, 302, 303 and 307 are tried again; 401, 403, 404, 407, 410 and a bad certificate park the
destination; anything else that is not 2xx is dead at once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal, TypeAlias

__all__ = ["Answer", "Outcome", "outcome_of", "retry_after_seconds", "status_reason"]

Outcome: TypeAlias = Literal["delivered", "retry", "parked", "dead"]

RETRIED = frozenset([302, 303, 307, 408, 425, 429])
PARKED = frozenset([401, 403, 404, 407, 410])
LONGEST_HOLD = 3600.0
"""Seconds: a Retry-After beyond an hour counts as an hour."""
SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)

SENTENCES = {
    301: "the address has moved for good; write the new one into the destination",
    308: "the address has moved for good; write the new one into the destination",
    400: "the endpoint does not understand the body; compare it with what its documentation asks for",
    401: "the endpoint does not accept the credentials; check the connection and its secrets",
    403: "the credentials are known but may not do this; ask for the permission",
    404: "nothing is at this address; check the path of the URL",
    405: "the endpoint does not take this method; check `method`",
    407: "a proxy on the way asks for credentials",
    408: "the endpoint gave up waiting for the request",
    409: "the endpoint says that this contradicts what it has",
    410: "the endpoint is gone for good; a person has to say where to send now",
    411: "the endpoint cannot take this form of request",
    413: "the body is too large for the endpoint; send fewer fields",
    415: "the endpoint does not take this type of body; check the Content-Type header",
    421: "the request went to a server that does not answer for this host",
    422: "the body is readable but not what the endpoint wants; check names and types of its fields",
    425: "the endpoint asks to come back later",
    429: "too many requests; the endpoint asks to slow down, `rate` can be set lower",
    431: "the headers are too large for the endpoint",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt to deliver.

    Args:
        outcome: `delivered`, `retry` (later), `parked` (the destination waits for a person or a
            probe) or `dead` (this match will never be taken).
        status: The status of the answer; None where none came.
        reason: Why, in a sentence; holds no secret.
        retry_after: Seconds for which the endpoint asks to be left alone, at most an hour.
        seconds: How long the attempt took.
        text: The start of the answer's text, at most 2 KiB, secrets masked.
        needs_person: Whether no probe may clear it (410: gone).

    Example:
        >>> Answer("retry", 503, "503 Service Unavailable: the endpoint has trouble").outcome
        'retry'
    """

    outcome: Outcome
    status: int | None = None
    reason: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    text: str = ""
    needs_person: bool = False


def outcome_of(status: int) -> Outcome:
    """What a status means for the match.

    Example:
        >>> [outcome_of(status) for status in (204, 503, 307, 308, 404, 422)]
        ['delivered', 'retry', 'retry', 'dead', 'parked', 'dead']
    """
    if 200 <= status < 300:
        return "delivered"
    if status in RETRIED or 500 <= status < 600:
        return "retry"
    return "parked" if status in PARKED else "dead"


def status_reason(status: int) -> str:
    """The status in words, and what it is likely to mean.

    Example:
        >>> status_reason(404)
        '404 Not Found: nothing is at this address; check the path of the URL'
    """
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    if 200 <= status < 300:
        return phrase
    default = ""
    if status in {302, 303, 307}:
        default = "a redirect, which is not followed; check the URL"
    elif 500 <= status < 600:
        default = "the endpoint has trouble of its own"
    sentence = SENTENCES.get(status, default)
    return f"{phrase}: {sentence}" if sentence else phrase


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """How long a Retry-After header asks to wait.

    Args:
        value: The header: seconds, or a date as HTTP writes it.
        now: The time to count a date from.

    Returns:
        Seconds from 0 to 3600; None without a header or where it is neither.

    Example:
        >>> now = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
        >>> retry_after_seconds("Sun, 01 Mar 2026 10:02:00 GMT", now)
        120.0
        >>> retry_after_seconds("86400", now)
        3600.0
    """
    if value is None:
        return None
    text = value.strip()
    if SECONDS.fullmatch(text):
        return min(float(text), LONGEST_HOLD)
    try:
        date = parsedate_to_datetime(text)
        until = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (until - now).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_HOLD) if math.isfinite(seconds) else None
