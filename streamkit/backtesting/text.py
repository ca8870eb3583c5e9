"""A backtest as plain text, for terminals, logs and cron mails."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any

from streamkit.markup import shown

if TYPE_CHECKING:
    from streamkit.backtesting.result import Backtest
    from streamkit.definition import Stream

__all__ = [
    "amount",
    "headline",
    "percent",
    "report_text",
    "seconds_words",
    "skipped_sentence",
    "stream_of",
    "unit_of",
]

WIDTH = 88
BARS = " ▁▂▃▄▅▆▇█"
SKIPPED = {
    "null_key": "without a key",
    "null_time": "without a time",
    "unparsable_time": "with an unreadable time",
    "future_time": "with a time in the future",
}
MISSING = {
    "unreadable_json": "with unreadable JSON",
    "failed_casts": "with a value that is not of its declared type",
}


def report_text(result: Backtest) -> str:
    """The report of all streams, lines of at most 88 columns but for long names."""
    parts = [_stream_text(result, each) for each in result.summary["streams"]]
    return "\n\n".join([*parts, _input_text(result)])


def headline(result: Backtest, numbers: dict[str, Any]) -> str:
    """The answer in one sentence.

    Args:
        result: The backtest.
        numbers: One stream's part of its summary.
    """
    unit = unit_of(result, numbers["name"])
    pending = f", and {numbers['pending']:,} still waiting" if numbers["pending"] else ""
    if not numbers["matches"]:
        return f"No match in {numbers['keys']:,} {unit}s{pending}."
    times = "time" if numbers["matches"] == 1 else "times"
    if result.since is not None:  # the keys seen are those of the whole input
        return f"Would have fired {numbers['matches']:,} {times} since {result.since:%Y-%m-%d %H:%M} UTC, in {numbers['matched_keys']:,} {unit}s{pending}."
    keys = f"{numbers['matched_keys']:,} of {numbers['keys']:,} {unit}s"
    share = f" ({percent(numbers['matched_keys'] / numbers['keys'])})" if numbers["keys"] else ""
    return f"Would have fired {numbers['matches']:,} {times}, in {keys}{share}{pending}."


def skipped_sentence(result: Backtest) -> str:
    """What took no part or counted as missing, empty where nothing did."""
    summary = result.summary
    counted = [
        f"{summary['skipped'][k]:,} {words}"
        for k, words in SKIPPED.items()
        if summary["skipped"].get(k)
    ]
    missing = [
        f"{summary['missing'][k]:,} {words}"
        for k, words in MISSING.items()
        if summary.get("missing", {}).get(k)
    ]
    sentences = []
    if counted:
        sentences.append("Skipped rows: " + ", ".join(counted) + ".")
    if missing:
        sentences.append("Taken as missing: rows " + ", ".join(missing) + ".")
    return " ".join(sentences)


def _stream_text(result: Backtest, numbers: dict[str, Any]) -> str:
    stream = stream_of(result, numbers["name"])
    lines = [
        shown(stream.name, 200),
        *textwrap.wrap(
            shown(stream.sentence, 2000), WIDTH, initial_indent="  ", subsequent_indent="  "
        ),
        "",
        *textwrap.wrap(
            headline(result, numbers), WIDTH, initial_indent="  ", subsequent_indent="  "
        ),
        f"  {_cost(numbers)}",
        "",
        *_funnel_lines(result, stream.name),
    ]
    if numbers["matches"]:
        lines += ["", *_day_lines(result, stream.name)]
    return "\n".join(lines)


def _cost(numbers: dict[str, Any]) -> str:
    cost = numbers["activations"]
    text = f"Cost: {amount(cost)}"
    held = f" The cooldown held back {numbers['held_back']:,}." if numbers["held_back"] else ""
    return f"{text} activation{'' if cost == 1 else 's'} of the monthly budget.{held}"


def _funnel_lines(result: Backtest, name: str) -> list[str]:
    rows = result.funnel(name).to_dicts()
    width = min(max(len(row["stage"]) for row in rows), 44)
    unit = unit_of(result, name) + "s"
    lines = [f"  {'':{width + 3}} {unit:>12}      share"]
    for row in rows:
        mark = f"{row['step'] + 1}. " if row["step"] is not None else "   "
        share = "" if row["of_first"] is None else f"{100 * row['of_first']:9.1f} %"
        lines.append(f"  {mark}{shown(row['stage'], width):{width}} {row['keys']:>12,}{share}")
    return lines


def _day_lines(result: Backtest, name: str) -> list[str]:
    counts = result.counts(every="1d", stream=name)
    matches, days = counts["matches"].to_list(), counts["period"].to_list()
    if len(days) > WIDTH - 10:
        return [f"  {_day(days[0])} to {_day(days[-1])}, {max(matches):,} on the busiest day"]
    top = max(matches)
    bars = "".join(BARS[-(-value * (len(BARS) - 1) // top)] for value in matches)
    return [f"  a day  {bars}  up to {top:,}", f"         {_day(days[0])} to {_day(days[-1])}"]


def _input_text(result: Backtest) -> str:
    summary = result.summary
    known = "" if summary["horizon"] is None else f"; time is known up to {summary['horizon']}"
    lines = [f"Read {summary['rows']:,} rows in {result.seconds:.1f} s{known}."]
    if skipped := skipped_sentence(result):
        lines.append(skipped)
    lines += [f"Note: {shown(note, 400)}" for note in result.notes]
    return "\n".join(
        wrapped for line in lines for wrapped in textwrap.wrap(line, WIDTH, subsequent_indent="  ")
    )


def stream_of(result: Backtest, name: str) -> Stream:
    """One of the streams."""
    return next(each for each in result.streams if each.name == name)


def seconds_words(seconds: float) -> str:
    """A length of time with two or three digits that count, in a unit that fits.

    Example:
        >>> [seconds_words(length) for length in (0.25, 41, 529, 16_000, 400_000)]
        ['0.25 s', '41 s', '8.8 min', '4.4 h', '4.6 days']
    """
    for longest, size, unit in ((90, 1, "s"), (5_400, 60, "min"), (172_800, 3_600, "h")):
        if seconds <= longest:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds / 86_400)} days"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def amount(activations: float) -> str:
    """A number of activations: 1,000 or 0.5."""
    return f"{activations:,.2f}".rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """A share with two digits that count: 0.34 %, 1.9 %, 47 %."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def unit_of(result: Backtest, name: str) -> str:
    """What keys of a stream are called."""
    stream = stream_of(result, name)
    return stream.per if isinstance(stream.per, str) else "key"


def _day(time: datetime) -> str:
    return time.date().isoformat()
