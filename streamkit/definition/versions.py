"""The version of a stream: a hash of what changes matching, whatever way it was written."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING

from streamkit.definition.criteria import NEGATIVES, All, Any, Comparison, Criterion, Not, Scalar
from streamkit.definition.model import Condition, Exclude, Pattern, conditions
from streamkit.duration import Duration
from streamkit.times import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit.definition.stream import Stream

__all__ = ["stream_version"]

EXACT_DOUBLE = 2**53


def stream_version(stream: Stream) -> str:
    """The first 12 hex digits of the SHA-256 of the stream's canonical JSON."""
    text = _json(_canonical_stream(stream))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sorted(values: Iterable[object]) -> list[object]:
    """The values without repeats, in an order of their own."""
    return [json.loads(text) for text in sorted({_json(value) for value in values})]


def _canonical_stream(stream: Stream) -> dict[str, object]:
    """Everything that decides a match, with defaults filled in and names resolved."""
    return {
        "per": stream.per if isinstance(stream.per, str) else list(stream.per),
        "where": _criterion(stream.where),
        "steps": [
            {
                "alternatives": _pattern(step.alternatives),
                "within": _microseconds(step.within),
                "at_least": step.at_least,
                "excludes": _excludes(excludes),
            }
            for step, excludes in zip(stream.positive_steps, stream.excludes_before, strict=True)
        ],
        "last": _excludes(stream.last_excludes),
        "exclude": _excludes(stream.exclude),
        "within": _within(stream),
        "frequency": stream.frequency,
        "cooldown": _cooldown(stream),
    }


def _within(stream: Stream) -> object:
    """The window; of a single event it decides nothing but the end of the last excludes."""
    if stream.copies == 1:
        return None
    return _microseconds(stream.within) if isinstance(stream.within, Duration) else stream.within


def _cooldown(stream: Stream) -> object:
    if stream.cooldown is None:
        return None
    by = "key" if stream.cooldown.by == stream.per else stream.cooldown.by
    return {"for": _microseconds(stream.cooldown.for_), "by": by}


def _microseconds(duration: Duration | None) -> int | None:
    return None if duration is None else duration.microseconds


def _pattern(pattern: Pattern) -> list[object]:
    return _sorted(map(_condition, conditions(pattern)))


def _condition(condition: Condition) -> object:
    return {"event": condition.event, "where": _criterion(condition.where)}


def _excludes(excludes: Iterable[Exclude]) -> list[object]:
    """Excludes of one place: their order means nothing, nor how alternatives are grouped."""
    return _sorted(
        {
            "condition": _condition(condition),
            "lookback": _microseconds(exclude.lookback),
            "for": _microseconds(exclude.for_),
        }
        for exclude in excludes
        for condition in conditions(exclude.alternatives)
    )


def _criterion(criterion: Criterion) -> object:
    if isinstance(criterion, All | Any):
        return _together(type(criterion).__name__.lower(), map(_criterion, criterion.criteria))
    if isinstance(criterion, Not):
        return _negated(_criterion(criterion.criterion))
    return _comparison(criterion)


def _together(group: str, parts: Iterable[object]) -> object:
    """Criteria of one group; a group inside a group of its kind is part of it."""
    flat: list[object] = []
    for part in parts:
        same = isinstance(part, dict) and set(part) == {group}
        flat += part[group] if same else [part]  # type: ignore[index] # a dict, as just seen
    flat = _sorted(flat)
    return flat[0] if len(flat) == 1 else {group: flat}


def _negated(canonical: object) -> object:
    if isinstance(canonical, dict) and set(canonical) == {"not"}:
        return canonical["not"]
    return {"not": canonical}


def _comparison(comparison: Comparison) -> object:
    operator, operand = comparison.operator, comparison.operand
    positive = NEGATIVES.get(operator, operator)
    values = (
        [_scalar(each) for each in operand] if isinstance(operand, tuple) else [_scalar(operand)]
    )
    if positive in {"in", "eq"}:
        values = _sorted(values)
        positive = "eq" if len(values) == 1 else "in"
    canonical: object = {
        "path": list(comparison.path.segments),
        "operator": positive,
        "operand": values,
        "ignore_case": comparison.ignore_case,
    }
    if positive == "exists":
        canonical = {"path": list(comparison.path.segments), "operator": "exists"}
        return canonical if operand is True else _negated(canonical)
    return _negated(canonical) if operator in NEGATIVES else canonical


def _scalar(value: Scalar) -> object:
    if isinstance(value, datetime):
        return {"time": to_microseconds(value)}
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_DOUBLE:
        return int(value)
    return value
