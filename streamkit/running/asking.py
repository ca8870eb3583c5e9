"""What payloads ask of the events that matches are made of, read while the events are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from streamkit.matching.contexts import Context, ContextReader, Needs
from streamkit.matching.plan import Plan
from streamkit.matching.row_paths import Event, RowReaders
from streamkit.running.event_types import EventTypes

__all__ = ["LAST", "Asking", "Values", "context_of"]

Values: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By stream: under a step's number, `firing` or `last`, the values by path as it was written."""
FIRING, LAST = "firing", "last"


class KeptEvent(Protocol):
    """An event of a run."""

    @property
    def values(self) -> Values | None:
        """What was read of it."""


class Asking:
    """Reads of each event what the streams that it touches ask of it.

    Args:
        plan: The compiled streams.
        needs: What their payloads ask for, by the stream's name.
        types: What paths mean.
        readers: Brings properties out of events.
    """

    def __init__(
        self, plan: Plan, needs: Mapping[str, Needs], types: EventTypes, readers: RowReaders
    ) -> None:
        self.of_sessions = any(each.is_of_session for each in needs.values())
        self._streams = [
            (stream.stream.name, ContextReader(needs[stream.stream.name], types, readers),
             [(1 << step.flag, number) for number, step in enumerate(stream.steps)],
             bool(needs[stream.stream.name].session_last))
            for stream in plan.streams
            if stream.stream.name in needs
        ]  # fmt: skip
        self.columns = frozenset(
            column for _, reader, _, _ in self._streams for column in reader.columns
        )

    def values(self, event: Event, flags: int) -> Values | None:
        """What is asked of an event that meets these flags; None for nothing."""
        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, reader, steps, asks_last in self._streams:
            values: dict[str, Mapping[str, Any]] = {}
            for bit, step in steps:
                if flags & bit:
                    values[str(step)] = reader.of_step(step, event)
            if flags & steps[-1][0]:
                values[FIRING] = reader.of_firing(event)
            if asks_last:
                values[LAST] = reader.of_last(event)
            if values:
                found[name] = values
        return found or None


def context_of(stream: str, events: Sequence[KeptEvent]) -> Context:
    """The values of a run's events; the session's are added when the match fires."""
    kept = [{} if each.values is None else each.values.get(stream, {}) for each in events]
    return Context(
        tuple(values.get(str(step), {}) for step, values in enumerate(kept)),
        kept[-1].get(FIRING, {}),
    )
