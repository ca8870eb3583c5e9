"""Destinations: every problem of their form, found when the stream is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamkit.definition.urls import url_problem
from streamkit.references import (
    REFERENCE_HINT,
    hides_reference,
    is_reference,
    names_secret,
    reference_problem,
    url_shows_secret,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamkit.definition.reading_context import Reading
    from streamkit.document.nodes import Node, Place

__all__ = [
    "DESTINATION_KEYS",
    "METHODS",
    "MOST_DELAYS",
    "RETRY_PROFILES",
    "check_header_name",
    "check_reference",
    "check_url",
    "read_destination",
    "read_headers",
]

METHODS = ("POST", "PUT", "PATCH")
RETRY_PROFILES: dict[str, tuple[float, ...]] = {
    "standard": tuple(min(760.0, 5.0 * 2**n) for n in range(30)),
    "quick": (1.0, 2.0, 4.0, 8.0, 16.0),
    "none": (),
}
"""Seconds before each further try: five hours, half a minute, or never again."""
MOST_DELAYS = 30
LONGEST_DELAY = 86_400.0
MOST_REQUESTS = 1_000.0
MOST_HEADERS = 50
LONGEST_HEADER = 4_000
LONGEST_NAME = 100

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
FRAMING = frozenset(
    ["host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive",
     "te", "trailer", "upgrade", "expect", "proxy-connection", "proxy-authorization"]
)  # fmt: skip # a table reads better in rows
"""Headers that say how the request is sent; a wrong one breaks it."""


def read_destination(reading: Reading, node: Node, place: Place = ("destination",)) -> None:
    """Check a destination.

    Args:
        reading: The document; the problems are added to it.
        node: What stands under `destination`.
        place: Where that is.
    """
    entries = reading.entries(node, place, DESTINATION_KEYS, "a mapping")
    if entries is None:
        return
    given = {key: entry for key, entry in entries.items() if entry.value is not None}
    if "url" not in given:
        hint = "write url: https://…, or url: env:NAME if the address is a secret"
        reading.report("missing-key", place, "'url' is missing: where to send", hint)
    for key, entry in given.items():
        READERS[key](reading, entry, (*place, key), given)


def _read_method(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    reading.word(node, place, METHODS)


def check_url(reading: Reading, node: Node, place: Place, beside: Mapping[str, Node]) -> None:
    """An address, or the reference of a secret that holds one; the address is never shown."""
    allow = beside.get("allow_http")
    allow_http = allow is not None and allow.value is True
    url = hidden_text(reading, node, place)
    if url is None:
        return
    if is_reference(url):
        check_reference(reading, node, place)
        return
    if hides_reference(url):
        _report_inside(reading, place)
        return
    problem = url_problem(url, allow_http=allow_http)
    if problem is not None:
        reading.report("url-form", place, *problem)
    elif url_shows_secret(url):
        hint = "put the whole address into an environment variable and write url: env:NAME"
        reading.report("plain-secret", place, "the address holds a secret in plain text", hint)


def _read_connection(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    name = reading.text(node, place)
    if name is not None and (not 1 <= len(name) <= LONGEST_NAME or not name.isprintable()):
        message = f"a connection's name has 1 to {LONGEST_NAME} printable characters"
        reading.report("name-form", place, message)


def _read_headers(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    read_headers(reading, node, place)


def read_headers(reading: Reading, node: Node, place: Place) -> dict[str, str]:
    """The headers of a destination or a connection; the ones with a problem are left out."""
    if not isinstance(node.value, dict):
        hint = "write headers: {X-Source: streamkit}"
        reading.report("wrong-kind", place, f"{place[-1]!r} is a mapping", hint)
        return {}
    if len(node.value) > MOST_HEADERS:
        reading.report("header-form", place, f"more than {MOST_HEADERS} headers")
        return {}
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, entry in node.value.items():
        if not check_header_name(reading, name, place):
            continue
        if name.lower() in seen:
            message = f"the header '{name}' stands twice; capital letters make no difference"
            reading.report("header-form", place, message, "keep one of them", name)
        seen.add(name.lower())
        value = hidden_text(reading, entry, (*place, name))
        if value is not None and _is_header_value(reading, name, value, entry, (*place, name)):
            headers[name] = value
    return headers


def check_header_name(reading: Reading, name: str, place: Place) -> bool:
    """Whether a header may be set by the user; the problem is added where it may not."""
    folded = name.lower()
    if not HEADER_NAME.fullmatch(name):
        message = "a header's name is letters, digits and - without spaces"
        reading.report("header-form", place, message, None, name)
    elif folded in FRAMING:
        message = f"the header '{name}' would break the request: it is set when it is sent"
        reading.report("header-form", place, message, "leave it out", name)
    elif folded == "idempotency-key" or folded.startswith("webhook-"):
        message = f"the header '{name}' tells the endpoint which match this is; it cannot be set"
        reading.report("header-form", place, message, "leave it out", name)
    else:
        return True
    return False


def _is_header_value(reading: Reading, name: str, value: str, node: Node, place: Place) -> bool:
    if is_reference(value):
        return check_reference(reading, node, place)
    if hides_reference(value):
        _report_inside(reading, place)
    elif not value.isascii() or not value.isprintable():
        message = f"the value of '{name}' holds a line break or a character that is not ASCII"
        reading.report("header-form", place, message, "use letters, digits and signs only")
    elif value != value.strip() or len(value) > LONGEST_HEADER:
        message = f"the value of '{name}' starts or ends with a space, or is too long"
        reading.report("header-form", place, message)
    elif names_secret(name) and value:
        message = f"the value of '{name}' is a secret in plain text"
        reading.report("plain-secret", place, message, REFERENCE_HINT)
    else:
        return True
    return False


def _report_inside(reading: Reading, place: Place) -> None:
    message = "a reference is the whole value; here it is only a part"
    hint = "put the whole text behind the reference; for 'Bearer …' use a connection"
    reading.report("reference-form", place, message, hint)


def check_reference(reading: Reading, node: Node, place: Place) -> bool:
    """Whether the text is the reference of a secret; the problem, without the text, where not."""
    text = hidden_text(reading, node, place)
    if text is None:
        return False
    if not is_reference(text):
        message = f"{place[-1]!r} is a secret in plain text"
        reading.report("plain-secret", place, message, REFERENCE_HINT)
        return False
    problem = reference_problem(text)
    if problem is not None:
        reading.report("reference-form", place, problem)
    return problem is None


def hidden_text(reading: Reading, node: Node, place: Place) -> str | None:
    """Text; the problem where it is something else does not repeat it: it may be a secret."""
    if isinstance(node.value, str):
        return node.value
    hint = "put it in quotes" if isinstance(node.value, bool | int | float) else None
    reading.report("wrong-kind", place, f"{place[-1]!r} is text", hint)
    return None


def _read_retry(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    if isinstance(node.value, str):
        reading.word(node, place, RETRY_PROFILES)
        return
    hint = f"write {', '.join(RETRY_PROFILES)}, or a list such as [5, 30s, 10m]"
    items = reading.items(node, place, hint)
    if items is not None and len(items) > MOST_DELAYS:
        message = f"{len(items)} delays; there are at most {MOST_DELAYS} further tries"
        reading.report("retry-form", place, message)
        return
    for index, item in enumerate(items or []):
        _check_delay(reading, item, (*place, index))


def _check_delay(reading: Reading, node: Node, place: Place) -> None:
    seconds = node.value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        duration = reading.duration(node, place)
        if duration is None:
            return
        seconds = duration.microseconds / 1e6
    if not 0 <= seconds <= LONGEST_DELAY:
        message = "a delay lies between 0 and 24 hours"
        reading.report("retry-form", place, message, "write seconds, or a duration such as 10m")


def _read_rate(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    value = node.value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= MOST_REQUESTS:
        message = f"'rate' is a number of requests a second, above 0 and at most {MOST_REQUESTS:g}"
        reading.report("rate-range", place, message, "0.5 is one every two seconds")


def _read_max_age(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    duration = reading.duration(node, place)
    if duration is not None and duration.microseconds == 0:
        reading.report("zero-duration", place, "'max_age' is zero: nothing would ever be sent")


def _read_flag(reading: Reading, node: Node, place: Place, _: Mapping[str, Node]) -> None:
    reading.boolean(node, place)


READERS: dict[str, Callable[[Reading, Node, Place, Mapping[str, Node]], None]] = {
    "method": _read_method,
    "url": check_url,
    "connection": _read_connection,
    "headers": _read_headers,
    "retry": _read_retry,
    "rate": _read_rate,
    "max_age": _read_max_age,
    "allow_http": _read_flag,
    "allow_private": _read_flag,
}
DESTINATION_KEYS = tuple(READERS)
