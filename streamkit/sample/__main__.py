"""`python -m streamkit.sample FOLDER` writes the sample history."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from streamkit.errors import EventsError
from streamkit.sample import generate
from streamkit.sample.writing import Profile


def main() -> int:
    """Write the behavioural history of a made-up online shop."""
    parser = argparse.ArgumentParser(prog="python -m streamkit.sample", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where the daily Parquet files go")
    parser.add_argument("--events", type=int, default=320_000, help="number of events")
    parser.add_argument("--days", type=int, default=30, help="number of days")
    parser.add_argument("--seed", type=int, default=2026, help="same seed, same history")
    parser.add_argument(
        "--profile",
        choices=get_args(Profile),
        default="shop",
        help="all columns, or those of a benchmark",
    )
    asked = parser.parse_args()
    try:
        files = generate(
            asked.folder, asked.events, seed=asked.seed, days=asked.days, profile=asked.profile
        )
    except EventsError as error:
        print(error, file=sys.stderr)  # noqa: T201 # the command's output
        return 2
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    print(f"{asked.events:,} events in {len(files)} files, {megabytes:,.1f} MB: {asked.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
