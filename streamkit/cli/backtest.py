"""`streamkit backtest`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from streamkit.cli.inputs import (
    add_events,
    add_json,
    add_streams,
    add_time_range,
    load_inputs,
    print_json,
)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser)
    add_time_range(parser)
    parser.add_argument(
        "--matches", type=Path, metavar="FILE", help="write the table of matches to a Parquet file"
    )
    parser.add_argument("--sql", action="store_true", help="print the queries as well")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from streamkit.backtesting import backtest

    streams, history = load_inputs(arguments)
    result = backtest(
        streams,
        history,
        since=arguments.since,
        until=arguments.until,
    )
    if arguments.matches is not None:
        result.write_matches(arguments.matches)
    if arguments.json:
        print_json(result.summary)
    else:
        print(result)  # noqa: T201 # the command's output
    if arguments.sql:
        print(f"\n{result.sql}", file=sys.stderr if arguments.json else sys.stdout)
    return 0
