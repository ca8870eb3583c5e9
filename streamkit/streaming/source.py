"""What live events come from: `Source`, and what it hands over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

__all__ = ["AnsweringSource", "Arrived", "ColumnSource", "EndOfEvents", "Source"]


class EndOfEvents(Exception):  # noqa: N818 # an end is no error
    """A source has nothing more, and will never have."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Events that came together.

    Args:
        events: Mappings, or JSON objects as text or bytes, in the order of arrival.
        positions: For each its place in its source, for events of equal time; None for the order
            of arrival.
        position: Where the source goes on after these events, as JSON-able data; None if it
            cannot go back.
        watermark: The source's own word that no event before this time will come.
        token: The source's own mark for the batch; nobody else looks at it.
    """

    events: Sequence[Any]
    positions: Sequence[Any] | None = None
    position: Any = None
    watermark: datetime | int | None = None
    token: Any = None


@runtime_checkable
class Source(Protocol):
    """Where live events come from. One thread calls all of it but `open`.

    A source with an attribute `keeps_time` that is true says in each batch how far time is known;
    the matcher then has no allowed lateness of its own. One with `queue_length` says how many
    events it holds, and one whose `can_go_back` is false is a loss at a crash, which is told.
    """

    def open(self, position: Any | None) -> None:
        """Begin.

        Args:
            position: Where to go on, as the last committed `Arrived.position` said; None for the
                beginning.
        """
        ...

    def read(self, timeout: float) -> Arrived | None:
        """The next events.

        Args:
            timeout: How long to wait for some, in seconds.

        Returns:
            None when nothing came within the time.

        Raises:
            EndOfEvents: There is nothing more, and never will be.
        """
        ...

    def committed(self, position: Any) -> None:
        """Take the word that everything up to a position is safe in the state."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class ColumnSource(Source, Protocol):
    """A source that can leave out what nobody asks for."""

    def choose(self, columns: Collection[str]) -> None:
        """Read these columns from now on; called before `open`, and when streams change."""
        ...


@runtime_checkable
class AnsweringSource(Source, Protocol):
    """A source that tells whoever sent events what became of them."""

    def skipped(self, skips: Sequence[tuple[int, str]]) -> None:
        """Take the word which events take no part; called before they are committed.

        Args:
            skips: The place of each among the events read last, from 0, and why.
        """
        ...
