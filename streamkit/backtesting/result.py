"""The answer of a backtest, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from os import PathLike
from typing import Any, cast

import numpy as np
import polars as pl

from streamkit.backtesting.files import write_atomically
from streamkit.definition import Stream
from streamkit.duration import Duration
from streamkit.errors import EventsError
from streamkit.events import History
from streamkit.events.asking import ask_arrow
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Query
from streamkit.events.values import macros_used
from streamkit.matching import MATCH_SCHEMA, Found, StreamMatches
from streamkit.matching.chains import Ints
from streamkit.matching.scan import part_sql
from streamkit.times import from_microseconds, to_microseconds

__all__ = ["Backtest"]

SINGLE_EVENTS_PER_ACTIVATION = 100


@dataclass(frozen=True, eq=False, repr=False)
class Backtest:
    """What streams would have done over a history.

    It shows itself as a report in a notebook and in a terminal; every number in the report is
    also here as data.

    Args:
        streams: The definitions.
        history: The events.
        found: What matching found.
        since: Only matches that fire at or after it; None for no bound.
        until: Only events and matches before it; None for no bound.
        seconds: How long it took.
    """

    streams: tuple[Stream, ...]
    history: History
    found: Found
    since: datetime | None
    until: datetime | None
    seconds: float

    @cached_property
    def matches(self) -> pl.DataFrame:
        """All matches, a row each: stream by stream, in the order of `fired_at`.

        Columns: `stream`, `version`, `match_id`, `key` (list of text), `session`, `user`,
        `started_at`, `matched_at`, `fired_at` (timestamps, microseconds, UTC), and `events`, a
        list of `{step, id, time, name}` with one entry a step.
        """
        return pl.concat([MATCH_SCHEMA.to_frame(), *(s.tables.matches for s in self.found.streams)])

    @cached_property
    def pending(self) -> pl.DataFrame:
        """Matches whose last exclude could still happen, with the columns of `matches`.

        `fired_at` is when each will fire if it does not.
        """
        return pl.concat([MATCH_SCHEMA.to_frame(), *(s.tables.pending for s in self.found.streams)])

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The numbers, as plain data: what `streamkit backtest --json` prints."""
        census = self.found.census
        summary: dict[str, Any] = {
            "streams": [self._stream_summary(each) for each in self.found.streams],
            "rows": census.rows,
            "skipped": dict(census.skipped),
            "horizon": None if census.horizon is None else _text(from_microseconds(census.horizon)),
            "since": None if self.since is None else _text(self.since),
            "until": None if self.until is None else _text(self.until),
            "notes": list(self.notes),
        }
        if census.missing:
            summary["missing"] = dict(census.missing)
        if self.history.schema.sessionizer is not None:
            summary["unproven_sessions"] = self.found.unproven_sessions
        return summary

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers should know, as sentences."""
        notes = list(self.history.notes)
        if self.found.tied_rows:
            notes.append(
                f"{self.history.source.label} has no order of its own and holds events of equal time:"
                " name a 'sequence' column in the schema to order them"
            )
        if self.found.unproven_sessions:
            notes.append(
                f"{self.found.unproven_sessions:,} sessions may have begun before the input does"
            )
        for each in self.found.streams:
            if not each.funnel[0].events and self.found.census.rows:
                first = step_label(each.plan.stream.positive_steps[0])
                notes.append(
                    f"{each.plan.stream.name}: no event met the first step ({first});"
                    " 'streamkit check' with these events says what could never match"
                )
            if each.duplicates:
                notes.append(
                    f"{each.plan.stream.name}: {each.duplicates:,} events with an id seen before"
                    f" in their {'session' if each.plan.key == ('session',) else 'key'} are dropped"
                )
            if each.lacking:
                counted = ", ".join(f"{name} {count:,}" for name, count in each.lacking.items())
                notes.append(
                    f"{each.plan.stream.name}: events without a whole key"
                    f" ({', '.join(each.plan.key)}) are left out: {counted}"
                )
        return tuple(notes)

    def _stream_summary(self, found: StreamMatches) -> dict[str, Any]:
        stream, matches = found.plan.stream, found.tables.matches
        fired = matches["fired_at"].to_list()
        return {
            "name": stream.name,
            "version": stream.version,
            "matches": len(matches),
            "matched_keys": matches["key"].n_unique(),
            "keys": self.found.census.keys[found.plan.key],
            "pending": len(found.tables.pending),
            "held_back": found.tables.held_back,
            "activations": activations(stream, len(matches)),
            "first": _text(fired[0]) if fired else None,
            "last": _text(fired[-1]) if fired else None,
            "without_key": dict(found.lacking),
            "duplicates": found.duplicates,
        }

    def funnel(self, stream: str | None = None) -> pl.DataFrame:
        """How far keys came: a row for each step, then for what happened to the rest.

        A step counts a key if some run of the steps up to it keeps all windows and excludes up
        to there. After the steps come `fired` (also the last excludes), and `matched` (also the
        frequency rule and the cooldown).

        Args:
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `step` (from 0; null behind the steps), `stage` (text), `keys`,
            `events` (events that ended a run so far), `of_first` and `of_previous` (shares of
            keys, 0 to 1).
        """
        rows = [row for found in self._chosen(stream) for row in _funnel_rows(found)]
        return pl.DataFrame(
            rows,
            schema={
                "stream": pl.String,
                "step": pl.Int32,
                "stage": pl.String,
                "keys": pl.Int64,
                "events": pl.Int64,
            },
            orient="row",
        ).with_columns(
            of_first=_share("keys", pl.col("keys").first().over("stream")),
            of_previous=_share("keys", pl.col("keys").shift(1).over("stream")),
        )

    def counts(
        self, every: str = "1d", by: str | None = None, stream: str | None = None
    ) -> pl.DataFrame:
        """Matches over time, periods without a match included.

        Args:
            every: Length of a period, such as `1h` or `7d`, counted from 1970-01-01 UTC.
            by: `session`, `user`, or a path of the firing event, to count each value apart.
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `period` (start, UTC), the value of `by` as text if asked for, and
            `matches`.

        Raises:
            EventsError: `by` is not in the events.

        Example:
            >>> backtest(streams, "events/").counts(every="1d", by="country")  # doctest: +SKIP
        """
        try:
            step = Duration.parse(every).microseconds
        except ValueError as error:
            raise EventsError(f"every {every!r}: {error}", code="bad-duration") from None
        if not step:
            raise EventsError("every is longer than zero", code="bad-duration")
        frames = [self._counts(found, step, by) for found in self._chosen(stream)]
        return pl.concat(frames)

    def _counts(self, found: StreamMatches, step: int, by: str | None) -> pl.DataFrame:
        fired = found.tables.matches["fired_at"].to_physical().to_numpy()
        census = self.found.census
        first = census.begin if self.since is None else to_microseconds(self.since)
        last = census.horizon or census.begin
        periods = np.arange(first // step, max(last // step, first // step) + 1) * step
        whole = pl.DataFrame({"period": periods})
        counted = pl.DataFrame({"period": fired // step * step})
        value = []
        if by is not None:
            counted = counted.with_columns(self._values(found, by).alias(by))
            whole = whole.join(counted.select(by).unique(maintain_order=True), how="cross")
            value = [by]
        counts = counted.group_by("period", *value).len("matches")
        joined = whole.join(counts, on=["period", *value], how="left", nulls_equal=True)
        return joined.sort("period", *value, nulls_last=True).select(
            pl.lit(found.plan.stream.name).alias("stream"),
            pl.col("period").cast(pl.Datetime("us", "UTC")),
            *value,
            pl.col("matches").fill_null(0).cast(pl.Int64),
        )

    def _values(self, found: StreamMatches, by: str) -> pl.Series:
        """A property of each match's firing event, as text."""
        if by in ("session", "user"):
            return found.tables.matches[by]

        def columns(values: RowValues) -> Mapping[str, str]:
            return {"value": part_sql(self.history, by, values)}

        looked_up = self._look_up(found.tables.positions[-1], columns)
        return looked_up["value"]

    def rows(self, stream: str | None = None) -> pl.DataFrame:
        """The full event rows behind the matches.

        Args:
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `match_id` and `step`, then every column of the input.
        """
        frames = []
        for found in self._chosen(stream):
            positions, matches = found.tables.positions, found.tables.matches
            steps, count = positions.shape
            ids = pl.DataFrame(
                {
                    "stream": pl.repeat(found.plan.stream.name, steps * count, eager=True),
                    "match_id": pl.concat([matches["match_id"]] * steps),
                    "step": np.repeat(np.arange(steps, dtype=np.int32), count),
                }
            )
            names = {f"_column_{place}": name for place, name in enumerate(self.history.columns)}
            full = self._look_up(positions.ravel(), partial(self._columns, names)).rename(names)
            order = np.arange(steps * count).reshape(steps, count).T.ravel()
            frames.append(pl.concat([ids, full], how="horizontal")[order])
        return pl.concat(frames)

    def _columns(self, names: Mapping[str, str], values: RowValues) -> Mapping[str, str]:
        """The input's columns as they are, by aliases."""
        bind = self.history.bind_column
        return {alias: values.column(bind(name)) for alias, name in names.items()}

    def _look_up(
        self, positions: Ints, columns: Callable[[RowValues], Mapping[str, str]]
    ) -> pl.DataFrame:
        """Columns of some rows of the input, in the order of the positions."""
        query = self.history.lookup(columns)
        wanted = np.unique(positions)
        with self.history.connect() as connection:
            connection.register("wanted", pl.DataFrame({"position": wanted}).to_arrow())
            found = ask_arrow(connection, query)
        # Arrow's take, because Polars cannot gather maps from a column in several chunks
        order = np.argsort(found["position"].to_numpy())[np.searchsorted(wanted, positions)]
        rows = found.drop_columns("position").combine_chunks().take(order)
        return cast("pl.DataFrame", pl.from_arrow(rows))

    @property
    def sql(self) -> str:
        """The queries that were asked: the macros they use, their named steps, the bound values."""
        queries = [f"-- {title}\n{_shown(query)}" for title, query in self.found.queries.items()]
        macros = macros_used("\n".join(query.sql for query in self.found.queries.values()))
        return "\n\n".join([*macros, *queries])

    def write_matches(self, path: str | PathLike[str]) -> None:
        """Write `matches` to a Parquet file, whole or not at all."""
        write_atomically(path, self.matches.write_parquet)

    def __repr__(self) -> str:
        from streamkit.backtesting.text import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from streamkit.backtesting.html import report_html

        return report_html(self)

    def _chosen(self, stream: str | None) -> Sequence[StreamMatches]:
        if stream is None:
            return self.found.streams
        chosen = [each for each in self.found.streams if each.plan.stream.name == stream]
        if not chosen:
            names = ", ".join(each.name for each in self.streams)
            raise EventsError(f"no stream {stream!r} here", code="no-such-stream", hint=names)
        return chosen


def activations(stream: Stream, matches: int) -> float:
    """What matches cost: 1 for a pattern or a wait, 1/100 for a single event."""
    return matches if stream.is_pattern else matches / SINGLE_EVENTS_PER_ACTIVATION


def _funnel_rows(found: StreamMatches) -> list[tuple[str, int | None, str, int, int]]:
    stream, matches = found.plan.stream, found.tables.matches
    *steps, fired = found.funnel
    rows: list[tuple[str, int | None, str, int, int]] = [
        (stream.name, place, step_label(step), stage.keys, stage.events)
        for place, (step, stage) in enumerate(zip(stream.positive_steps, steps, strict=True))
    ]
    rows.append((stream.name, None, "fired", fired.keys, fired.events))
    rows.append((stream.name, None, "matched", matches["key"].n_unique(), len(matches)))
    return rows


def step_label(step: Any) -> str:
    """A step in a few words."""
    from streamkit.definition import Defined

    names = [
        each.name if isinstance(each, Defined) else (each.event or "any event")
        for each in step.alternatives
    ]
    label = " or ".join(dict.fromkeys(names))
    return f"{label} × {step.at_least}" if step.at_least > 1 else label


def _share(column: str, of: pl.Expr) -> pl.Expr:
    return pl.when(of > 0).then(pl.col(column) / of)


def _shown(query: Query) -> str:
    values = "\n".join(f"-- ${name} = {repr(value)[:200]}" for name, value in query.values.items())
    return f"{values}\n{query.sql};" if values else f"{query.sql};"


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
