"""What matches go to: `Sink`, and what a sink may do beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import sqlalchemy

    from streamkit.definition import Stream
    from streamkit.matching.contexts import Needs
    from streamkit.running import Match

__all__ = ["AskingSink", "MarkingSink", "Sink", "StateSink"]


@runtime_checkable
class Sink(Protocol):
    """Where matches go. One thread calls all of it."""

    def put(self, batch: int, matches: Sequence[Match]) -> None:
        """Take a batch of matches that is safe in the state.

        Args:
            batch: Its number, from 1. After a crash the same batch may come again, with the same
                matches: what was taken of it before must not be there twice.
            matches: The matches, in the order of `fired_at`.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class MarkingSink(Sink, Protocol):
    """A sink that must know, after a crash, how far it had come when the state was committed."""

    def resume(self, mark: Any | None) -> None:
        """Go back to a mark; called once, before the first batch.

        Args:
            mark: What `mark` gave, as JSON-able data; None with a new state or with none.
        """
        ...

    def mark(self) -> Any:
        """How far the sink has come, as JSON-able data."""
        ...


@runtime_checkable
class StateSink(Sink, Protocol):
    """A sink whose tables may lie in the state file: then it takes matches in its transaction."""

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for another database."""

    def put_in(self, connection: sqlalchemy.Connection, matches: Sequence[Match]) -> object:
        """Take matches inside a transaction."""
        ...


@runtime_checkable
class AskingSink(Sink, Protocol):
    """A sink that renders payloads, and so needs values of the events."""

    @property
    def needs(self) -> Mapping[str, Needs]:
        """What the payloads ask for, by the stream's name."""

    def reload(self, streams: Sequence[Stream]) -> None:
        """Take changed definitions.

        Raises:
            StreamkitError: They cannot be used; the old ones stay.
        """
        ...
