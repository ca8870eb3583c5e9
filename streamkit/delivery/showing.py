"""Reports and the state of a ledger as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from streamkit.delivery.quota import UNITS, activations
from streamkit.markup import shown, tag
from streamkit.times import format_time, from_microseconds

if TYPE_CHECKING:
    from streamkit.delivery.ledger.reporting import Status
    from streamkit.delivery.send_report import SendReport, StreamReport

__all__ = [
    "history_text",
    "report_html",
    "report_text",
    "rows_text",
    "status_html",
    "status_text",
]

WIDTH = 88
CELL = "text-align:left;padding:2px 12px 2px 0"
NUMBER = "text-align:right;padding:2px 12px;font-variant-numeric:tabular-nums"
QUIET = "opacity:.7"
SKIPPED = {
    "skipped: frequency": "by frequency",
    "skipped: cooldown": "by cooldown",
    "skipped: stale": "too old",
}


def report_text(report: SendReport) -> str:
    """The report of a run, lines of at most 88 columns but for long names."""
    lines: list[str] = []
    for each in report.streams:
        lines += [shown(each.name, 200), *_wrapped(_sentences(report, each))]
        lines += [f"  sample: {shown(body, 600)}" for body in report.samples.get(each.name, ())]
        lines.append("")
    lines += _wrapped(_closing(report), "")
    return "\n".join(lines)


def report_html(report: SendReport) -> str:
    """The report of a run as HTML that stands alone."""
    parts = []
    for each in report.streams:
        parts.append(tag("h3", shown(each.name, 200), style="margin:1em 0 .2em"))
        parts += [
            tag("p", sentence, style="margin:.2em 0") for sentence in _sentences(report, each)
        ]
        bodies = [tag("pre", body) for body in report.samples.get(each.name, ())]
        if bodies:
            parts.append(tag("details", tag("summary", "Sample bodies"), *bodies))
    closing = [tag("div", sentence) for sentence in _closing(report)]
    return tag("div", *parts, tag("div", *closing, style=f"margin-top:1em;{QUIET}"))


def _sentences(report: SendReport, each: StreamReport) -> list[str]:
    """What happened to one stream."""
    would = "would be " if report.dry_run else ""
    since = "" if each.since is None else f" since {_minute(each.since)}"
    new = each.found - each.known - each.unproven
    sentences = [
        f"{_count(each.found, 'confirmed firing event')}{since}: {new:,} new,"
        f" {each.known:,} known before."
    ]
    parts = []
    if each.added.get("waiting"):
        cost = activations(round(each.activations * UNITS))
        parts.append(f"{each.added['waiting']:,} {would}queued ({cost} activations)")
    if each.added.get("delivered"):
        parts.append(f"{each.added['delivered']:,} {would}marked as sent")
    if each.skipped:
        reasons = ", ".join(
            f"{count:,} {SKIPPED.get(state, state)}"
            for state, count in sorted(each.added.items())
            if state.startswith("skipped")
        )
        parts.append(f"{each.skipped:,} {would}skipped ({reasons})")
    if each.added.get("dead"):
        parts.append(f"{each.added['dead']:,} {would}dead, because no body could be made")
    if parts:
        sentences.append("; ".join(parts) + ".")
    if report.dry_run and each.added.get("skipped: stale", 0) * 2 > new:
        sentences.append(
            "Most are older than the destination's max_age: raise it to send them, or count them"
            " as sent with --mark-sent."
        )
    if each.pending:
        sentences.append(f"{_count(each.pending, 'wait')} still open; a later run picks them up.")
    if each.unproven:
        sentences.append(
            f"{each.unproven:,} left out: their sessions may have begun before the input does"
            " (--from-start takes them)."
        )
    if not report.dry_run:
        done = [f"Delivered {each.delivered:,} to {shown(each.destination, 200)}"]
        if each.retried:
            done.append(f"{_count(each.retried, 'attempt')} failed (such matches are tried again)")
        if each.dead:
            done.append(f"{each.dead:,} died")
        done.append(f"{each.waiting:,} waiting" + (f" ({each.waits_for})" if each.waiting else ""))
        sentences.append("; ".join(done) + ".")
    return sentences


def _closing(report: SendReport) -> list[str]:
    """What holds for all streams together."""
    lines = []
    if report.dry_run:
        length = _roughly(report.seconds_to_send)
        time = f"Sending would take {length}" if report.seconds_to_send else "None would be sent"
        lines.append(f"A dry run: nothing was written or sent. {time}.")
    budget = f"{report.budget:,.2f}".rstrip("0").rstrip(".")
    lines.append(
        f"Budget of {report.month}: {activations(round(report.used * UNITS))} of {budget}"
        " activations."
    )
    if report.interrupted:
        lines.append("Interrupted: what was not sent waits for the next run.")
    if report.stopped:
        lines.append("The budget is used up: matches wait until next month, or until it is raised.")
    lines += [f"Parked: {shown(label, 200)}: {why}" for label, why in report.parked.items()]
    if report.parked:
        lines.append(
            "A parked destination is tried once by the next run; after 410 it first needs"
            " 'streamkit resume'."
        )
    lines += [f"Notice: {shown(str(each), 400)}" for each in report.notices]
    lines += [f"Note: {shown(note, 400)}" for note in report.notes]
    known = "" if report.horizon is None else f"; time is known up to {_minute(report.horizon)}"
    lines.append(f"Took {report.seconds:.1f} s{known}.")
    return lines


def status_text(status: Status) -> str:
    """The state of a ledger, lines of at most 88 columns but for long names."""
    lines = [_balance(status.counts)]
    for name, each in status.streams.items():
        lines += ["", shown(name, 200), *_wrapped(_stream_sentences(each))]
    for label, each in status.destinations.items():
        lines += ["", shown(label, 200), *_wrapped([_condition(each)])]
    lines += ["", *_wrapped(_status_closing(status), "")]
    return "\n".join(lines)


def status_html(status: Status) -> str:
    """The state of a ledger as HTML that stands alone."""
    columns = ("matched", "delivered", "dead", "skipped", "waiting")
    head = tag("tr", *(tag("th", each, scope="col", style=CELL) for each in ("stream", *columns)))
    rows = [
        tag(
            "tr",
            tag("th", shown(name, 200), scope="row", style=CELL + ";font-weight:normal"),
            *(tag("td", f"{each[column]:,}", style=NUMBER) for column in columns),
        )
        for name, each in status.streams.items()
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows), style="border-collapse:collapse")
    conditions = [
        tag("div", f"{shown(label, 200)}: {_condition(each)}")
        for label, each in status.destinations.items()
    ]
    closing = [tag("div", sentence) for sentence in _status_closing(status)]
    return tag(
        "div", tag("p", tag("strong", _balance(status.counts))), table, *conditions, *closing
    )


def _balance(counts: dict[str, int]) -> str:
    """The sum that must hold."""
    return (
        f"{counts['matched']:,} matched = {counts['delivered']:,} delivered"
        f" + {counts['dead']:,} dead + {counts['skipped']:,} skipped"
        f" + {counts['waiting']:,} waiting"
    )


def _stream_sentences(each: Any) -> list[str]:
    counts = ", ".join(
        f"{each[state]:,} {state}"
        for state in ("matched", "delivered", "dead", "skipped", "waiting")
    )
    sentences = [counts + (", paused" if each["paused"] else "")]
    if each["waiting"]:
        sentences.append(
            f"{each['waits_for']}; {each['tried']:,} were tried before,"
            f" {each['leased']:,} are on their way"
        )
    sentences += [f"{shown(reason, 200)}: {count:,}" for reason, count in each["reasons"].items()]
    if each["horizon"]:
        sentences.append(f"handed over up to {each['horizon']}")
    return sentences


def _condition(each: Any) -> str:
    parts = []
    if each["paused"]:
        parts.append("paused")
    if each["parked"] is not None:
        how = "until a person resumes it" if each["needs_person"] else "each run probes it once"
        parts.append(f"parked since {each['parked_at']}, {how}: {each['parked']}")
    if each["held_until"]:
        parts.append(f"asked to be left alone until {each['held_until']}")
    if each["failures"]:
        parts.append(f"{_count(each['failures'], 'failure')} in a row")
    return "; ".join(parts) or "in order"


def _status_closing(status: Status) -> list[str]:
    budget = "" if status.budget is None else f" of {status.budget:,.0f}"
    lines = [f"{activations(round(status.used * UNITS))}{budget} activations in {status.month}."]
    if not status.adds_up:
        lines.append("The sum does not hold: the ledger is damaged.")
    lines += [f"On {_minute(each.at)}: {shown(str(each), 300)}" for each in status.notices]
    return lines


def history_text(history: dict[str, Any]) -> str:
    """What became of one match."""
    reason = f": {history['reason']}" if history["reason"] else ""
    lines = [
        f"{history['match_id']} of {shown(history['stream'], 200)}, fired {history['fired_at']}",
        f"  {history['state']}{shown(reason, 300)}",
    ]
    for each in history["attempts"]:
        lines.append(
            f"  {each['at']} {each['outcome']} after {each['seconds']:.2f} s:"
            f" {shown(each['reason'], 300)}"
        )
        if each["answer"] and each["outcome"] != "delivered":
            lines.append(f"    it said: {shown(each['answer'], 300)}")
    if history["due_at"]:
        lines.append(f"  waits, due from {history['due_at']} on")
    return "\n".join(lines)


def _wrapped(sentences: Iterable[str], indent: str = "  ") -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            sentence,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_on_hyphens=False,  # names of commands stay whole
        )
    ]


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _roughly(seconds: float) -> str:
    """A length of time as people say it."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"about {_count(round(seconds / length), unit)}"
    return f"about {_count(round(seconds), 'second')}" if seconds >= 1 else "less than a second"


def _minute(micros: int) -> str:
    return format_time(from_microseconds(micros))


def rows_text(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows of text in columns."""
    widths = [max(len(str(row[column])) for row in rows) for column in columns]
    return "\n".join(
        "  ".join(
            shown(str(row[column]), 400).ljust(width)
            for column, width in zip(columns, widths, strict=True)
        ).rstrip()
        for row in rows
    )
