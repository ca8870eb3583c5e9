"""`streamkit send`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamkit.cli.inputs import (
    add_connections,
    add_events,
    add_json,
    add_ledger,
    add_settings,
    add_streams,
    load_connections,
    load_history,
    load_settings,
    load_streams,
    print_json,
)
from streamkit.errors import DeliveryError

if TYPE_CHECKING:
    from streamkit.delivery.send_report import SendReport

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser)
    add_ledger(parser)
    begins = parser.add_mutually_exclusive_group(required=True)
    begins.add_argument("--since", metavar="TIME", help="matches that fire at or after it (UTC)")
    begins.add_argument(
        "--since-last", action="store_true", help="go on where the last run ended, less --late"
    )
    begins.add_argument(
        "--from-start",
        action="store_true",
        help="everything, sessions too that may have begun before the events do",
    )
    parser.add_argument("--until", metavar="TIME", help="only events and matches before it (UTC)")
    parser.add_argument(
        "--late", default="24h", metavar="TIME", help="how late events may come (default 24h)"
    )
    add_connections(parser)
    add_settings(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would happen; write and send nothing"
    )
    parser.add_argument(
        "--mark-sent",
        action="store_true",
        help="count the range's matches as delivered without sending them",
    )
    parser.add_argument(
        "--max-sends", type=int, metavar="N", help="refuse to begin if more would be sent"
    )
    parser.add_argument(
        "--time-budget",
        default="30m",
        metavar="TIME",
        help="how long to send; the rest waits for the next run (default 30m)",
    )
    parser.add_argument(
        "--yes", action="store_true", help="send although match ids have changed, without asking"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if a person is needed, 130 if interrupted."""
    try:
        report = _send(arguments, accept_new_ids=arguments.yes)
    except DeliveryError as error:
        if error.code != "new-ids" or not _agrees(error):
            raise
        report = _send(arguments, accept_new_ids=True)
    if arguments.json:
        print_json(report.to_dict())
    else:
        print(report)  # noqa: T201 # the command's output
    return report.exit_code


def _agrees(error: DeliveryError) -> bool:
    """Whether somebody at a terminal wants to go on."""
    if not sys.stdin.isatty():
        return False
    print(error.problems[0].message, file=sys.stderr)  # noqa: T201 # a question
    return input("Send all the same? [y/N] ").strip().lower() in ("y", "yes")


def _send(arguments: argparse.Namespace, *, accept_new_ids: bool) -> SendReport:
    from streamkit.delivery import send

    streams = load_streams(arguments.streams)
    folders = [path if path.is_dir() else path.parent for path in arguments.streams]
    return send(
        streams,
        load_history(arguments.events, arguments.schema),
        arguments.ledger,
        connections=load_connections(arguments.connections, arguments.streams),
        since=arguments.since,
        since_last=arguments.since_last,
        from_start=arguments.from_start,
        until=arguments.until,
        late=arguments.late,
        dry_run=arguments.dry_run,
        mark_sent=arguments.mark_sent,
        max_sends=arguments.max_sends,
        time_budget=arguments.time_budget,
        accept_new_ids=accept_new_ids,
        settings=load_settings(arguments.settings, [Path(), *folders]),
    )
