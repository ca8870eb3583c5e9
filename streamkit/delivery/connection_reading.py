"""Reading connections: every problem at once, and never a value that may be a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from streamkit.definition.destination_reading import (
    check_header_name,
    check_reference,
    check_url,
    hidden_text,
    read_headers,
)
from streamkit.references import is_reference, reference_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamkit.definition.reading_context import Reading
    from streamkit.document.nodes import Node, Place

__all__ = ["TYPES", "ConnectionDraft", "read_connection", "read_connections", "set_by"]

LONGEST_NAME = 100
MOST_SCOPES = 100
SCOPE = re.compile(
    r"[\x21\x23-\x5b\x5d-\x7e]([\x20\x21\x23-\x5b\x5d-\x7e]*[\x21\x23-\x5b\x5d-\x7e])?"
)
"""RFC 6749, appendix A.4; a space inside separates two of them."""


class ConnectionDraft(NamedTuple):
    """A connection's parts, as far as they could be read."""

    type: str
    settings: tuple[tuple[str, Any], ...]
    headers: tuple[tuple[str, str], ...]


Beside: TypeAlias = "Mapping[str, Node]"
Read: TypeAlias = "Callable[[Reading, Node, Place, Beside], Any]"


class Setting(NamedTuple):
    """A key of a connection."""

    read: Read
    needed: bool = False


def _secret(reading: Reading, node: Node, place: Place, _: Beside) -> str | None:
    return node.value if check_reference(reading, node, place) else None


def _text(reading: Reading, node: Node, place: Place, _: Beside) -> str | None:
    text = hidden_text(reading, node, place)
    if text is None:
        return None
    problem = reference_problem(text) if is_reference(text) else None
    if problem is not None:
        reading.report("reference-form", place, problem)
    elif not text or not text.isprintable():
        reading.report("wrong-kind", place, f"{place[-1]!r} is empty or holds a line break")
    else:
        return text
    return None


def _header(reading: Reading, node: Node, place: Place, beside: Beside) -> str | None:
    name = _text(reading, node, place, beside)
    return name if name is not None and check_header_name(reading, name, place) else None


def _flag(reading: Reading, node: Node, place: Place, _: Beside) -> bool | None:
    return reading.boolean(node, place)


def _place(reading: Reading, node: Node, place: Place, _: Beside) -> str | None:
    return reading.word(node, place, ("header", "query"))


def _client_auth(reading: Reading, node: Node, place: Place, _: Beside) -> str | None:
    return reading.word(node, place, ("basic", "body"))


def _separator(reading: Reading, node: Node, place: Place, _: Beside) -> str | None:
    text = reading.text(node, place)
    if text is not None and not (1 <= len(text) <= 3 and text.isascii() and text.isprintable()):
        message = "'scope_separator' is one to three signs, such as ','"
        reading.report("wrong-kind", place, message)
        return None
    return text


def _url(reading: Reading, node: Node, place: Place, beside: Beside) -> str | None:
    check_url(reading, node, place, beside)
    return node.value if isinstance(node.value, str) else None


def _scopes(reading: Reading, node: Node, place: Place, _: Beside) -> tuple[str, ...] | None:
    value = node.value
    if isinstance(value, str):
        scopes: list[Any] = [part.strip() for part in value.split(",") if part.strip()]
    else:
        hint = "write [read, write], or 'read, write'"
        scopes = [item.value for item in reading.items(node, place, hint) or []]
    valid = all(isinstance(scope, str) and SCOPE.fullmatch(scope) for scope in scopes)
    if not valid or len(scopes) > MOST_SCOPES:
        message = "a scope is text without quotes, backslashes and line breaks"
        reading.report("wrong-kind", place, message)
        return None
    return tuple(scopes)


TYPES: dict[str, dict[str, Setting]] = {
    "bearer": {"token": Setting(_secret, needed=True)},
    "basic": {"username": Setting(_text, needed=True), "password": Setting(_secret, needed=True)},
    "api_key": {
        "name": Setting(_text, needed=True),
        "value": Setting(_secret, needed=True),
        "in": Setting(_place),
    },
    "oauth2": {
        "token_url": Setting(_url, needed=True),
        "client_id": Setting(_text, needed=True),
        "client_secret": Setting(_secret, needed=True),
        "scopes": Setting(_scopes),
        "scope_separator": Setting(_separator),
        "client_auth": Setting(_client_auth),
        "allow_http": Setting(_flag),
        "allow_private": Setting(_flag),
    },
    "hmac": {
        "header": Setting(_header),
        "secret": Setting(_secret, needed=True),
        "previous_secret": Setting(_secret),
        "standard_webhooks": Setting(_flag),
    },
    "none": {},
}
"""The keys of each type of connection, beside `type` and `headers`."""


def set_by(type_: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the headers that a connection sets to say who sends."""
    if type_ in {"bearer", "basic", "oauth2"}:
        return ("Authorization",)
    if type_ == "api_key" and settings.get("in", "header") == "header":
        return (str(settings.get("name")),)
    header = settings.get("header") if type_ == "hmac" else None
    return (header, f"{header}-Previous") if header else ()


def read_connections(reading: Reading) -> dict[str, ConnectionDraft]:
    """The connections of a document, by name; the problems are added to the reading."""
    root = reading.document.root
    if root is None or root.value is None:
        return {}
    if not isinstance(root.value, dict):
        hint = "write a name, and under it type: bearer and the like"
        reading.report("wrong-kind", (), "the document is a mapping of connections", hint)
        return {}
    found: dict[str, ConnectionDraft] = {}
    for name, node in root.value.items():
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            message = f"a connection's name has 1 to {LONGEST_NAME} printable characters"
            reading.report("name-form", (), message)
            continue
        draft = read_connection(reading, node, (name,))
        if draft is not None:
            found[name] = draft
    return found


def read_connection(reading: Reading, node: Node, place: Place) -> ConnectionDraft | None:
    """One connection; None where even its type is unknown."""
    if not isinstance(node.value, dict):
        hint = "write {type: bearer, token: env:NAME} and the like"
        reading.report("wrong-kind", place, "a connection is a mapping", hint)
        return None
    entries = {key: entry for key, entry in node.value.items() if entry.value is not None}
    if "type" not in entries:
        hint = f"it is one of {', '.join(TYPES)}"
        reading.report("missing-key", place, "'type' is missing: how to say who sends", hint)
        return None
    type_ = reading.word(entries.pop("type"), (*place, "type"), TYPES)
    if type_ is None:
        return None
    settings = _read_settings(reading, entries, place, TYPES[type_])
    headers = {}
    if "headers" in entries:
        headers = read_headers(reading, entries["headers"], (*place, "headers"))
    if type_ == "hmac" and "header" not in entries and not settings.get("standard_webhooks"):
        hint = "write header: X-Signature, or standard_webhooks: true, or both"
        reading.report("missing-key", place, "'header' is missing: where the signature goes", hint)
    _check_whole(reading, type_, settings, headers, place)
    return ConnectionDraft(type_, tuple(settings.items()), tuple(headers.items()))


def _read_settings(
    reading: Reading, entries: dict[str, Node], place: Place, known: dict[str, Setting]
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key in entries:
        if key not in known and key != "headers":
            reading.unknown_key(key, place, ["type", *known, "headers"])
    for key, setting in known.items():
        if key in entries:
            value = setting.read(reading, entries[key], (*place, key), entries)
            if value is not None:
                settings[key] = value
        elif setting.needed:
            reading.report("missing-key", place, f"'{key}' is missing")
    return settings


def _check_whole(
    reading: Reading, type_: str, settings: dict[str, Any], headers: dict[str, str], place: Place
) -> None:
    """What one key says about another."""
    user = settings.get("username", "")
    if ":" in user and not is_reference(user):
        reading.report("wrong-kind", (*place, "username"), "a user name holds no colon")
    if type_ == "api_key" and settings.get("in", "header") == "header" and "name" in settings:
        check_header_name(reading, settings["name"], (*place, "name"))
    taken = {name.lower() for name in set_by(type_, settings)}
    for name in headers:
        if name.lower() in taken:
            message = f"the header '{name}' is set by the connection itself"
            reading.report("header-form", (*place, "headers"), message, "leave it out", name)
