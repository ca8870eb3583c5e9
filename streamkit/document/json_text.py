"""JSON text (RFC 8259), read into nodes with lines.

The standard library's reader gives no positions and keeps the last of two equal keys, so the
few rules of JSON's grammar stand here; its strings are still read by the standard library.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined] # public, but not in typeshed

from streamkit.document.nodes import (
    DEEPEST,
    MOST_NODES,
    Document,
    Node,
    Place,
    is_valid_text,
    place_text,
    quoted,
)
from streamkit.errors import Problem

__all__ = ["read_json"]

SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
LONGEST_NUMBER = 400
WORDS = {"true": True, "false": False, "null": None}


class SyntaxProblemError(Exception):
    """The document is given up at a position."""

    def __init__(self, code: str, message: str, position: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.position, self.hint = code, message, position, hint


def read_json(text: str, file: str | None = None) -> Document:
    """Read one JSON document.

    Args:
        text: The document.
        file: The file's path, for the messages.

    Returns:
        Its tree and what is wrong with it as a text; never raises for bad text.
    """
    scanner = _Scanner(text)
    try:
        return Document(scanner.document(), scanner.problems, file)
    except SyntaxProblemError as error:
        problem = Problem(
            error.code, error.message, line=scanner.line(error.position), hint=error.hint
        )
    except JSONDecodeError as error:
        problem = Problem(
            "bad-json", f"not readable as JSON: {error.msg}", line=scanner.line(error.pos)
        )
    return Document(None, [*scanner.problems, problem], file)


class _Scanner:
    """One pass over a JSON text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.count = 0
        self.problems: list[Problem] = []
        self.line_ends = [match.start() for match in re.finditer("\n", text)]

    def line(self, position: int) -> int:
        return bisect_right(self.line_ends, position - 1) + 1

    def skip_space(self) -> str:
        """Move to the next character that means something; returns it, or an empty text."""
        found = SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position
        return self.text[self.position : self.position + 1]

    def expected(self, what: str, hint: str | None = None) -> SyntaxProblemError:
        found = self.text[self.position : self.position + 1]
        instead = f"not {quoted(found)}" if found else "not the end of the file"
        return SyntaxProblemError(
            "bad-json", f"not readable as JSON: expected {what}, {instead}", self.position, hint
        )

    def document(self) -> Node | None:
        if not self.skip_space():
            return None
        root = self.value(())
        if self.skip_space():
            raise self.expected("the end of the file")
        return root

    def value(self, place: Place) -> Node:
        first = self.skip_space()
        line = self.line(self.position)
        self.count += 1
        if self.count > MOST_NODES:
            raise SyntaxProblemError("too-large", f"more than {MOST_NODES:,} values", self.position)
        if len(place) > DEEPEST:
            raise SyntaxProblemError(
                "too-deep", f"nested more than {DEEPEST} levels deep", self.position
            )
        if first == "{":
            return self.mapping(line, place)
        if first == "[":
            return self.sequence(line, place)
        if first == '"':
            return Node(self.string(place), line)
        return Node(self.number_or_word(place, line), line)

    def string(self, place: Place) -> str:
        start = self.position
        text: str
        text, self.position = scanstring(self.text, start + 1, True)
        if not is_valid_text(text):
            self.problems.append(
                Problem(
                    "bad-text",
                    "half a surrogate pair; it is not Unicode text",
                    place_text(place),
                    line=self.line(start),
                )
            )
            return "?"
        return text

    def number_or_word(self, place: Place, line: int) -> int | float | bool | None:
        for word, meaning in WORDS.items():
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return meaning
        found = NUMBER.match(self.text, self.position)
        if found is None:
            raise self.expected("a value", "text stands in double quotes")
        self.position = found.end()
        if found[2] or found[3]:
            return float(found[0])
        if len(found[1]) > LONGEST_NUMBER:
            message = f"a number of more than {LONGEST_NUMBER} characters"
            self.problems.append(Problem("bad-number", message, place_text(place), line=line))
            return 0
        return int(found[1])

    def sequence(self, line: int, place: Place) -> Node:
        items: list[Node] = []
        self.position += 1
        if self.skip_space() == "]":
            self.position += 1
            return Node(items, line)
        while True:
            items.append(self.value((*place, len(items))))
            mark = self.skip_space()
            if mark not in {",", "]"}:
                raise self.expected("a comma or ']'")
            self.position += 1
            if mark == "]":
                return Node(items, line)

    def mapping(self, line: int, place: Place) -> Node:
        entries: dict[str, Node] = {}
        self.position += 1
        if self.skip_space() == "}":
            self.position += 1
            return Node(entries, line)
        while True:
            self.entry(entries, place)
            mark = self.skip_space()
            if mark not in {",", "}"}:
                raise self.expected("a comma or '}'")
            self.position += 1
            if mark == "}":
                return Node(entries, line)

    def entry(self, entries: dict[str, Node], place: Place) -> None:
        if self.skip_space() != '"':
            raise self.expected("a key in double quotes")
        key_line = self.line(self.position)
        key = self.string(place)
        if self.skip_space() != ":":
            raise self.expected("a colon")
        self.position += 1
        node = self.value((*place, key))
        node.key_line = key_line
        if key in entries:
            message = (
                f"the key {quoted(key)} is written twice, first on line {entries[key].key_line}"
            )
            self.problems.append(
                Problem(
                    "duplicate-key",
                    message,
                    place_text(place),
                    line=key_line,
                    hint="keep one of them",
                )
            )
        else:
            entries[key] = node
