"""The answer of a backtest, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from os import PathLike
from typing import Any

import polars as pl

from streamkit.backtesting.effects import effects_table
from streamkit.backtesting.event_rows import full_rows, texts_at
from streamkit.backtesting.examples import EXAMPLE_SCHEMA, example_table
from streamkit.backtesting.files import write_atomically
from streamkit.backtesting.measures import (
    BUDGET,
    activations,
    cost_table,
    counts_table,
    durations_table,
    funnel_table,
    step_label,
)
from streamkit.definition import Stream
from streamkit.duration import Duration
from streamkit.errors import EventsError
from streamkit.events import History
from streamkit.events.sql import Query
from streamkit.events.values import macros_used
from streamkit.matching import MATCH_SCHEMA, Found, StreamMatches
from streamkit.times import from_microseconds, to_microseconds

__all__ = ["Backtest"]


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

    Example:
        >>> import polars as pl
        >>> from streamkit import Stream, backtest
        >>> events = pl.DataFrame({
        ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z", "2026-03-02T09:00:00Z"],
        ...     "event": ["cart", "error", "cart"],
        ...     "session_id": ["s1", "s1", "s2"],
        ... })
        >>> stream = Stream("rescue", [{"event": "cart"}, {"event": "error"}], within="1h")
        >>> result = backtest(stream, events)
        >>> result.summary["streams"][0]["matches"]
        1
    """

    streams: tuple[Stream, ...]
    history: History
    found: Found
    since: datetime | None
    until: datetime | None
    seconds: float

    @cached_property
    def matches(self) -> pl.DataFrame:
        """All matches, a row each: stream by stream, in the order of `fired_at`, then of id.

        They are described when this is first asked for: numbers of matches cost less.

        Columns: `stream`, `version`, `match_id`, `key` (list of text), `session`, `user`,
        `started_at`, `matched_at`, `fired_at` (timestamps, microseconds, UTC), and `events`, a
        list of `{step, id, time, name}` with one entry a step.

        Raises:
            EventsError: The files have changed since they were matched.
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
        if self.found.was_on_disk:
            notes.append(
                "more events touch the streams than memory should hold: they were sorted by key on disk"
            )
        if self.found.begin is not None and self.found.begin > self.found.census.begin:
            notes.append(
                f"events before {_text(from_microseconds(self.found.begin))} were not read for the"
                " matches: no session that goes on in the range began earlier"
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
        stream, fired = found.plan.stream, found.confirmed.fired_at
        return {
            "name": stream.name,
            "version": stream.version,
            "matches": found.count,
            "matched_keys": found.matched_keys,
            "keys": self.found.census.keys[found.plan.key],
            "pending": found.pending,
            "held_back": found.held_back,
            "activations": activations(stream, found.count),
            "first": _text(from_microseconds(int(fired.min()))) if len(fired) else None,
            "last": _text(from_microseconds(int(fired.max()))) if len(fired) else None,
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
            keys, 0 to 1), and `median_seconds`: half of the matches took at most so long from the
            step before (in a first step of several copies: from the first copy); at `fired` the
            wait after the last event. Null where there is none.

        Example:
            >>> from streamkit import Stream, backtest
            >>> events = pl.DataFrame({
            ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z"],
            ...     "event": ["cart", "error"], "session_id": ["s1", "s1"],
            ... })
            >>> stream = Stream("rescue", [{"event": "cart"}, {"event": "error"}], within="1h")
            >>> backtest(stream, events).funnel().select("stage", "keys", "median_seconds").rows()
            [('cart', 1, None), ('error', 1, 300.0), ('fired', 1, None), ('matched', 1, None)]
        """
        return funnel_table(self._chosen(stream))

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
        values = None
        if by in ("session", "user"):
            values = by, found.tables.matches[by]
        elif by is not None:
            values = by, texts_at(self.history, found.tables.positions[-1], by)
        first, last = map(to_microseconds, self.span)
        return counts_table(found, first, last, step, values)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The first and the last time that was asked about: of the events, or `since`."""
        census = self.found.census
        first = from_microseconds(census.begin) if self.since is None else self.since
        last = from_microseconds(census.begin if census.horizon is None else census.horizon)
        return first, max(first, last)

    def durations(self, stream: str | None = None) -> pl.DataFrame:
        """How long each match took from its first event to its last.

        Args:
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `match_id`, `seconds`, and `of_window`: the share of the overall
            window that was used (0 to 1), null where the window is unbounded. Many matches close
            to 1 mean that the window cuts others off.

        Example:
            >>> from streamkit import Stream, backtest
            >>> events = pl.DataFrame({
            ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z"],
            ...     "event": ["cart", "error"], "session_id": ["s1", "s1"],
            ... })
            >>> stream = Stream("rescue", [{"event": "cart"}, {"event": "error"}], within="1h")
            >>> backtest(stream, events).durations().select("seconds", "of_window").rows()
            [(900.0, 0.25)]
        """
        return pl.concat([durations_table(found) for found in self._chosen(stream)])

    def cost(self, stream: str | None = None, *, budget: float = BUDGET) -> pl.DataFrame:
        """What the matches cost, by calendar month in UTC of `fired_at`.

        A match of a pattern or a wait costs one activation, a match of a single event a hundredth.

        Args:
            stream: Name of one stream; all of them by default.
            budget: Activations a month for all streams together.

        Returns:
            Columns `stream`, `month` (its first day), `matches`, `activations`, and `of_budget`
            (share of the month's budget; above 1 is too much). The first and the last month hold
            only what the events cover of them.

        Example:
            >>> from streamkit import Stream, backtest
            >>> events = pl.DataFrame({
            ...     "time": ["2026-03-31T10:00:00Z", "2026-04-01T10:15:00Z"],
            ...     "event": ["buy", "buy"], "session_id": ["s1", "s2"],
            ... })
            >>> backtest(Stream("buy", [{"event": "buy"}]), events).cost()["activations"].to_list()
            [0.01, 0.01]
        """
        if not budget > 0:
            raise EventsError("a budget is more than zero activations", code="bad-budget")
        first, last = self.span
        return pl.concat([cost_table(found, first, last, budget) for found in self._chosen(stream)])

    def effects(self, stream: str | None = None) -> pl.DataFrame:
        """What each rule takes away: matches there would be if that one rule were left out.

        The rules are the windows, the excludes, the frequency and the cooldown; all others stay
        as they are. This reads the events once more, for all streams together.

        Args:
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `rule` (in words), `matches` (with all rules), `without` (without
            this one), and `removed`, the difference.

        Example:
            >>> from streamkit import Stream, backtest
            >>> events = pl.DataFrame({
            ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"],
            ...     "event": ["cart", "error"], "session_id": ["s1", "s1"],
            ... })
            >>> stream = Stream("rescue", [{"event": "cart"}, {"event": "error"}], within="1h")
            >>> backtest(stream, events).effects().select("rule", "removed").rows()[0]
            ('at most 1 hour from the first to the last event', 1)
        """
        chosen = [found.plan.stream.name for found in self._chosen(stream)]
        return self._effects.filter(pl.col("stream").is_in(chosen))

    @cached_property
    def _effects(self) -> pl.DataFrame:
        """Of all streams, as that is one scan as well."""
        return effects_table(self)

    def examples(self, count: int = 3, stream: str | None = None) -> pl.DataFrame:
        """Some matches with their events: the first, the last, others evenly between them.

        Args:
            count: How many matches of each stream.
            stream: Name of one stream; all of them by default.

        Returns:
            A row for each event: `stream`, `match_id`, `step` (from 0), `stage` (the step in a few
            words), `name`, `time`, `seconds` since the match's first event, and `properties`: up
            to four values that the stream's criteria look at, as a list of `{path, value}`.
            Values are cut to 200 characters. Of a step with several copies it is the last one.

        Example:
            >>> from streamkit import Stream, backtest
            >>> events = pl.DataFrame({
            ...     "time": ["2026-03-01T10:00:00Z"], "event": ["buy"], "session_id": ["s1"],
            ...     "price": [25.5],
            ... })
            >>> stream = Stream("buy", [{"event": "buy", "where": {"price": {"gt": 20}}}])
            >>> backtest(stream, events).examples()["properties"].to_list()
            [[{'path': 'price', 'value': '25.5'}]]
        """
        tables = [example_table(self.history, each, count) for each in self._chosen(stream)]
        return pl.concat([EXAMPLE_SCHEMA.to_frame(), *tables])

    def only(self, stream: str) -> Backtest:
        """The same answer for one of the streams, with its whole report.

        Args:
            stream: Its name.

        Raises:
            EventsError: No stream of that name is here.
        """
        chosen = tuple(self._chosen(stream))
        return replace(
            self,
            streams=tuple(each.plan.stream for each in chosen),
            found=replace(self.found, streams=chosen),
        )

    def rows(self, stream: str | None = None) -> pl.DataFrame:
        """The full event rows behind the matches.

        Args:
            stream: Name of one stream; all of them by default.

        Returns:
            Columns `stream`, `match_id` and `step`, then every column of the input.
        """
        return pl.concat([full_rows(self.history, found) for found in self._chosen(stream)])

    @property
    def sql(self) -> str:
        """What was asked, as queries: the macros they use, their named steps, the bound values.

        Files whose roles are plain columns answer the first two as they stand, without a query.
        """
        queries = [f"-- {title}\n{_shown(query)}" for title, query in self.found.queries.items()]
        macros = macros_used("\n".join(query.sql for query in self.found.queries.values()))
        return "\n\n".join([*macros, *queries])

    def write_matches(self, path: str | PathLike[str]) -> None:
        """Write `matches` to a Parquet file, whole or not at all."""
        write_atomically(path, self.matches.write_parquet)

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the report to one HTML file that needs no network and prints well.

        Args:
            path: The file; it appears whole or not at all.

        Raises:
            EventsError: The folder is not there or may not be written to.
        """
        from streamkit.backtesting.page import page_html

        page = page_html(self)
        write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))

    def __repr__(self) -> str:
        from streamkit.backtesting.text import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from streamkit.backtesting.html import report_html

        return report_html(self)

    def _ipython_display_(self) -> None:
        from streamkit.backtesting.html import show

        show(self)

    def _chosen(self, stream: str | None) -> Sequence[StreamMatches]:
        if stream is None:
            return self.found.streams
        chosen = [each for each in self.found.streams if each.plan.stream.name == stream]
        if not chosen:
            names = ", ".join(each.name for each in self.streams)
            raise EventsError(f"no stream {stream!r} here", code="no-such-stream", hint=names)
        return chosen


def _shown(query: Query) -> str:
    values = "\n".join(f"-- ${name} = {repr(value)[:200]}" for name, value in query.values.items())
    return f"{values}\n{query.sql};" if values else f"{query.sql};"


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
