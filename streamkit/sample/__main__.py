"""`python -m streamkit.sample FOLDER` writes the sample history."""

from pathlib import Path
from typing import Annotated

import typer

from streamkit.errors import EventsError
from streamkit.sample import generate
from streamkit.sample.writing import Profile


def main(
    folder: Annotated[Path, typer.Argument(help="Where the daily Parquet files go.")],
    events: Annotated[int, typer.Option(help="Number of events.")] = 320_000,
    days: Annotated[int, typer.Option(help="Number of days.")] = 30,
    seed: Annotated[int, typer.Option(help="Same seed, same history.")] = 2026,
    profile: Annotated[
        Profile, typer.Option(help="All columns, or those of a benchmark.")
    ] = "shop",
) -> None:
    """Write the behavioural history of a made-up online shop."""
    try:
        files = generate(folder, events, seed=seed, days=days, profile=profile)
    except EventsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    typer.echo(f"{events:,} events in {len(files)} files, {megabytes:,.1f} MB: {folder}")


if __name__ == "__main__":
    typer.run(main)
