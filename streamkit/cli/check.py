"""`streamkit check`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from streamkit.cli.inputs import (
    add_events,
    add_json,
    add_streams,
    load_history,
    load_streams,
    print_json,
)

if TYPE_CHECKING:
    from streamkit.errors import Problem

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "check"
HELP = "Are stream files valid, do the events have what they ask for, and what do they mean?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser, required=False)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    streams = load_streams(arguments.streams)
    warnings: list[Problem] = []
    if arguments.events is not None:
        from streamkit.matching.check import check_streams

        warnings = check_streams(streams, load_history(arguments.events, arguments.schema))
    if arguments.json:
        print_json(
            {
                "streams": [
                    {"name": each.name, "version": each.version, "sentence": each.sentence}
                    for each in streams
                ],
                "warnings": [asdict(each) for each in warnings],
            }
        )
        return 0
    for stream in streams:
        print(f"{stream.name} ({stream.version})\n  {stream.sentence}")  # noqa: T201 # output
    for warning in warnings:
        print(f"warning: {warning}")  # noqa: T201 # the command's output
    return 0
