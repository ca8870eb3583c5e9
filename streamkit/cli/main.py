"""`streamkit`: the commands, and what they have in common."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamkit.errors import DefinitionError, StreamkitError
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.events import History

__all__ = ["ExitCode", "main"]


class ExitCode(IntEnum):
    """What the process tells the shell."""

    DONE = 0
    FINDINGS = 1
    BAD_INPUT = 2
    INTERRUPTED = 130


app = typer.Typer(
    name="streamkit",
    help="Say once what should trigger a message; know from history how often it would have.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Streams = Annotated[
    list[Path], typer.Argument(metavar="STREAMS...", help="Stream files, or folders of them.")
]
Events = Annotated[
    str, typer.Option(metavar="PATH", help="A Parquet file, a folder of them, or a glob.")
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schema", metavar="FILE", help="Schema file; proposed from the columns if left out."
    ),
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only matches that fire at or after it (UTC).")
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only events and matches before it (UTC).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback()
def streamkit(debug: Debug = False) -> None:
    """Taken before the command as well as behind it."""
    if debug:
        os.environ["STREAMKIT_DEBUG"] = "1"


@app.command()
def backtest(
    streams: Streams,
    events: Events,
    schema: SchemaFile = None,
    since: Since = None,
    until: Until = None,
    matches: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table of matches to this Parquet file."),
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the queries as well.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """How often would the streams have fired over a history of events?"""
    with _errors_as_lines(debug):
        from streamkit.backtesting import backtest as run_backtest
        from streamkit.cli.progress import progress

        chosen = _load(streams)
        with progress() as report:
            result = run_backtest(
                chosen, _history(events, schema), since=since, until=until, report=report
            )
        if matches is not None:
            result.write_matches(matches)
        if as_json:
            _print_json(result.summary)
        else:
            print(result)  # noqa: T201 # the command's output
        if sql:
            print(f"\n{result.sql}", file=sys.stderr if as_json else sys.stdout)


@app.command()
def check(
    streams: Streams,
    events: Annotated[
        str | None, typer.Option(metavar="PATH", help="Also check against these events.")
    ] = None,
    schema: SchemaFile = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Are the stream files valid, and what do they mean in plain English?"""
    with _errors_as_lines(debug):
        chosen = _load(streams)
        if events is not None:
            from streamkit.matching.find import check_paths

            check_paths(chosen, _history(events, schema))
        if as_json:
            _print_json(
                {
                    "streams": [
                        {"name": s.name, "version": s.version, "sentence": s.sentence}
                        for s in chosen
                    ]
                }
            )
            return
        for stream in chosen:
            print(f"{stream.name} ({stream.version})\n  {stream.sentence}")  # noqa: T201


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: The words behind `streamkit`.

    Returns:
        0 done, 1 findings, 2 bad input, 130 interrupted.
    """
    import click

    command = typer.main.get_command(app)
    try:
        result = command.main(arguments, prog_name="streamkit", standalone_mode=False)
    except StreamkitError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201
        return ExitCode.BAD_INPUT
    except click.exceptions.NoSuchOption as error:
        hint = did_you_mean(error.option_name, error.possibilities or [])
        print(f"streamkit: {error.message} {hint or ''}".strip(), file=sys.stderr)  # noqa: T201
        return ExitCode.BAD_INPUT
    except click.ClickException as error:
        print(f"streamkit: {error.format_message()}", file=sys.stderr)  # noqa: T201
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        print("streamkit: interrupted", file=sys.stderr)  # noqa: T201
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    return result if isinstance(result, int) else ExitCode.DONE


@contextmanager
def _errors_as_lines(debug: bool) -> Iterator[None]:
    """With `--debug` an error keeps its traceback; without, `run` prints it as a line."""
    try:
        yield
    except StreamkitError:
        if debug or os.environ.get("STREAMKIT_DEBUG"):
            import traceback

            traceback.print_exc()
        raise


def _load(paths: list[Path]) -> list[Stream]:
    """The streams of files and folders, all problems of all of them at once."""
    from streamkit.definition import load

    streams: list[Stream] = []
    problems = []
    for path in paths:
        try:
            streams += load(path)
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError(problems)
    return streams


def _history(events: str, schema: Path | None) -> History:
    from streamkit.events import History

    return History(events, schema)


def _print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2))  # noqa: T201
