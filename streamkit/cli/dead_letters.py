"""`streamkit dead-letters`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamkit.cli.inputs import (
    add_events,
    add_json,
    add_ledger,
    load_history,
    load_streams,
    print_json,
)
from streamkit.errors import DeliveryError

if TYPE_CHECKING:
    from streamkit.delivery import Ledger

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("action", choices=("list", "retry"), help="what to do")
    add_ledger(parser)
    parser.add_argument(
        "--stream", action="append", default=[], metavar="NAME", help="only of this stream"
    )
    parser.add_argument("--reason", metavar="TEXT", help="only those whose reason holds the text")
    parser.add_argument(
        "--rerender",
        type=Path,
        action="append",
        metavar="STREAM",
        help="retry: make the bodies anew, with these stream files and --events, under new ids",
    )
    add_events(parser, required=False)
    parser.add_argument("--yes", action="store_true", help="retry without asking")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if dead letters are listed."""
    from streamkit.delivery import Ledger
    from streamkit.delivery.showing import rows_text

    with Ledger(arguments.ledger, create=False) as ledger:
        letters = ledger.dead_letters(arguments.stream, arguments.reason)
        if arguments.action == "list":
            if arguments.json:
                print_json(letters)
            elif letters:
                columns = ("match_id", "stream", "fired_at", "tries", "reason")
                print(rows_text(letters, columns))  # noqa: T201 # the command's output
            else:
                print("No dead letters.")  # noqa: T201 # the command's output
            return int(bool(letters))
        if letters and not arguments.yes:
            _ask(len(letters))
        ids = [each["match_id"] for each in letters]
        count = _rerender(arguments, ledger, ids) if arguments.rerender else ledger.retry(ids)
    if arguments.json:
        print_json({"dead": len(letters), "retried": count})
    else:
        left = len(letters) - count
        without = f"; {left:,} have no body that could be sent" if left else ""
        print(f"{count:,} of {len(letters):,} dead letters wait again{without}.")  # noqa: T201 # output
    return 0


def _ask(count: int) -> None:
    """Make sure that so many are meant."""
    if sys.stdin.isatty():
        if input(f"Send {count:,} dead letters again? [y/N] ").strip().lower() in ("y", "yes"):
            return
        raise DeliveryError("nothing was changed", code="not-confirmed")
    raise DeliveryError(
        f"{count:,} dead letters would be sent again",
        code="not-confirmed",
        hint="add --yes, or choose with --stream and --reason",
    )


def _rerender(arguments: argparse.Namespace, ledger: Ledger, ids: list[str]) -> int:
    from streamkit.delivery.rerendering import rerender

    if arguments.events is None:
        raise DeliveryError(
            "new bodies are made from the events",
            code="no-events",
            hint="add --events",
        )
    streams = load_streams(arguments.rerender)
    return rerender(ledger, streams, load_history(arguments.events, arguments.schema), ids)
