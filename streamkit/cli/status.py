"""`streamkit status`."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamkit.cli.inputs import add_json, add_ledger, add_settings, load_settings, print_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_ledger(parser)
    add_settings(parser)
    parser.add_argument("--why", metavar="ID", help="what became of one match, attempt by attempt")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if a person is needed."""
    from streamkit.delivery import Ledger
    from streamkit.delivery.showing import history_text

    settings = load_settings(arguments.settings, [Path()])
    with Ledger(arguments.ledger, create=False) as ledger:
        if arguments.why is not None:
            history = ledger.why(arguments.why)
            if arguments.json:
                print_json(history)
            else:
                print(history_text(history))  # noqa: T201 # the command's output
            return 0
        status = ledger.status(settings.budget)
    if arguments.json:
        print_json(status.to_dict())
    else:
        print(status)  # noqa: T201 # the command's output
    return int(status.needs_person)
