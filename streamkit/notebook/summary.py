"""What the builder says in HTML: the summary that a saved notebook keeps, the preview, the diff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING

from streamkit.backtesting.measures import BUDGET
from streamkit.charting import Chart
from streamkit.errors import Problem
from streamkit.markup import QUIET, Markup, shown, tag
from streamkit.notebook.draft import Draft
from streamkit.notebook.preview import Previewed

if TYPE_CHECKING:
    from streamkit.backtesting import Backtest

__all__ = ["diff_html", "headline_of", "report_html", "status_html", "summary_html", "text_of"]

MOST_PROBLEMS = 8
LONGEST_DIFF = 400


def summary_html(
    draft: Draft, previewed: Previewed, saved: str = "", text: str | None = None
) -> Markup:
    """The stream in the making, in the elements that a saved and untrusted notebook keeps.

    Args:
        draft: The draft.
        previewed: How far its preview is.
        saved: What is known of its file, as a sentence.
        text: The draft's text, where it is not to be made anew: that takes longer than all else.
    """
    name = draft.data.get("name")
    title = shown(name, 100) if isinstance(name, str) and name else "A new stream"
    style = "border-left:4px solid #0b5cad;padding:2px 12px;line-height:1.45;max-width:70em"
    return tag(
        "div",
        tag("h3", title, style="margin:.2em 0"),
        tag("div", *_said(draft), role="status"),
        tag("div", headline_of(previewed), style="margin:.3em 0;font-weight:600"),
        tag("div", saved, style=QUIET) if saved else Markup(""),
        tag(
            "details",
            tag("summary", "The stream as YAML; to go on editing, run this cell again"),
            tag(
                "pre",
                text_of(draft) if text is None else text,
                style="white-space:pre-wrap;overflow-wrap:anywhere",
            ),
        ),
        style=style,
    )


def text_of(draft: Draft) -> str:
    """The draft as YAML; nothing of it where a secret stands in it."""
    if draft.has_plain_secret:
        return "Not shown: a secret stands in it that should be a reference such as env:NAME."
    return draft.text


def _said(draft: Draft) -> Iterator[Markup]:
    """The sentence, then what is wrong."""
    if draft.sentence:
        yield tag("p", draft.sentence, style="margin:.3em 0")
    problems = draft.problems
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        yield tag("p", tag("strong", f"Not complete yet: {count}."), style="margin:.3em 0")
        items = [tag("li", _problem_words(each)) for each in problems[:MOST_PROBLEMS]]
        yield tag("ul", *items, style="margin:.2em 0")


def _problem_words(problem: Problem) -> str:
    line = f"line {problem.line}: " if problem.line else ""
    place = f"{problem.path}: " if problem.path else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{line}{place}{problem.message}{hint}"


def headline_of(previewed: Previewed) -> str:
    """The preview in one sentence; empty while there is none."""
    from streamkit.backtesting.text import headline

    result = previewed.result
    if result is None:
        return ""
    return headline(result, result.summary["streams"][0])


def status_html(previewed: Previewed, *, is_current: bool) -> Markup:
    """What the preview does, or what it has read and how long it took."""
    result = previewed.result
    words = {
        "idle": "The preview appears when the stream is complete.",
        "sample": "Reading a sample …" if result is None else "Reading on …",
        "whole": "Reading the whole history …",
        "done": "",
        "cancelled": "Cancelled.",
        "failed": f"The preview failed: {previewed.reason}",
    }[previewed.stage]
    if result is not None:
        rows = f"{result.summary['rows']:,} rows in {result.seconds:.2f} s"
        words = f"{words} Shown below: {previewed.scope}; {rows}.".strip()
    if result is not None and not is_current:
        words += " It is of the last complete version."
    busy = (tag("progress", **{"aria-label": "preview"}),) if previewed.is_running else ()
    return tag("div", *busy, tag("span", f" {words}"), role="status")


def report_html(
    result: Backtest, is_wanted: Callable[[], bool] = lambda: True, *, budget: float = BUDGET
) -> Markup:
    """The report of a preview, but for its heading.

    Args:
        result: What was found.
        is_wanted: Asked between its parts, which take their time.
        budget: Activations a month that the cost is compared with.
    """
    from streamkit.backtesting.html import picture
    from streamkit.backtesting.report import stream_parts

    parts = []
    for part in islice(stream_parts(result, result.streams[0].name, budget), 1, None):
        if not is_wanted():
            break
        parts.append(picture(part) if isinstance(part, Chart) else part)
    return Markup("".join(parts))


def diff_html(before: str, after: str, file: str) -> Markup:
    """What saving would change in a file."""
    if before == after:
        return tag("div", f"{file} is saved as it is shown here.")
    lines = list(unified_diff(before.splitlines(), after.splitlines(), "as saved", "as edited",
                              lineterm="", n=2))  # fmt: skip
    marks = {"+": "sk-plus", "-": "sk-minus"}
    shown_lines = [
        tag("span", f"{line}\n", **({"class": marks[line[0]]} if line[:1] in marks else {}))
        for line in lines[:LONGEST_DIFF]
    ]
    return tag("pre", *shown_lines)
