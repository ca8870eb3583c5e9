"""A backtest as one HTML file: opens without a network, prints well, runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamkit.backtesting.report import Part, overview_parts, stream_parts, summary_parts
from streamkit.charting import Chart
from streamkit.markup import Markup, shown, tag

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["page_html"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing is fetched and no script runs, whatever stands in the events."""
STYLE = Markup("""
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif;
       max-width: 60em; margin: 2em auto; padding: 0 1.5em; }
section + section { border-top: 1px solid #7b7b7b; margin-top: 2em; }
tbody tr { border-top: 1px solid #7b7b7b55; }
figure { margin: .5em 0; }
figure svg { max-width: 100%; height: auto; }
summary { cursor: pointer; }
@page { margin: 15mm; }
@media print {
  :root { color-scheme: light; }
  body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
  details { display: none; }
  table, figure, p { break-inside: avoid; }
  h2, h3, h3 + p { break-after: avoid; }
  div > p:first-child { break-after: avoid; }
  section + section { break-before: page; border: 0; }
  section:last-child { break-before: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
""")


def page_html(result: Backtest) -> str:
    """The whole report of every stream as an HTML document."""
    title = "Backtest of " + (
        shown(result.streams[0].name, 100)
        if len(result.streams) == 1
        else f"{len(result.streams)} streams"
    )
    sections = []
    if len(result.streams) > 1:
        sections.append(overview_parts(result))
    sections += [stream_parts(result, stream.name) for stream in result.streams]
    sections.append(summary_parts(result))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy", "content": POLICY}),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", STYLE),
    )
    body = [tag("section", *_drawn(parts)) for parts in sections]
    page = tag("html", head, tag("body", tag("main", tag("h1", title), *body)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _drawn(parts: Iterator[Part]) -> Iterator[Markup]:
    for part in parts:
        yield _figure(part) if isinstance(part, Chart) else part


def _figure(chart: Chart) -> Markup:
    return tag("figure", Markup(chart.svg()), role="img", **{"aria-label": chart.description})
