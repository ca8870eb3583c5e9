"""A stream in the making: plain data that may be incomplete, and what can be said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any, Self

from streamkit.definition import Stream
from streamkit.definition.plain_data import from_plain
from streamkit.definition.reading_context import NamedAlternatives, Reading
from streamkit.definition.rules import Draft as ReadDraft
from streamkit.definition.sentences import pattern_words
from streamkit.definition.stream_reading import read_stream
from streamkit.definition.yaml_writing import dump_yaml, merge_text
from streamkit.document.files import Origin, read_document
from streamkit.document.nodes import Document
from streamkit.document.yaml_text import read_yaml
from streamkit.errors import Problem

__all__ = ["Broken", "Draft"]

EMPTY: Mapping[str, Any] = {"name": "", "steps": []}


@dataclass(frozen=True, slots=True)
class Broken:
    """A text in the YAML editor that is no mapping of keys yet.

    Args:
        text: What is typed.
        problems: Why it cannot be read, with lines.
    """

    text: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Draft:
    """A stream file's data, complete or not; every change makes a new one.

    Args:
        data: The keys of a stream file, spelt as they were written.
        origin: The text they were read from, whose comments `text` keeps.
        named: What the names of `defined` stand for; None where there is no events.yaml.
        broken: Text that cannot be read; the data is then what was readable before it.

    Example:
        >>> draft = Draft({"name": "any", "steps": []})
        >>> [problem.code for problem in draft.problems]
        ['no-step']
        >>> draft.with_data({"name": "any", "steps": [{"event": "visit"}]}).stream.name
        'any'
    """

    data: Mapping[str, Any] = field(default_factory=lambda: dict(EMPTY))
    origin: Origin | None = None
    named: NamedAlternatives | None = None
    broken: Broken | None = None

    @classmethod
    def of(
        cls, stream: Stream | str | PathLike[str] | None, named: NamedAlternatives | None = None
    ) -> Self:
        """The draft that opens a stream, a stream file, or nothing.

        Args:
            stream: What to open.
            named: What the names of `defined` stand for.

        Raises:
            DefinitionError: The file is not there or is no text. What is wrong in it is no
                error: it is what the builder is for.
        """
        if stream is None:
            return cls(named=named)
        if not isinstance(stream, Stream):
            document, origin = read_document(stream)
            return cls(named=named).with_document(document, origin)
        if stream.origin is not None:
            opened = cls.of_text(stream.origin, named)
            if opened.stream == stream:
                return opened
        return cls(stream.to_dict(), stream.origin, named)

    @classmethod
    def of_text(cls, origin: Origin, named: NamedAlternatives | None = None) -> Self:
        """The draft that opens a text."""
        return cls(named=named).with_document(_document(origin), origin)

    def with_data(self, data: Mapping[str, Any]) -> Self:
        """The draft of other data, with the comments of the same text."""
        return replace(self, data=data, broken=None)

    def with_text(self, text: str) -> Self:
        """The draft of a text as it stands in the YAML editor."""
        file = self.origin.file if self.origin else ""
        return self.with_document(read_yaml(text.removeprefix("\ufeff")), Origin(text, file, True))

    def with_document(self, document: Document, origin: Origin) -> Self:
        """The draft of a document; of one that is no mapping only the text is kept."""
        data = document.plain()
        if document.problems or not isinstance(data, dict):
            reading = Reading(document, self.named)
            read_stream(reading)
            broken = Broken(origin.text, tuple(reading.located_problems()))
            return replace(self, origin=self.origin or replace(origin, text=""), broken=broken)
        return replace(self, data=data, origin=origin, broken=None)

    @cached_property
    def _read(self) -> tuple[ReadDraft, tuple[Problem, ...]]:
        reading = Reading(from_plain(self.data), self.named)
        return read_stream(reading), tuple(reading.located_problems())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, at once: what `Stream.from_dict` would raise."""
        return self.broken.problems if self.broken else self._read[1]

    @cached_property
    def stream(self) -> Stream | None:
        """The stream; None where there are problems."""
        return None if self.problems else Stream.from_draft(self._read[0], self._origin)

    @cached_property
    def matching(self) -> Stream | None:
        """The part that says what matches, as a stream; None where that has problems."""
        if self.broken:
            return None
        data = {k: v for k, v in self.data.items() if k not in ("payload", "destination")}
        data["name"] = data.get("name") or "this stream"
        reading = Reading(from_plain(data), self.named)
        read = read_stream(reading)
        return None if reading.problems else Stream.from_draft(read)

    @property
    def has_plain_secret(self) -> bool:
        """Whether a secret stands in it that should be a reference: such text is not shown."""
        return any(each.code == "plain-secret" for each in self.problems)

    @property
    def _origin(self) -> Origin | None:
        """The text of this very draft, so that the stream keeps its comments and its spelling."""
        if self.origin is None or not self.origin.is_yaml:
            return self.origin
        return replace(self.origin, text=self.text)

    @cached_property
    def sentence(self) -> str:
        """The definition in plain English, as far as it can be read."""
        read, _ = self._read
        if self.broken or not read.positions:
            return ""
        return Stream.from_draft(read).sentence

    @cached_property
    def step_words(self) -> tuple[str, ...]:
        """Each item of `steps` in a few words; empty where it cannot be read."""
        return tuple(
            "" if step is None else pattern_words(step.alternatives) for step in self._read[0].steps
        )

    @cached_property
    def text(self) -> str:
        """The draft as YAML: the text it came from, comments included, with the changes made."""
        if self.broken:
            return self.broken.text
        origin = self.origin
        if origin is not None and origin.is_yaml:
            before = _document(origin).plain()
            if _same(before, self.data):
                return origin.text
            for deep in (True, False) if isinstance(before, dict) else ():
                text = merge_text(origin, before, self.data, deep=deep)
                if text is not None and _same(_plain_of(text), self.data):
                    return text
        return dump_yaml(self.data)

    @cached_property
    def text_problems(self) -> tuple[Problem, ...]:
        """The problems with the lines of `text` they stand on."""
        if self.broken:
            return self.broken.problems
        reading = Reading(read_yaml(self.text.removeprefix("\ufeff")), self.named)
        read_stream(reading)
        return tuple(reading.located_problems())


def _document(origin: Origin) -> Document:
    from streamkit.document.json_text import read_json

    text = origin.text.removeprefix("\ufeff")
    return read_yaml(text) if origin.is_yaml else read_json(text, origin.file)


def _plain_of(text: str) -> Any:
    document = read_yaml(text.removeprefix("\ufeff"))
    return None if document.problems else document.plain()


def _same(one: object, other: object) -> bool:
    """Equal, also in what Python calls equal and YAML does not: 1, 1.0 and true."""
    return one == other and json.dumps(one) == json.dumps(other)
