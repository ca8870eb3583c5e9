"""Values as the bytes of a body: compact UTF-8 JSON, the same for the same value.

**A secret is a place, not a text.** Where the body holds one, the writer notes the byte offset at
which it goes in and writes nothing, so that no text of an event can be taken for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from streamkit.payload.body import Body

__all__ = ["Pieces", "Secret", "write_body", "write_plain"]

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """Text with secrets in it."""

    parts: tuple[str | Secret, ...]


def write_plain(value: Any) -> Body:
    """A value without secrets."""
    return Body(_encode(value).encode())


def write_body(value: Any) -> Body:
    """A value in which text may hold secrets.

    Example:
        >>> write_body({"auth": Pieces(("Bearer ", Secret("env:TOKEN")))})
        Body(content=b'{"auth":"Bearer "}', secrets=((16, 'env:TOKEN'),))
    """
    writing = _Writing()
    writing.write(value)
    return writing.body()


class _Writing:
    """One body being written: chunks of text, and before which of them secrets go in."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self.secrets: list[tuple[int, str]] = []

    def write(self, value: Any) -> None:
        """Write a value."""
        put, kind = self.chunks.append, type(value)
        if kind is Pieces:
            put('"')
            for part in value.parts:
                if isinstance(part, Secret):
                    self.secrets.append((len(self.chunks), part.reference))
                else:
                    put(_encode(part)[1:-1])
            put('"')
        elif not _holds_secret(value):
            put(_encode(value))
        elif kind is list:
            mark = "["
            for item in value:
                put(mark)
                self.write(item)
                mark = ","
            put("]")
        else:
            self._write_items(value)

    def _write_items(self, items: dict[str, Any]) -> None:
        """Write an object, what stands between secrets in one go."""
        put, mark = self.chunks.append, "{"
        plain: dict[str, Any] = {}

        def put_plain() -> None:
            nonlocal mark
            if plain:
                put(mark + _encode(plain)[1:-1])
                plain.clear()
                mark = ","

        for key, item in items.items():
            if _holds_secret(item):
                put_plain()
                put(f"{mark}{_encode(key)}:")
                self.write(item)
                mark = ","
            else:
                plain[key] = item
        put_plain()
        put("}")

    def body(self) -> Body:
        """The bytes, and the byte offsets of the secrets."""
        content, start, offsets = b"", 0, []
        for chunk, reference in self.secrets:
            content += "".join(self.chunks[start:chunk]).encode()
            offsets.append((len(content), reference))
            start = chunk
        return Body(content + "".join(self.chunks[start:]).encode(), tuple(offsets))


def _holds_secret(value: Any) -> bool:
    """Whether a secret goes in somewhere; most of a body holds none, and is written in one go."""
    kind = type(value)
    if kind is dict:
        return any(map(_holds_secret, value.values()))
    return kind is Pieces or (kind is list and any(map(_holds_secret, value)))
