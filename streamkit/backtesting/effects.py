"""What each rule of a stream takes away: the same backtest with one rule left out at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from streamkit.backtesting.measures import step_label
from streamkit.definition import Exclude, Step, Stream
from streamkit.definition.sentences import duration_words, pattern_words
from streamkit.duration import Duration
from streamkit.matching import find_matches
from streamkit.times import from_microseconds

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["effects_table", "rules_left_out"]

FREQUENCIES = {
    "once": "once for each {key}",
    "per_start": "once for each first event",
    "non_overlapping": "starting anew after each match",
}
LATEST = datetime(9998, 12, 31, tzinfo=UTC)


def effects_table(result: Backtest) -> pl.DataFrame:
    """What each rule takes away; see `Backtest.effects`."""
    variants = [
        (stream, rule, replace(left_out, name=f"{number}-{place}"))
        for number, stream in enumerate(result.streams)
        for place, (rule, left_out) in enumerate(rules_left_out(stream))
    ]
    counted: list[int] = []
    if variants:
        with result.history.connect() as connection:
            found = find_matches(
                [variant for *_, variant in variants],
                result.history,
                connection,
                since=result.since,
                until=result.until,
                now=_now(result),
            )
        counted = [each.count for each in found.streams]
    matches = {each["name"]: each["matches"] for each in result.summary["streams"]}
    rows = [
        (stream.name, rule, matches[stream.name], without, without - matches[stream.name])
        for (stream, rule, _), without in zip(variants, counted, strict=True)
    ]
    schema = {
        "stream": pl.String,
        "rule": pl.String,
        "matches": pl.Int64,
        "without": pl.Int64,
        "removed": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def rules_left_out(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Each rule in words, and the stream without it.

    Example:
        >>> stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="1h")
        >>> [rule for rule, _ in rules_left_out(stream)]
        ['at most 1 hour from the first to the last event', 'once for each session']
    """
    stream = _with_lengths(stream)
    if isinstance(stream.within, Duration) and stream.copies > 1:
        words = f"at most {duration_words(stream.within)} from the first to the last event"
        yield words, replace(stream, within="unbounded")
    before: Step | None = None
    for place, item in enumerate(stream.steps):
        others = (*stream.steps[:place], *stream.steps[place + 1 :])
        if isinstance(item, Exclude):
            yield _exclude_words(stream, place, item, before), replace(stream, steps=others)
            continue
        if item.within is not None:
            words = (
                f"{step_label(item)} at most {duration_words(item.within)} after the step before"
            )
            free = (*stream.steps[:place], replace(item, within=None), *stream.steps[place + 1 :])
            yield words, replace(stream, steps=free)
        before = item
    for place, exclude in enumerate(stream.exclude):
        words = f"no {pattern_words(exclude.alternatives)} anywhere between first and last event"
        kept = (*stream.exclude[:place], *stream.exclude[place + 1 :])
        yield words, replace(stream, exclude=kept)
    if stream.frequency in FREQUENCIES:
        key = stream.per if isinstance(stream.per, str) else " and ".join(stream.per)
        words = FREQUENCIES[stream.frequency].format(key=key)
        yield words, replace(stream, frequency="every")
    if stream.cooldown is not None:
        words = f"{duration_words(stream.cooldown.for_)} of quiet for each {stream.cooldown.by}"
        yield words, replace(stream, cooldown=None)


def _with_lengths(stream: Stream) -> Stream:
    """The stream with the length of each last exclude written out, so that `within` can go."""
    kept = len(stream.steps) - len(stream.last_excludes)
    return replace(stream, steps=(*stream.steps[:kept], *stream.last_excludes))


def _exclude_words(stream: Stream, place: int, exclude: Exclude, before: Step | None) -> str:
    words = f"no {pattern_words(exclude.alternatives)}"
    if before is None:
        if exclude.lookback is None:
            return f"{words} earlier"
        return f"{words} in the {duration_words(exclude.lookback)} before"
    following = (each for each in stream.steps[place:] if isinstance(each, Step))
    after = next(following, None)
    if after is not None:
        return f"{words} between {step_label(before)} and {step_label(after)}"
    assert exclude.for_ is not None
    return f"{words} for {duration_words(exclude.for_)} afterwards"


def _now(result: Backtest) -> datetime:
    """A present that gives the same horizon again, and sees the same rows."""
    horizon = result.found.census.horizon
    if horizon is None:
        return LATEST - timedelta(days=2)
    known = from_microseconds(horizon)
    if result.until is not None and known >= result.until:
        return LATEST - timedelta(days=2)  # `until` alone decides what is seen
    return known - timedelta(hours=24)  # rows up to a day after the present count
