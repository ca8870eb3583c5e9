"""Paths to properties: dotted names, with a segment that holds a dot in double quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = ["Path"]


@dataclass(frozen=True, slots=True)
class Path:
    r"""A property's place in an event, as a tuple of segments.

    What a segment means (column, struct field, map key, JSON key, list index) is decided when
    the path meets a schema; a path by itself is only names. A quoted segment may hold any
    character; inside the quotes a double quote is written twice.

    Example:
        >>> Path.parse('props."utm.source".0').segments
        ('props', 'utm.source', '0')
        >>> str(Path(("props", "utm.source", "0")))
        'props."utm.source".0'
    """

    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a path.

        Raises:
            ValueError: An empty segment, or a quote that is not closed or stands in the middle
                of a segment.
        """
        segments: list[str] = []
        position = 0
        while True:
            if text[position : position + 1] == '"':
                segment, position = _quoted(text, position + 1)
            else:
                end = text.find(".", position)
                end = len(text) if end < 0 else end
                segment, position = text[position:end], end
                if not segment:
                    raise ValueError("a path has no empty segment")
                if '"' in segment:
                    raise ValueError("a quote stands at the start of a segment")
            segments.append(segment)
            if position == len(text):
                return cls(tuple(segments))
            if text[position] != ".":
                raise ValueError("a quoted segment ends at a dot or at the end")
            position += 1

    def __str__(self) -> str:
        return ".".join(map(_quote_if_needed, self.segments))


def _quoted(text: str, position: int) -> tuple[str, int]:
    """The segment whose opening quote stands just before `position`, and where it ends."""
    parts: list[str] = []
    while True:
        end = text.find('"', position)
        if end < 0:
            raise ValueError("a quote is not closed")
        parts.append(text[position:end])
        position = end + 1
        if text[position : position + 1] != '"':
            return "".join(parts), position
        parts.append('"')
        position += 1


def _quote_if_needed(segment: str) -> str:
    if segment and not any(mark in segment for mark in '."'):
        return segment
    return '"' + segment.replace('"', '""') + '"'
