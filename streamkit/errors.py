"""The errors that streamkit raises on purpose.

    StreamkitError
    ├── DefinitionError     a stream file, `events.yaml` or a `Stream` built in Python
    ├── EventsError         a schema, an input, a column, a value that cannot be read
    ├── PayloadError        a mapping that cannot be rendered
    └── DeliveryError       a destination, a connection, a ledger

Each of them carries `problems`: everything that was found wrong, at once, so that a file is
mended in one go. Anything else that escapes from the library is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "DefinitionError",
    "DeliveryError",
    "EventsError",
    "PayloadError",
    "Problem",
    "StreamkitError",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Args:
        code: Stable name of the rule that was broken, such as `unknown-key`.
        message: What is wrong, as one line without a full stop.
        path: Place inside the document, such as `steps[1].where.price`; empty for the whole.
        file: The file's path as the user gave it, if it came from one.
        line: Line in that file, counted from 1.
        hint: What to do about it, as one line.

    Example:
        >>> str(Problem("unknown-key", "unknown key 'wher'", path="steps[0]", line=3,
        ...             hint="did you mean 'where'?"))
        "line 3: steps[0]: unknown key 'wher' [unknown-key]. Hint: did you mean 'where'?"
    """

    code: str
    message: str
    path: str = ""
    file: str | None = None
    line: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        if self.file and self.line:
            place = f"{self.file}:{self.line}: "
        elif self.file:
            place = f"{self.file}: "
        elif self.line:
            place = f"line {self.line}: "
        else:
            place = ""
        where = f"{self.path}: " if self.path else ""
        hint = f". Hint: {self.hint}" if self.hint else ""
        return f"{place}{where}{self.message} [{self.code}]{hint}"


class StreamkitError(Exception):
    """Base of every error that streamkit raises on purpose.

    Args:
        problems: Everything that was found wrong, or one message.
        code: With a message: the stable name of the broken rule.
        path: With a message: the place inside the document.
        file: With a message: the file.
        line: With a message: the line, counted from 1.
        hint: With a message: what to do about it.

    Example:
        >>> error = EventsError("no column 'sesion'", code="unknown-column",
        ...                     hint="did you mean 'session'?")
        >>> error.code, error.hint
        ('unknown-column', "did you mean 'session'?")
    """

    def __init__(
        self,
        problems: str | Iterable[Problem],
        *,
        code: str = "error",
        path: str = "",
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        if isinstance(problems, str):
            problems = [Problem(code, problems, path, file, line, hint)]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def code(self) -> str:
        """Code of the first problem."""
        return self.problems[0].code

    @property
    def path(self) -> str:
        """Place of the first problem inside its document."""
        return self.problems[0].path

    @property
    def line(self) -> int | None:
        """Line of the first problem, counted from 1."""
        return self.problems[0].line

    @property
    def hint(self) -> str | None:
        """What to do about the first problem."""
        return self.problems[0].hint


class DefinitionError(StreamkitError):
    """A stream definition or a file of named conditions is not valid."""


class EventsError(StreamkitError):
    """An input or a schema cannot be used: not found, not readable, no such column."""


class PayloadError(StreamkitError):
    """A mapping cannot be compiled or rendered."""


class DeliveryError(StreamkitError):
    """A destination, connection or ledger cannot be used."""
