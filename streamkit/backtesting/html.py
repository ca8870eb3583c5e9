"""A backtest shown in a notebook, and as HTML that stands alone.

Everything is built from `tag`, which escapes every text and attribute, and styled inline: a saved
or untrusted notebook keeps tables, `details`, pictures and inline styles and drops scripts, SVG and
style sheets.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from streamkit.backtesting.report import Part, overview_parts, stream_parts, summary_parts
from streamkit.charting import Chart
from streamkit.markup import Markup, tag

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["report_html", "show"]

FEW_STREAMS = 3
"""So many streams are shown in full; of more, one is looked at by `result.only(name)`."""
STYLE = "max-width:60em;line-height:1.45"


def report_html(result: Backtest) -> str:
    """The report as one HTML text, charts as pictures."""
    parts = [picture(each) if isinstance(each, Chart) else each for each in _parts(result)]
    return tag("div", *parts, style=STYLE)


def picture(chart: Chart) -> Markup:
    """A chart as a picture that needs no file."""
    style = "width:640px;max-width:100%;height:auto"
    return tag("img", src=chart.data_uri, alt=chart.description, style=style)


def show(result: Backtest) -> None:
    """Show the report where the code runs: as a notebook's output, or as plain text.

    In a notebook charts are outputs of their own, drawn by the viewer, with tooltips.
    """
    ipython = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not hasattr(ipython, "kernel"):
        print(repr(result))  # noqa: T201 # what a terminal shows of a value
        return
    from IPython.display import display

    text = repr(result)  # for viewers that know no HTML; once is enough
    for is_chart, parts in groupby(_parts(result), lambda part: isinstance(part, Chart)):
        if is_chart:
            display(*parts)
        else:
            html = tag("div", *markups(parts), style=STYLE)
            display({"text/html": html, "text/plain": text}, raw=True)
            text = ""


def markups(parts: Iterable[Part]) -> Iterator[Markup]:
    """Parts that are HTML."""
    return (part for part in parts if isinstance(part, Markup))


def _parts(result: Backtest) -> Iterator[Part]:
    if len(result.streams) == 1:
        yield from stream_parts(result, result.streams[0].name)
    else:
        yield from overview_parts(result)
        if len(result.streams) <= FEW_STREAMS:
            for stream in result.streams:
                yield from stream_parts(result, stream.name)
        else:
            words = (
                f"One stream with its whole report: result.only({result.streams[0].name[:100]!r})"
            )
            yield tag("p", words, style="margin:.6em 0")
    yield from summary_parts(result)
