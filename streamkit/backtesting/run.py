"""`backtest`: what would these streams have done?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from streamkit.arguments import read_moment
from streamkit.backtesting.progress import Report, progress
from streamkit.backtesting.result import Backtest
from streamkit.definition import Stream
from streamkit.errors import EventsError
from streamkit.events import EventSource, History
from streamkit.events.asking import watching
from streamkit.matching import find_matches
from streamkit.matching.plan import check_names
from streamkit.times import parse_time

__all__ = ["backtest"]


def backtest(
    streams: Stream | Sequence[Stream],
    history: History | EventSource,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    now: datetime | None = None,
    report: Report | None = None,
) -> Backtest:
    """Find every match that streams would have made in a history.

    All streams share one scan. The answer is that of the whole input, frequency and cooldown
    included; a time range then chooses from it.

    Args:
        streams: One definition or several with names of their own.
        history: The events; anything a `History` can be made from will do.
        since: Only matches with `fired_at` at or after it: a datetime (without a zone it is
            UTC), RFC 3339 text, or a date.
        until: Only events before it, and matches with `fired_at` before it.
        now: The present; the clock's by default. Times more than a day after it are skipped.
        report: Called with what is being done and how far it is (0 to 1, None if unknown); by
            default a bar shows it in a notebook or a terminal, from the first second on.

    Raises:
        DefinitionError: Two streams of one name, or none at all.
        EventsError: The input cannot be read, or a stream asks for what it does not have.

    Example:
        >>> import polars as pl
        >>> from streamkit import backtest, event, Stream
        >>> events = pl.DataFrame({
        ...     "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z"],
        ...     "event": ["add_to_cart", "checkout_error"],
        ...     "session_id": ["s1", "s1"],
        ... })
        >>> stream = Stream("rescue", [event("add_to_cart"), event("checkout_error")], within="1h")
        >>> backtest(stream, events).matches["matched_at"].to_list()
        [datetime.datetime(2026, 3, 1, 10, 5, tzinfo=zoneinfo.ZoneInfo(key='UTC'))]
    """
    streams = (streams,) if isinstance(streams, Stream) else tuple(streams)
    check_names(streams)
    since_time = None if since is None else read_moment(since, "since")
    until_time = None if until is None else read_moment(until, "until")
    if since_time is not None and until_time is not None and since_time >= until_time:
        raise EventsError("'since' is not before 'until'", code="bad-time", hint="swap them")
    now = parse_time(now or datetime.now(UTC))
    began = time.monotonic()
    if not isinstance(history, History):
        history = History(history)
    with (
        history.connect() as connection,
        _told(report) as told,
        watching(connection, told) as stage,
    ):
        found = find_matches(
            streams,
            history,
            connection,
            since=since_time,
            until=until_time,
            now=now,
            report=stage,
        )
    return Backtest(
        streams, history, found, since_time, until_time, seconds=time.monotonic() - began
    )


def _told(report: Report | None) -> AbstractContextManager[Report | None]:
    return progress() if report is None else nullcontext(report)
