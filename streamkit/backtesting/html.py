"""A backtest as HTML that stands alone.

Everything is built from `tag`, which escapes every text and attribute, and styled inline: a saved
or untrusted notebook keeps tables, `details` and inline styles and drops scripts, SVG and style
sheets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit.backtesting.text import headline, skipped_sentence
from streamkit.markup import Markup, tag

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["report_html"]

BLUE = "#0b6bcb"
QUIET = "opacity:.7"
NUMBER = "text-align:right;padding:2px 12px;font-variant-numeric:tabular-nums"
CELL = "text-align:left;padding:2px 12px 2px 0"
EXAMPLES = 3


def report_html(result: Backtest) -> str:
    """The report of all streams."""
    parts = [_stream(result, numbers) for numbers in result.summary["streams"]]
    return tag("div", *parts, _input(result), style="max-width:60em;line-height:1.45")


def _stream(result: Backtest, numbers: dict[str, Any]) -> Markup:
    stream = next(each for each in result.streams if each.name == numbers["name"])
    parts = [
        tag("h3", stream.name, style="margin:1em 0 .2em"),
        tag("p", stream.sentence, style=f"margin:.2em 0;{QUIET}"),
        tag("p", tag("strong", headline(result, numbers)), style="margin:.6em 0"),
        _funnel(result, stream.name),
    ]
    if numbers["matches"]:
        parts += [_days(result, stream.name), _examples(result, stream.name)]
    return tag("section", *parts)


def _funnel(result: Backtest, name: str) -> Markup:
    rows = []
    for row in result.funnel(name).to_dicts():
        share = row["of_first"] or 0.0
        bar = tag("div", style=f"background:{BLUE};height:.8em;width:{max(200 * share, 1):.0f}px")
        stage = row["stage"] if row["step"] is None else f"{row['step'] + 1}. {row['stage']}"
        rows.append(
            tag(
                "tr",
                tag("th", stage, scope="row", style=CELL + ";font-weight:normal"),
                tag("td", f"{row['keys']:,}", style=NUMBER),
                tag("td", f"{100 * share:.1f} %", style=NUMBER),
                tag("td", bar, style=CELL),
            )
        )
    head = tag(
        "tr",
        tag("th", "reached", scope="col", style=CELL),
        tag("th", "keys", scope="col", style=NUMBER),
        tag("th", "of the first", scope="col", style=NUMBER),
        tag("th", "", style=CELL),
    )
    return tag("table", tag("thead", head), tag("tbody", *rows), style="border-collapse:collapse")


def _days(result: Backtest, name: str) -> Markup:
    counts = result.counts(every="1d", stream=name)
    top = max(1, *counts["matches"].to_list())
    bars = []
    for _, period, matches in counts.iter_rows():
        style = (
            f"display:inline-block;width:10px;margin-right:2px;background:{BLUE};"
            f"height:{60 * matches / top:.0f}px;vertical-align:bottom"
        )
        bars.append(tag("span", title=f"{period.date()}: {matches:,}", style=style))
    first, last = counts["period"][0].date(), counts["period"][-1].date()
    caption = f"Matches a day, {first} to {last}; the busiest day has {top:,}."
    return tag(
        "div",
        tag(
            "div",
            *bars,
            role="img",
            style="height:64px;white-space:nowrap;overflow-x:auto",
            title=caption,
        ),
        tag("div", caption, style=QUIET),
        style="margin:.8em 0",
    )


def _examples(result: Backtest, name: str) -> Markup:
    matches = result.matches.filter(result.matches["stream"] == name).head(EXAMPLES)
    rows = []
    for match in matches.to_dicts():
        started = match["started_at"]
        events = " → ".join(
            f"{event['name']} +{(event['time'] - started).total_seconds():,.0f} s"
            for event in match["events"]
        )
        rows.append(
            tag(
                "tr",
                tag("td", " · ".join(match["key"])[:80], style=CELL),
                tag("td", f"{match['fired_at']:%Y-%m-%d %H:%M:%S}", style=CELL),
                tag("td", events[:400], style=CELL),
            )
        )
    head = tag(
        "tr",
        *(tag("th", text, scope="col", style=CELL) for text in ("key", "fired (UTC)", "events")),
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows), style="border-collapse:collapse")
    return tag("details", tag("summary", f"The first {len(rows)} matches"), table)


def _input(result: Backtest) -> Markup:
    summary = result.summary
    lines = [
        f"Read {summary['rows']:,} rows in {result.seconds:.1f} s; time is known up to"
        f" {summary['horizon'] or 'nowhere'}.",
        skipped_sentence(result),
        *result.notes,
    ]
    parts = [tag("div", line) for line in lines if line]
    sql = tag("details", tag("summary", "SQL"), tag("pre", result.sql, style="overflow-x:auto"))
    return tag("div", *parts, sql, style=f"margin-top:1em;{QUIET}")
