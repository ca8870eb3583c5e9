"""A stream in plain English, with every rule in it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

from streamkit.definition.criteria import All, Comparison, Criterion, Not, Scalar
from streamkit.definition.model import Condition, Defined, Exclude, Pattern, Step
from streamkit.document.nodes import shorten
from streamkit.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit.definition.stream import Stream
    from streamkit.duration import Duration

__all__ = ["criterion_words", "duration_words", "pattern_words", "stream_sentence"]

MOST_LISTED = 8
"""Longer lists of values are cut: a sentence is to be read."""
UNITS = {
    "d": "day",
    "h": "hour",
    "m": "minute",
    "s": "second",
    "ms": "millisecond",
    "us": "microsecond",
}
OPENINGS = {
    "once": "For each {key}, fires once, the first time that",
    "every": "For each {key}, fires every time that",
    "per_start": "For each {key}, fires once for each first event, as soon as",
    "non_overlapping": "For each {key}, fires every time, starting anew after each match, that",
}
WORDS = {
    "eq": "is {}",
    "ne": "is missing or not {}",
    "in": "is one of {}",
    "not_in": "is missing or none of {}",
    "gt": "is above {}",
    "gte": "is at least {}",
    "lt": "is below {}",
    "lte": "is at most {}",
    "contains": "contains {}",
    "not_contains": "is missing or does not contain {}",
    "starts_with": "starts with {}",
    "not_starts_with": "is missing or does not start with {}",
    "ends_with": "ends with {}",
    "not_ends_with": "is missing or does not end with {}",
    "matches": "matches the pattern {}",
    "not_matches": "is missing or does not match the pattern {}",
}
SIMPLE_NAME = re.compile(r"[\w.:/-]+")


def stream_sentence(stream: Stream) -> str:
    """The stream in one sentence; see `Stream.sentence`."""
    opening = OPENINGS[stream.frequency].format(key=_key_words(stream.per))
    pieces = [f"{opening} {_order_words(stream)}", *_window_words(stream), *_last_words(stream)]
    if stream.where != All():
        pieces.append(f"where every step's event also meets: {criterion_words(stream.where)}")
    sentence = ", ".join(pieces)
    if stream.cooldown is not None:
        held = duration_words(stream.cooldown.for_)
        by = stream.cooldown.by
        same = _key_words(stream.per) if by == "key" else _name_words(by)
        sentence += f"; after a match, others of the same {same} are held back for {held}"
    return f"{sentence}." if stream.enabled else f"{sentence} (switched off)."


def _key_words(per: str | tuple[str, ...]) -> str:
    if isinstance(per, str):
        return per
    return f"combination of {_and(map(_name_words, per))}"


def _order_words(stream: Stream) -> str:
    """The steps in their order, with what may not happen before and between them."""
    clauses: list[str] = []
    for step, excludes in zip(stream.positive_steps, stream.excludes_before, strict=True):
        words = _step_words(step)
        if not clauses:
            before = [_lookback_words(exclude, stream.per) for exclude in excludes]
            words += f" happens{f' with {_and(before)}' if before else ''}"
        else:
            words = f"then {words}"
            conditions = []
            if step.within is not None:
                conditions.append(f"within {duration_words(step.within)} of the step before")
            if excludes:
                patterns = _or(pattern_words(each.alternatives) for each in excludes)
                conditions.append(f"with no {patterns} in between")
            words += f" ({_and(conditions)})" if conditions else ""
        clauses.append(words)
    return ", ".join(clauses)


def _step_words(step: Step) -> str:
    words = pattern_words(step.alternatives)
    return words if step.at_least == 1 else f"at least {step.at_least} times {words}"


def _lookback_words(exclude: Exclude, per: str | tuple[str, ...]) -> str:
    words = f"no {pattern_words(exclude.alternatives)}"
    if exclude.lookback is None:
        return f"{words} earlier for the same {_key_words(per)}"
    return f"{words} in the {duration_words(exclude.lookback)} before"


def _window_words(stream: Stream) -> list[str]:
    """The window and what may not happen in it."""
    pieces = []
    if stream.copies > 1:
        if stream.within == "unbounded":
            pieces.append("with any time from the first to the last event")
        elif stream.within is not None:
            pieces.append(
                f"within {duration_words(stream.within)} from the first to the last event"
            )
    if stream.exclude:
        patterns = _or(pattern_words(each.alternatives) for each in stream.exclude)
        pieces.append(f"with no {patterns} anywhere between the first and the last event")
    return pieces


def _last_words(stream: Stream) -> list[str]:
    """What may not happen afterwards; the match waits for it."""
    pieces = [
        f"no {pattern_words(each.alternatives)} for {duration_words(each.for_)}"
        for each in stream.last_excludes
        if each.for_ is not None
    ]
    return [f"and then {_and(pieces)} after the last event"] if pieces else []


def pattern_words(pattern: Pattern) -> str:
    """What an event must be, in words."""
    return _or(map(_alternative_words, pattern))


def _alternative_words(alternative: Condition | Defined) -> str:
    if isinstance(alternative, Defined):
        return f"{_name_words(alternative.name)} [{pattern_words(alternative.alternatives)}]"
    name = "any event" if alternative.event is None else _name_words(alternative.event)
    if alternative.where == All():
        return name
    return f"{name} ({criterion_words(alternative.where)})"


def criterion_words(criterion: Criterion) -> str:
    """What the properties must meet, in words."""
    if isinstance(criterion, Comparison):
        return _comparison_words(criterion)
    if isinstance(criterion, Not):
        return f"not [{criterion_words(criterion.criterion)}]"
    parts = [
        criterion_words(each)
        if isinstance(each, Comparison | Not)
        else f"[{criterion_words(each)}]"
        for each in criterion.criteria
    ]
    return (" and " if isinstance(criterion, All) else " or ").join(parts)


def _comparison_words(comparison: Comparison) -> str:
    name = _name_words(str(comparison.path))
    operand = comparison.operand
    if comparison.operator == "exists":
        return f"{name} is {'present' if operand else 'missing'}"
    if comparison.operator == "between" and isinstance(operand, tuple):
        return f"{name} is from {_scalar_words(operand[0])} to {_scalar_words(operand[1])}"
    values = operand if isinstance(operand, tuple) else (operand,)
    listed = ", ".join(map(_scalar_words, values[:MOST_LISTED]))
    if len(values) > MOST_LISTED:
        listed += f" and {len(values) - MOST_LISTED:,} more"
    ignoring = " in upper or lower case" if comparison.ignore_case else ""
    return f"{name} {WORDS[comparison.operator].format(listed)}{ignoring}"


def _scalar_words(value: Scalar) -> str:
    if isinstance(value, datetime):
        return f"the time {format_time(value)}"
    if isinstance(value, str):
        return json.dumps(shorten(value), ensure_ascii=False)
    return json.dumps(value)


def duration_words(duration: Duration) -> str:
    """A duration in words.

    Example:
        >>> from streamkit.duration import Duration
        >>> duration_words(Duration.parse("90s"))
        '90 seconds'
    """
    text = str(duration)
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = UNITS[text.removeprefix(number)]
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"


def _name_words(name: str) -> str:
    """A name bare where it reads as one word, quoted otherwise."""
    if SIMPLE_NAME.fullmatch(name) and len(name) <= 80:
        return name
    return json.dumps(shorten(name), ensure_ascii=False)


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
