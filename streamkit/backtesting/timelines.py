"""Real matches drawn as timelines, and waits that are still open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit.backtesting.measures import step_label
from streamkit.backtesting.text import seconds_words
from streamkit.definition import Step, Stream
from streamkit.markup import BAR, QUIET, Markup, shown, table, tag

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest

__all__ = ["timelines", "waiting"]

EXAMPLES = 3
HEADING = "margin:1em 0 .2em;font-size:1.15em"
LONGEST_VALUE = 60
TRACK = 120
"""Length of a timeline, in pixels."""
DOT = 10


def timelines(result: Backtest, stream: Stream) -> Markup:
    """Three matches, an event a line, with its time since the first and what criteria look at."""
    examples = result.examples(EXAMPLES, stream.name)
    chosen = examples["match_id"].unique(maintain_order=True).to_list()
    matches = result.matches.filter(
        result.matches["stream"] == stream.name, result.matches["match_id"].is_in(chosen)
    ).to_dicts()
    if stream.copies == 1 and stream.wait is None:
        return _single_events(matches, examples.to_dicts())
    parts = [
        _timeline(match, examples.filter(match_id=match["match_id"]).to_dicts(), stream)
        for match in matches
    ]
    return Markup(tag("h3", _title(len(parts)), style=HEADING) + "".join(parts))


def _single_events(matches: list[dict[str, Any]], examples: list[dict[str, Any]]) -> Markup:
    """Matches of one event each, a line each."""
    rows = [
        (
            f"{event['time']:%Y-%m-%d %H:%M:%S}",
            shown(" · ".join(match["key"]), 80),
            shown(event["name"] or "(no name)", 60),
            _properties(event["properties"]),
        )
        for match, event in zip(matches, examples, strict=True)
    ]
    head = ("time (UTC)", "key", "event", "what the criteria look at")
    return Markup(tag("h3", _title(len(rows)), style=HEADING) + table(head, rows))


def _title(count: int) -> str:
    return f"{count} of the matches" if count > 1 else "A match"


def waiting(result: Backtest, stream: Stream) -> Markup:
    """Waits that were open when time ended."""
    pending = result.pending.filter(result.pending["stream"] == stream.name)
    rows = [
        (
            shown(" · ".join(match["key"]), 80),
            f"{match['matched_at']:%Y-%m-%d %H:%M:%S}",
            f"{match['fired_at']:%Y-%m-%d %H:%M:%S}",
        )
        for match in pending.head(EXAMPLES).to_dicts()
    ]
    title = f"Still waiting: {len(rows)} of {len(pending):,}"
    head = ("key", "last event (UTC)", "fires, if nothing excludes it (UTC)")
    return Markup(tag("h3", title, style=HEADING) + table(head, rows))


def _timeline(match: dict[str, Any], events: list[dict[str, Any]], stream: Stream) -> Markup:
    started, fired = match["started_at"], match["fired_at"]
    whole = (fired - started).total_seconds()
    rows: list[tuple[str, ...]] = [
        (
            _dot(_offset(event["seconds"]), event["seconds"] / whole if whole else 0.0),
            _step(event, stream.positive_steps[event["step"]]),
            _properties(event["properties"]),
        )
        for event in events
    ]
    if stream.wait is not None:
        rows.append((_dot(_offset(whole), 1.0, BAR), tag("em", "fires"), ""))
    key = shown(" · ".join(match["key"]), 80)
    user = f", user {shown(match['user'], 60)}" if match["user"] is not None else ""
    title = (
        f"{key}{user}: from {started:%Y-%m-%d %H:%M:%S} UTC, fired {fired:%Y-%m-%d %H:%M:%S} UTC"
    )
    head = ("since the first event", "step", "what the criteria look at")
    lines = table(head, rows)
    return tag("div", tag("p", title, style="margin:.6em 0 0"), lines)


def _offset(seconds: float) -> str:
    return "0 s" if not seconds else f"+{seconds_words(seconds)}"


def _dot(text: str, share: float, colour: str = "transparent") -> Markup:
    """How far along the match an event stands: a line that ends in a ring or a dot, and a time."""
    length = (TRACK - DOT) * min(max(share, 0.0), 1.0)
    line = f"display:inline-block;vertical-align:middle;width:{length:.0f}px;height:2px;background:{BAR};opacity:.45"
    dot = (
        f"display:inline-block;vertical-align:middle;width:{DOT - 4}px;height:{DOT - 4}px;"
        f"border-radius:{DOT}px;border:2px solid {BAR};background:{colour}"
    )
    return tag(
        "div",
        tag("span", style=line),
        tag("span", style=dot),
        f" {text}",
        style=f"min-width:{TRACK + 60}px;white-space:nowrap",
    )


def _step(event: dict[str, Any], step: Step) -> Markup:
    """What happened, and which step it was where that is not the same."""
    name = shown(event["name"] or "(no name)", 60)
    label = shown(step_label(replace(step, at_least=1)), 60)
    said = [] if label == name else [label]
    said += [f"last of {step.at_least}"] if step.at_least > 1 else []
    if not said:
        return tag("span", name)
    return tag("span", name, tag("span", f" ({', '.join(said)})", style=QUIET))


def _properties(properties: list[dict[str, str]]) -> Markup:
    told = [
        tag(
            "div",
            tag("span", f"{shown(each['path'], 60)}: ", style=QUIET),
            shown(each["value"], LONGEST_VALUE),
        )
        for each in properties
    ]
    return Markup("".join(told))
