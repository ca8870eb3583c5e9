"""`streamkit pause`."""

from __future__ import annotations

import argparse

from streamkit.cli.inputs import add_json, add_ledger, print_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("name", help="a stream, or a destination as 'status' shows it")
    add_ledger(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from streamkit.delivery import Ledger

    with Ledger(arguments.ledger, create=False) as ledger:
        held = ledger.pause(arguments.name)
    if arguments.json:
        print_json({"paused": held})
    else:
        print(f"Paused: {held}. Its matches wait, and grow older.")  # noqa: T201 # output
    return 0
