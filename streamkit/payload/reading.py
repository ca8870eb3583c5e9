"""Paths of a payload as functions of a match."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from streamkit.definition.context_paths import ContextPath
from streamkit.matching.row_values import micros_text
from streamkit.payload.state import Evaluate, State
from streamkit.times import to_microseconds

__all__ = ["Facts", "fact_of", "read_path"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a stream is known before any match.

    Args:
        name: Its name.
        version: Its version.
        steps: How many positive steps it has.
    """

    name: str
    version: str
    steps: int


def fact_of(match: Any) -> Callable[[str], Any]:
    """A function that gives the columns of a match: a row of the table, or a `Match`."""
    return match.get if isinstance(match, Mapping) else partial(_attribute, match)


def _attribute(match: Any, name: str) -> Any:
    return getattr(match, name, None)


def read_path(path: ContextPath, facts: Facts) -> Evaluate:
    """What a path points at, as a function."""
    match path:
        case ContextPath("event", step=int(step), path=inside):
            return _of_event(step, str(inside))
        case ContextPath("key", step=part):
            return _of_key(part)
        case ContextPath("stream", fact=fact):
            known = facts.name if fact == "name" else facts.version
            return lambda _: known
        case ContextPath("match", fact=str(fact)):
            return MATCH_FACTS[fact]
        case ContextPath("user" | "session", fact="id"):
            column = path.root
            return lambda state: state.fact(column)
        case ContextPath("session", fact=str(fact)):
            return SESSION_FACTS[fact]
        case ContextPath("last", path=inside):
            return _of_last(str(inside))
    return _of_firing(str(path.path))


def _of_event(step: int, name: str) -> Evaluate:
    def read(state: State) -> Any:
        events = state.events
        value = events[step].get(name) if step < len(events) else None
        kind = type(value)
        if kind is str or kind is list or kind is dict:
            return state.seen(value)
        return value

    return read


def _of_firing(name: str) -> Evaluate:
    return lambda state: state.seen(state.firing.get(name))


def _of_last(name: str) -> Evaluate:
    def read(state: State) -> Any:
        return None if state.session is None else state.seen(state.session.last.get(name))

    return read


def _of_key(part: int | None) -> Evaluate:
    if part is None:
        return lambda state: list(state.fact("key") or ())

    def read(state: State) -> str | None:
        key = state.fact("key") or ()
        return key[part] if part < len(key) else None

    return read


def _micros(value: Any) -> int | None:
    """A time of a match's row: a datetime, or microseconds already."""
    if isinstance(value, datetime):
        return to_microseconds(value)
    return value if isinstance(value, int) else None


def _time(column: str) -> Evaluate:
    def read(state: State) -> str | None:
        value = state.fact(column)
        if isinstance(value, datetime) and value.tzinfo is not None:
            written = value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
            return f"{written}Z"
        time = _micros(value)
        return None if time is None else micros_text(time)

    return read


def _duration(state: State) -> int | float | None:
    started, matched = _micros(state.fact("started_at")), _micros(state.fact("matched_at"))
    return None if started is None or matched is None else _seconds(matched - started)


def _seconds(micros: int) -> int | float:
    """A length in seconds, whole where it is."""
    whole, rest = divmod(micros, 1_000_000)
    return micros / 1_000_000 if rest else whole


MATCH_FACTS: Mapping[str, Evaluate] = {
    "id": lambda state: state.fact("match_id"),
    "started_at": _time("started_at"),
    "matched_at": _time("matched_at"),
    "fired_at": _time("fired_at"),
    "duration": _duration,
}
SESSION_FACTS: Mapping[str, Evaluate] = {
    "event_count": lambda state: None if state.session is None else state.session.event_count,
    "started_at": lambda state: (
        None if state.session is None else micros_text(state.session.started)
    ),
    "duration": lambda state: (
        None if state.session is None else _seconds(state.session.latest - state.session.started)
    ),
}
