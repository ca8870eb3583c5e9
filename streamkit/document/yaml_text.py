"""YAML 1.2 text, read into nodes with lines.

ruamel.yaml scans and parses; what a plain scalar means is decided here by the core schema of
YAML 1.2 (chapter 10.3 of the specification), which has no times, no underscores in numbers and
only `true` and `false`. The events are consumed one by one, so a hostile file is given up as
soon as it is too deep or too large.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streamkit.document.nodes import (
    DEEPEST,
    MOST_NODES,
    Document,
    Node,
    Place,
    describe_kind,
    is_valid_text,
    place_text,
    quoted,
    shorten,
)
from streamkit.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_yaml", "resolve_plain"]

NULL = frozenset(["", "~", "null", "Null", "NULL"])
BOOLEANS = {
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
OCTAL = re.compile(r"0o[0-7]+")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
NAN = frozenset([".nan", ".NaN", ".NAN"])
STARTS_OF_SPECIAL = frozenset("~nNtTfF-+.0123456789")
LONGEST_NUMBER = 400
TEXT_TAGS = frozenset(["tag:yaml.org,2002:str", "!"])


class UnreadableError(Exception):
    """The document is given up; carries the one problem that says why."""

    def __init__(self, code: str, message: str, line: int | None, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, line=line, hint=hint)


def resolve_plain(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.2's core schema.

    Raises:
        ValueError: A number of more than 400 characters.

    Example:
        >>> [resolve_plain(text) for text in ("NO", "12:30", "1.10", "true", "0x10")]
        ['NO', '12:30', 1.1, True, 16]
    """
    if text and text[0] not in STARTS_OF_SPECIAL:
        return text
    if text in NULL:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if text in NAN:
        return float("nan")
    if INFINITE.fullmatch(text):
        return float("-inf" if text[0] == "-" else "inf")
    return _resolve_number(text)


def _resolve_number(text: str) -> str | int | float:
    for form, base in ((INTEGER, 10), (OCTAL, 8), (HEXADECIMAL, 16)):
        if form.fullmatch(text):
            if len(text) > LONGEST_NUMBER:
                raise ValueError(f"a number of more than {LONGEST_NUMBER} characters")
            return int(text[2:] if base != 10 else text, base)
    if FLOAT.fullmatch(text):
        return float(text)
    return text


def read_yaml(text: str, file: str | None = None) -> Document:
    """Read one YAML document.

    Args:
        text: The document.
        file: The file's path, for the messages.

    Returns:
        Its tree and what is wrong with it as a text; never raises for bad text.
    """
    from ruamel.yaml import YAML  # slow to import
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # slow to import
    from ruamel.yaml.reader import ReaderError  # slow to import

    composer = _Composer()
    try:
        root = composer.document(YAML(typ="safe", pure=True).parse(text))
        return Document(root, composer.problems, file)
    except UnreadableError as error:
        problem = error.problem
    except MarkedYAMLError as error:
        problem = _syntax_problem(error)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = Problem(
            "bad-text",
            f"the character U+{error.character:04X} may not stand in a YAML file",
            line=line,
        )
    except (YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError):
        # ruamel.yaml leaks these on malformed escapes, tags and directives
        problem = Problem("bad-yaml", "not readable as YAML: a malformed escape, tag or directive")
    return Document(None, [*composer.problems, problem], file)


def _syntax_problem(error: Any) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = " ".join(str(error.problem or error.context or error).split())
    message = message.replace("'\\x00'", "the end of the file")
    hint = None
    if "\\t" in message:
        hint = "indent with spaces, not tabs"
    elif "mapping values" in message:
        hint = "put text that holds ': ' in quotes, and check the indentation"
    return Problem(
        "bad-yaml",
        f"not readable as YAML: {shorten(message, 160)}",
        line=mark.line + 1 if mark else None,
        hint=hint,
    )


class _Composer:
    """One document's events, made into nodes."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.count = 0

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                self.check_version(event)
                if documents > 1:
                    raise UnreadableError(
                        "several-documents",
                        "a second document starts here; a file holds one",
                        event.start_mark.line + 1,
                        "put each stream in a file of its own",
                    )
            elif kind not in {
                "StreamStartEvent",
                "StreamEndEvent",
                "DocumentEndEvent",
                "CommentEvent",
            }:
                root = self.node(event, events, ())
        return root

    def check_version(self, event: Any) -> None:
        version = getattr(event, "version", None)
        if version is not None and tuple(version) != (1, 2):
            raise UnreadableError(
                "bad-yaml",
                "only YAML 1.2 is read",
                event.start_mark.line + 1,
                "remove the %YAML line",
            )

    def node(self, event: Any, events: Iterator[Any], place: Place) -> Node:
        line = event.start_mark.line + 1
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self.alias(event.anchor, line)
        if len(place) > DEEPEST:
            raise UnreadableError("too-deep", f"nested more than {DEEPEST} levels deep", line)
        self.counted(1, line)
        self.check_tag(event, line, place)
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        if kind == "ScalarEvent":
            node = Node(self.scalar(event, line, place), line)
        elif kind == "SequenceStartEvent":
            node = self.sequence(events, line, place)
        else:
            node = self.mapping(events, line, place)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def counted(self, more: int, line: int) -> None:
        self.count += more
        if self.count > MOST_NODES:
            raise UnreadableError("too-large", f"more than {MOST_NODES:,} values", line)

    def alias(self, anchor: str, line: int) -> Node:
        if anchor not in self.anchors:
            raise UnreadableError("bad-yaml", f"no anchor is named {quoted(anchor)}", line)
        target = self.anchors[anchor]
        if target is None:
            raise UnreadableError("bad-yaml", f"the anchor {quoted(anchor)} holds itself", line)
        self.counted(target.size, line)
        return Node(target.value, line, size=target.size)

    def check_tag(self, event: Any, line: int, place: Place) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) not in TEXT_TAGS:
            self.add(
                "bad-yaml",
                place,
                f"the tag {quoted(str(tag))} is not supported",
                line,
                "remove it",
            )

    def add(
        self, code: str, place: Place, message: str, line: int, hint: str | None = None
    ) -> None:
        self.problems.append(Problem(code, message, place_text(place), line=line, hint=hint))

    def scalar(self, event: Any, line: int, place: Place) -> object:
        text: str = event.value
        if not is_valid_text(text):
            self.add("bad-text", place, "half a surrogate pair; it is not Unicode text", line)
            return "?"
        if event.style is not None or event.tag is not None:
            return text
        try:
            return resolve_plain(text)
        except ValueError as error:
            self.add("bad-number", place, str(error), line)
            return 0

    def sequence(self, events: Iterator[Any], line: int, place: Place) -> Node:
        items: list[Node] = []
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self.node(event, events, (*place, len(items))))
        return Node(items, line, size=1 + sum(item.size for item in items))

    def mapping(self, events: Iterator[Any], line: int, place: Place) -> Node:
        entries: dict[str, Node] = {}
        size = 1
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                break
            key = self.node(event, events, (*place, "?"))
            name = key.value if isinstance(key.value, str) else "?"
            node = self.node(next(events), events, (*place, name))
            size += key.size + node.size
            if not isinstance(key.value, str):
                self.add(
                    "key-not-text",
                    place,
                    f"a key is {describe_kind(key.value)}; keys are text",
                    key.line or line,
                    "put it in quotes",
                )
            elif name in entries:
                first = entries[name].key_line
                self.add(
                    "duplicate-key",
                    place,
                    f"the key {quoted(name)} is written twice, first on line {first}",
                    key.line or line,
                    "keep one of them",
                )
            else:
                node.key_line = key.line
                entries[name] = node
        return Node(entries, line, size=size)
