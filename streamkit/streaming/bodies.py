"""From the body of a request to events, within limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamkit.matching.row_documents import INVALID, parse_document

__all__ = ["HttpLimits", "RefusedError", "read_events", "says_lines"]

LINES = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl"}
LINES |= {"application/jsonlines", "application/x-jsonlines"}
"""NDJSON never got a registered name; these are in use."""
STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""JSON text in quotes; to the end where the quotes are not closed, so that it takes linear time."""
BRACKET = re.compile(r"[\[\]{}]")
BLANK = " \t\r\n"


class RefusedError(Exception):
    """A request is not taken.

    Args:
        status: The HTTP status that says so.
        reason: What is wrong and what to do, as a sentence without a full stop.
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How much may be sent, so that memory stays bounded whatever comes.

    Args:
        body_bytes: Bytes of a body.
        events: Events of a request.
        depth: How deep a document may nest.
        seconds: How long a request may take to arrive, and then to be committed.
        queue_events: Events that may wait to be committed, over all requests.
        queue_bytes: Bytes of bodies that may be in the process, over all requests.
        connections: Connections at a time.

    Raises:
        ValueError: A limit is not positive, or the queue could never take a whole request.

    Example:
        >>> HttpLimits(events=100, queue_events=1000).body_bytes
        1048576
    """

    body_bytes: int = 1024 * 1024
    events: int = 10_000
    depth: int = 64
    seconds: float = 10.0
    queue_events: int = 50_000
    queue_bytes: int = 32 * 1024 * 1024
    connections: int = 1_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is positive, not {getattr(self, name)}")
        if self.queue_events < self.events or self.queue_bytes < self.body_bytes:
            raise ValueError("the queue holds at least one request: raise its limits")


def read_events(body: bytes, limits: HttpLimits, *, is_lines: bool = False) -> list[Any]:
    """The events of a request: a JSON object, a JSON array of them, or one a line.

    What the body's items are is left to the matcher, which counts those that are no objects.

    Args:
        body: The whole body.
        limits: How many events, and how deep they nest.
        is_lines: The sender says that it is NDJSON; JSON may be, too.

    Raises:
        RefusedError: 400 for what is not JSON or nests too deep, 413 for too many events. Then
            none of the events is taken.

    Example:
        >>> read_events(b'[{"event": "A"}, {"event": "B"}]', HttpLimits())
        [{'event': 'A'}, {'event': 'B'}]
    """
    try:
        text = body.decode("utf-8-sig").strip(BLANK)
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"the body is not UTF-8 at byte {error.start}") from None
    if not text:
        raise RefusedError(400, "the body is empty: send a JSON object, an array or NDJSON")
    if text[0] == "[":
        events = list(_document(text, limits, depth=limits.depth + 1))
    elif text[0] != "{":
        raise RefusedError(400, "an event is a JSON object, and the body begins with no { or [")
    elif is_lines or _has_several_lines(text):
        events = list(_lines(text, limits))
    else:
        events = [_document(text, limits)]
    if len(events) > limits.events:
        raise RefusedError(413, f"{len(events):,} events in one request: {limits.events:,} at most")
    return events


def says_lines(content_type: str) -> bool:
    """Whether a content type says NDJSON and not JSON.

    Raises:
        RefusedError: 415 where it says anything else.
    """
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((each[8:].strip('"') for each in parameters if each.startswith("charset=")), "")
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise RefusedError(415, "the charset of JSON is UTF-8")
    if kind in LINES:
        return True
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return False
    raise RefusedError(415, "send Content-Type: application/json or application/x-ndjson")


def _has_several_lines(text: str) -> bool:
    """Whether the first line is a whole object and not the beginning of one."""
    first, separator, _ = text.partition("\n")
    return bool(separator) and first.rstrip(BLANK).endswith("}") and _is_json(first)


def _is_json(text: str) -> bool:
    return parse_document(text) is not INVALID


def _lines(text: str, limits: HttpLimits) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip(BLANK):
            yield _document(line, limits, line=number)


def _document(
    text: str, limits: HttpLimits, *, depth: int | None = None, line: int | None = None
) -> Any:
    """The value of a JSON document; as deep as the limits say unless told otherwise."""
    if _is_deeper(text, depth or limits.depth):
        where = "" if line is None else f"line {line}: "
        raise RefusedError(400, f"{where}an event nests deeper than {limits.depth}")
    found = parse_document(text)
    if found is INVALID:
        raise RefusedError(400, _what_is_wrong(text, line))
    return found


def _is_deeper(text: str, limit: int) -> bool:
    """Whether a document nests deeper; seen before it is parsed, which is slow for deep ones."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limit:
            return True
    return False


def _what_is_wrong(text: str, line: int | None) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno} column {error.colno}"
        return f"the body is not JSON at {place}: {error.msg}"
    except ValueError:
        pass
    where = "the body" if line is None else f"line {line} of the body"
    return f"{where} is not JSON: NaN, Infinity and half characters are not allowed"
