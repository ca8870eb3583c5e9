"""`streamkit verify`."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamkit.cli.inputs import (
    add_events,
    add_json,
    add_streams,
    load_inputs,
    print_json,
)

__all__ = ["add_arguments", "run"]

DONE, DIFFERENT = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser)
    parser.add_argument(
        "--matches",
        type=Path,
        metavar="FILE",
        help="write the table of the matcher's matches to a Parquet file",
    )
    parser.add_argument(
        "--allowed-lateness",
        metavar="TIME",
        help="how much older than the newest an event may be when it arrives, such as 5s;"
        " by default as long as --shuffle",
    )
    parser.add_argument(
        "--shuffle",
        metavar="TIME",
        help="let events arrive up to so long after their time; in order of time by default",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if the two differ."""
    from streamkit.running import verify

    streams, history = load_inputs(arguments)
    result = verify(
        streams,
        history,
        allowed_lateness=arguments.allowed_lateness,
        shuffle=arguments.shuffle,
    )
    if arguments.matches is not None:
        result.write_matches(arguments.matches)
    if arguments.json:
        print_json(result.to_dict())
    else:
        print(result)  # noqa: T201 # the command's output
    return DONE if result.identical else DIFFERENT
