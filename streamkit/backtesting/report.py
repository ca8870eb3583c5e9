"""The report of a backtest as parts, HTML and charts, for whoever shows them.

A notebook, a plain HTML text and a saved page show the same parts; each draws charts in its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from streamkit.backtesting.measures import BUDGET
from streamkit.backtesting.text import (
    amount,
    headline,
    percent,
    seconds_words,
    skipped_sentence,
    stream_of,
    unit_of,
)
from streamkit.backtesting.timelines import timelines, waiting
from streamkit.charting import BarSeries, Chart, bars_over_time, bins, spread_chart
from streamkit.charting.chart import VERMILLION
from streamkit.definition.sentences import duration_words
from streamkit.duration import Duration
from streamkit.markup import BAR, QUIET, Markup, bar, shown, table, tag
from streamkit.times import from_microseconds

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["Part", "overview_parts", "stream_parts", "summary_parts"]

Part: TypeAlias = Markup | Chart

MOST_ROWS_READ_AGAIN = 1_000_000
"""Histories longer than this are not read a second time without being asked to."""
WARNING = 0.8
"""Share of the budget from which on a report warns."""
UNITS = (("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86400))


def stream_parts(result: Backtest, name: str, budget: float = BUDGET) -> Iterator[Part]:
    """The report of one stream.

    Args:
        result: The backtest.
        name: The stream's name.
        budget: Activations a month that the cost is compared with.
    """
    stream = stream_of(result, name)
    numbers = next(each for each in result.summary["streams"] if each["name"] == name)
    yield Markup(
        tag("h2", shown(name, 100), style="margin:.6em 0 .2em;font-size:1.35em")
        + (
            tag("p", shown(stream.description, 500), style="margin:.2em 0")
            if stream.description
            else ""
        )
        + tag(
            "p",
            tag("strong", headline(result, numbers)),
            style="margin:.5em 0;font-size:1.15em",
        )
        + tag("p", stream.sentence, style=f"margin:.2em 0 .6em;{QUIET}")
    )
    if numbers["matches"]:
        yield heading("Matches over time")
        yield _over_time(result, [name])
    yield _funnel(result, name)
    if removed := _effects(result, name):
        yield removed
    if numbers["matches"] and stream.copies > 1:
        yield from _durations(result, name)
    yield _cost(result, numbers, budget)
    if numbers["matches"]:
        yield timelines(result, stream)
    if numbers["pending"]:
        yield waiting(result, stream)


def overview_parts(result: Backtest) -> Iterator[Part]:
    """All streams beside one another, where there are several."""
    rows = []
    total = 0.0
    for numbers in result.summary["streams"]:
        total += numbers["activations"]
        rows.append(
            (
                shown(numbers["name"], 100),
                f"{numbers['matches']:,}",
                f"{numbers['matched_keys']:,} of {numbers['keys']:,} {unit_of(result, numbers['name'])}s",
                f"{numbers['pending']:,}",
                f"{numbers['activations']:,.2f}",
            )
        )
    matches = sum(numbers["matches"] for numbers in result.summary["streams"])
    words = f"{len(rows)} streams would have fired {matches:,} times, for {total:,.2f} activations."
    yield tag("h2", "All streams", style="margin:.6em 0 .2em;font-size:1.35em")
    yield tag("p", tag("strong", words), style="margin:.5em 0;font-size:1.15em")
    head = ("stream", "matches", "matched", "still waiting", "activations")
    yield table(head, rows, numbers=(1, 3, 4))
    yield _months(result, None, BUDGET)
    if matches:
        yield heading("Matches over time")
        yield _over_time(result, [each.name for each in result.streams])


def summary_parts(result: Backtest) -> Iterator[Part]:
    """What was run, what a reader should know, and the queries."""
    summary, census = result.summary, result.found.census
    versions = ", ".join(
        f"{shown(each['name'], 100)} ({each['version']})" for each in summary["streams"]
    )
    rows = [
        ("streams (version)", versions),
        ("events", f"{summary['rows']:,} rows of {shown(result.history.source.label, 200)}"),
    ]
    if census.horizon is not None:
        first, last = from_microseconds(census.begin), from_microseconds(census.horizon)
        rows.append(("time is known", f"{first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"))
    if result.since is not None:
        rows.append(("only matches from", f"{result.since:%Y-%m-%d %H:%M:%S} UTC"))
    if result.until is not None:
        rows.append(("only events before", f"{result.until:%Y-%m-%d %H:%M:%S} UTC"))
    rows.append(("took", f"{result.seconds:.1f} seconds"))
    notes = [line for line in (skipped_sentence(result), *result.notes) if line]
    listed = tag("ul", *(tag("li", shown(note, 500)) for note in notes), style="margin:.2em 0")
    sql = tag("pre", result.sql, style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9em")
    queries = tag("details", tag("summary", "SQL: what was asked, as queries"), sql)
    yield Markup(heading("What was run") + table(None, rows) + (listed if notes else "") + queries)


def heading(text: str) -> Markup:
    """The title of a part."""
    return tag("h3", text, style="margin:1em 0 .2em;font-size:1.15em")


def _over_time(result: Backtest, names: list[str]) -> Chart:
    every, period = _period(result)
    tables = [result.counts(every=every, stream=name) for name in names]
    starts = tables[0]["period"].to_list()
    series = [
        BarSeries(shown(name, 60), each["matches"].to_list())
        for name, each in zip(names, tables, strict=True)
    ]
    lengths = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
    return bars_over_time(series, starts, lengths[every], unit="matches", period=period)


def _period(result: Backtest) -> tuple[str, str]:
    """How long a bar is, so that bars can be told apart."""
    first, last = result.span
    if last - first <= timedelta(days=3):
        return "1h", "hour"
    return ("1d", "day") if last - first <= timedelta(days=400) else ("7d", "week")


def _funnel(result: Backtest, name: str) -> Markup:
    unit = unit_of(result, name)
    rows = []
    stages = result.funnel(name).to_dicts()
    for row in stages:
        stage = row["stage"] if row["step"] is None else f"{row['step'] + 1}. {row['stage']}"
        rows.append(
            (
                _with_bar(shown(stage, 80), row["of_first"] or 0.0),
                f"{row['keys']:,}",
                "" if row["of_first"] is None else percent(row["of_first"]),
                "" if row["of_previous"] is None else percent(row["of_previous"]),
                "" if row["median_seconds"] is None else _taken(row),
            )
        )
    head = ("reached", f"{unit}s", "of the first", "of the one before", "time")
    words = _where_it_ends(stages, unit)
    note = "Times are medians over the matches, from the step before."
    return Markup(
        heading(f"How far the {unit}s came")
        + (tag("p", words, style="margin:.2em 0") if words else "")
        + table(head, rows, numbers=(1, 2, 3, 4))
        + (
            tag("p", note, style=f"margin:-.5em 0 .6em;font-size:.9em;{QUIET}")
            if any(row[4] for row in rows)
            else ""
        )
    )


def _with_bar(text: str, share: float, colour: str = BAR) -> Markup:
    """A text over a bar as long as a share; the share stands in another cell as a number."""
    return tag("div", text, bar(share, colour=colour))


def _taken(row: dict[str, Any]) -> str:
    words = seconds_words(row["median_seconds"])
    return f"{words} wait" if row["step"] is None else words


def _where_it_ends(stages: list[dict[str, Any]], unit: str) -> str:
    """The first stage that nothing reached."""
    for before, row in zip([None, *stages], stages, strict=False):
        if not row["keys"]:
            if before is None:
                return f"No event met the first step ({shown(row['stage'], 80)})."
            stage = (
                f"step {row['step'] + 1} ({row['stage']})"
                if row["step"] is not None
                else row["stage"]
            )
            return f"No {unit} came as far as {shown(stage, 100)}; {before['keys']:,} came as far as the stage before."
    return ""


def _effects(result: Backtest, name: str) -> Markup | None:
    rows_read = result.found.census.rows
    if not rows_read:
        return None
    title = heading("What removed what")
    if rows_read > MOST_ROWS_READ_AGAIN:
        words = "Ask result.effects() for it: that reads the events once more."
        return Markup(title + tag("p", words, style=f"margin:.2em 0;{QUIET}"))
    rows = result.effects(name).sort("removed", descending=True, maintain_order=True).to_dicts()
    if not rows:
        return None
    top = max(1, *(row["without"] for row in rows))
    lines = [
        (
            _with_bar(shown(row["rule"], 200), max(row["removed"], 0) / top, VERMILLION),
            f"{row['removed']:,}",
            f"{row['without']:,}",
        )
        for row in rows
    ]
    note = "Matches there would be if one rule were left out and all others stayed."
    return Markup(
        title
        + table(("rule", "matches removed", "matches without it"), lines, numbers=(1, 2))
        + tag("p", note, style=f"margin:-.5em 0 .6em;font-size:.9em;{QUIET}")
    )


def _durations(result: Backtest, name: str) -> Iterator[Part]:
    durations = result.durations(name)
    seconds = durations["seconds"]
    within = stream_of(result, name).within
    within = within if isinstance(within, Duration) else None
    window = None if within is None else within.microseconds / 1e6
    longest = float(seconds.max() or 0)  # type: ignore[arg-type] # a column of numbers
    median = float(seconds.median() or 0)  # type: ignore[arg-type] # a column of numbers
    unit, size = next(
        (each for each in reversed(UNITS) if (window or longest) >= 2 * each[1]), UNITS[0]
    )
    words = (
        f"Half of the matches took at most {seconds_words(median)} from the first event to the last"
    )
    if within is None:
        words += f", the longest {seconds_words(longest)}; the window is unbounded."
    else:
        late = durations.filter(durations["of_window"] > 0.9).height
        words += (
            f", the longest {seconds_words(longest)}; {late:,} of {len(durations):,} ended in the last"
            f" tenth of the window of {duration_words(within)}."
        )
    yield Markup(heading("Time to match") + tag("p", words, style="margin:.2em 0"))
    yield spread_chart(
        bins([value / size for value in seconds], (window or longest) / size),
        unit=unit,
        of="from the first to the last event",
        count_unit="matches",
        middle=median / size,
        edge=None if window is None else window / size,
    )


def _cost(result: Backtest, numbers: dict[str, Any], budget: float) -> Markup:
    stream = stream_of(result, numbers["name"])
    price = "1 activation" if stream.is_pattern else "1/100 of an activation"
    kind = "a pattern or a wait" if stream.is_pattern else "a single event"
    first, last = result.span
    words = f"Counted from {first:%Y-%m-%d} to {last:%Y-%m-%d}. A match of {kind} costs {price}; the budget is {amount(budget)} a calendar month (UTC) for all streams together."
    return Markup(
        _months(result, numbers["name"], budget)
        + tag("p", words, style=f"margin:-.5em 0 .6em;font-size:.9em;{QUIET}")
    )


def _months(result: Backtest, name: str | None, budget: float) -> Markup:
    """Cost by month: of one stream, or of all together."""
    cost = result.cost(name, budget=budget).drop("stream").group_by("month").sum()
    rows = []
    for row in cost.sort("month").to_dicts():
        share = row["of_budget"]
        state = (
            " over the budget" if share > 1 else " close to the budget" if share >= WARNING else ""
        )
        rows.append(
            (
                _with_bar(
                    f"{row['month']:%Y-%m}{state}", share, VERMILLION if share >= WARNING else BAR
                ),
                f"{row['matches']:,}",
                f"{row['activations']:,.2f}",
                percent(share),
            )
        )
    head = ("month (UTC)", "matches", "activations", f"of {amount(budget)}")
    return Markup(heading("Cost against the budget") + table(head, rows, numbers=(1, 2, 3)))
