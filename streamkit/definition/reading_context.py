"""What the readers share: the document, the problems found so far, and the simple kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from streamkit.definition.model import Condition
from streamkit.document.nodes import (
    Document,
    Node,
    Place,
    describe_kind,
    line_of,
    place_text,
    quoted,
    shorten,
)
from streamkit.duration import Duration
from streamkit.errors import DefinitionError, Problem
from streamkit.path import Path
from streamkit.suggest import did_you_mean

__all__ = ["NamedAlternatives", "Reading", "raise_problems"]

NamedAlternatives = Mapping[str, tuple[Condition, ...]]
"""What each name of `events.yaml` stands for."""

MOST_PROBLEMS = 100
"""More than these are counted instead of told: nobody reads them, and a file can hold millions."""
LONGEST_LIST = 12
"""Known names are listed in a hint where there are at most this many."""


class Reading:
    """One document being read; collects every problem with its place and line.

    Args:
        document: The tree, and what was wrong with it as a text.
        named: What `defined: name` may refer to; None where there is no events.yaml.
    """

    def __init__(self, document: Document, named: NamedAlternatives | None = None) -> None:
        self.document = document
        self.named = named
        self.problems: list[Problem] = [*document.problems]

    def report(
        self, code: str, place: Place, message: str, hint: str | None = None, key: str | None = None
    ) -> None:
        """Add a problem.

        Args:
            code: The rule's code.
            place: Where it is.
            message: What is wrong.
            hint: What to do.
            key: A key at that place whose line is meant.
        """
        line = line_of(self.document.root, (*place, key) if key is not None else place)
        self.problems.append(Problem(code, message, place_text(place), line=line, hint=hint))

    def wrong_kind(self, node: Node, place: Place, expected: str, hint: str | None = None) -> None:
        """Add the problem that a value is of another kind than its key asks for."""
        if not place:
            subject = "the document"
        else:
            subject = quoted(place[-1]) if isinstance(place[-1], str) else "the item"
        self.report(
            "wrong-kind", place, f"{subject} is {expected}, not {describe_kind(node.value)}", hint
        )

    def unknown_key(
        self, key: str, place: Place, known: Iterable[str], hint: str | None = None
    ) -> None:
        """Add the problem of a key nobody knows, with the nearest one."""
        known = list(known)
        if hint is None and len(self.problems) < MOST_PROBLEMS:
            hint = did_you_mean(key, known)
        if hint is None and len(known) <= LONGEST_LIST:
            hint = f"the keys here are {', '.join(known)}"
        self.report("unknown-key", place, f"unknown key {quoted(key)}", hint, key)

    def mapping(
        self, node: Node, place: Place, what: str, hint: str | None = None
    ) -> dict[str, Node] | None:
        """The entries of a mapping; None, with a problem, where it is something else."""
        if isinstance(node.value, dict):
            return node.value
        self.wrong_kind(node, place, what, hint)
        return None

    def entries(
        self, node: Node, place: Place, known: Iterable[str], what: str
    ) -> dict[str, Node] | None:
        """The entries of a mapping with known keys; the unknown ones are reported."""
        entries = self.mapping(node, place, what)
        if entries is None:
            return None
        known = list(known)
        for key in entries:
            if key not in known:
                self.unknown_key(key, place, known)
        return {key: entry for key, entry in entries.items() if key in known}

    def items(self, node: Node, place: Place, hint: str | None = None) -> list[Node] | None:
        """The items of a list; None, with a problem, where it is something else."""
        if isinstance(node.value, list):
            return node.value
        self.wrong_kind(node, place, "a list", hint)
        return None

    def text(self, node: Node, place: Place) -> str | None:
        """Text; None, with a problem, where it is something else."""
        if isinstance(node.value, str):
            return node.value
        scalar = isinstance(node.value, bool | int | float)
        self.wrong_kind(node, place, "text", "put it in quotes" if scalar else None)
        return None

    def word(self, node: Node, place: Place, known: Iterable[str]) -> str | None:
        """One of a few words; None, with a problem, where it is something else."""
        text = self.text(node, place)
        known = list(known)
        if text is None or text in known:
            return text
        hint = did_you_mean(text, known) or f"it is one of {', '.join(known)}"
        self.report("unknown-value", place, f"{place[-1]!r} cannot be {quoted(text)}", hint)
        return None

    def boolean(self, node: Node, place: Place) -> bool | None:
        """A boolean; None, with a problem, where it is something else."""
        if isinstance(node.value, bool):
            return node.value
        self.wrong_kind(node, place, "true or false")
        return None

    def duration(self, node: Node, place: Place) -> Duration | None:
        """A duration; None, with a problem, where it is something else."""
        value = node.value
        if not isinstance(value, str | timedelta | Duration):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            hint = f"add a unit, such as {shorten(str(value), 30)}s" if number else None
            self.report(
                "bad-duration",
                place,
                f"{describe_kind(value)} is no duration",
                hint or DURATION_HINT,
            )
            return None
        try:
            return Duration.parse(value)
        except (ValueError, OverflowError) as error:
            text = shorten(str(value), 40)
            hint = DURATION_HINT if str(error).startswith("a duration is a number") else str(error)
            self.report("bad-duration", place, f"{text!r} is no duration", hint)
            return None

    def path(self, text: str, place: Place, key: str | None = None) -> Path | None:
        """A path to a property; None, with a problem, where the text is none."""
        try:
            return Path.parse(text)
        except ValueError as error:
            self.report("bad-path", place, f"{quoted(text)} is no path: {error}", PATH_HINT, key)
            return None

    def located_problems(self) -> list[Problem]:
        """The problems found, each with the file it is in."""
        in_order = sorted(self.problems, key=lambda problem: problem.line or 0)
        found = [replace(problem, file=self.document.file) for problem in in_order]
        more = len(found) - MOST_PROBLEMS
        if more > 0:
            message = f"{more:,} more problems; mend these first"
            found[MOST_PROBLEMS:] = [Problem("too-many-problems", message, file=self.document.file)]
        return found

    def raise_if_any(self) -> None:
        """Raise all problems found.

        Raises:
            DefinitionError: There are some.
        """
        raise_problems(self.located_problems())


DURATION_HINT = "write a number and a unit, such as 500ms, 90s, 15m, 24h or 7d"
PATH_HINT = 'put dots between segments, and quotes around one that holds a dot: props."utm.source"'


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise problems together, if there are any.

    Raises:
        DefinitionError: There are some.
    """
    found = list(problems)
    if found:
        raise DefinitionError(found)
