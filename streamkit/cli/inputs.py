"""The arguments that commands share, and what they stand for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamkit.errors import DefinitionError, DeliveryError, EventsError, Problem

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.delivery.connections import Connections
    from streamkit.delivery.settings import Settings
    from streamkit.events import History

__all__ = [
    "add_connections",
    "add_events",
    "add_json",
    "add_ledger",
    "add_settings",
    "add_streams",
    "add_time_range",
    "load_connections",
    "load_history",
    "load_inputs",
    "load_settings",
    "load_streams",
    "print_json",
    "whole_number",
]

CONNECTIONS_FILE = "connections.yaml"


def add_streams(parser: argparse.ArgumentParser) -> None:
    """The streams: one or more files or folders."""
    parser.add_argument(
        "streams", nargs="+", type=Path, metavar="STREAM", help="stream files, or folders of them"
    )


def add_events(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The events and their schema."""
    parser.add_argument(
        "--events",
        action="append",
        required=required,
        metavar="PATH",
        help="a file, a folder or a glob of Parquet, NDJSON or CSV; more than once for more",
    )
    parser.add_argument(
        "--schema",
        type=Path,
        metavar="FILE",
        help="what the columns mean; proposed from their names if left out",
    )


def add_connections(parser: argparse.ArgumentParser) -> None:
    """The connections that destinations name."""
    parser.add_argument(
        "--connections",
        type=Path,
        metavar="FILE",
        help="how endpoints know who sends; by default the connections.yaml beside the streams",
    )


def add_time_range(parser: argparse.ArgumentParser) -> None:
    """The time range of an answer."""
    parser.add_argument(
        "--since", metavar="TIME", help="only matches that fire at or after it (UTC)"
    )
    parser.add_argument("--until", metavar="TIME", help="only events and matches before it (UTC)")


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """The ledger."""
    parser.add_argument(
        "--ledger", required=True, metavar="PLACE", help="an SQLite file, or a postgresql:// URL"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """What holds for all streams."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="streamkit.yaml: budget and notices; by default the one here or beside the streams",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Machine-readable output."""
    parser.add_argument("--json", action="store_true", help="print JSON to standard output")


def whole_number(text: str) -> int:
    """An argument that is a number of things."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def load_streams(paths: list[Path]) -> list[Stream]:
    """The streams of files and folders.

    Raises:
        DefinitionError: All problems of all of them.
    """
    from streamkit.definition import load

    streams: list[Stream] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            streams += load(path)
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError(problems)
    return streams


def load_history(events: list[str], schema: Path | None) -> History:
    """The events with their schema.

    Raises:
        EventsError: They cannot be read; an empty path is none.
    """
    from streamkit.events import History

    if not all(events):
        raise EventsError("--events is empty", code="no-such-file", hint="give a path")
    return History(events[0] if len(events) == 1 else events, schema)


def load_connections(path: Path | None, streams: list[Path]) -> Connections:
    """The connections of a file; without one those that lie beside the streams, if any.

    Raises:
        DeliveryError: The file is not there or not valid, or there are several to choose from.
    """
    from streamkit.delivery.connections import Connections

    if path is not None:
        return Connections.from_file(path)
    folders = [each if each.is_dir() else each.parent for each in streams]
    files = [folder / CONNECTIONS_FILE for folder in dict.fromkeys(folders)]
    found = [file for file in files if file.exists()]
    if len(found) > 1:
        raise DeliveryError(
            f"several {CONNECTIONS_FILE} lie beside the streams",
            code="several-connections",
            hint="name the one that is meant: --connections FILE",
        )
    return Connections.from_file(found[0]) if found else Connections()


def load_inputs(arguments: argparse.Namespace) -> tuple[list[Stream], History]:
    """The streams and events of a command that may write `--matches`, once that is safe."""
    streams = load_streams(arguments.streams)
    history = load_history(arguments.events, arguments.schema)
    if arguments.matches is not None:
        given = [*arguments.streams, *map(Path, arguments.events)]  # a CSV is read from a copy
        _refuse_inputs(arguments.matches, given, history, arguments.schema)
    return streams, history


def _refuse_inputs(target: Path, given: list[Path], history: History, schema: Path | None) -> None:
    """Make sure that writing a file destroys nothing that was read and no device.

    Raises:
        EventsError: The target is an input, or is no file.
    """
    inputs = [*given, *([schema] if schema else []), *map(Path, history.source.files)]
    whole = target.resolve()
    problem = None
    if target.exists() and not target.is_file():
        problem = "is not a file"
    elif whole in {each.resolve() for each in inputs}:
        problem = "is one of the inputs"
    if problem:
        raise EventsError(
            f"{str(target)!r} {problem} and is not overwritten",
            code="not-writable",
            hint="name another file",
        )


def print_json(data: Any) -> None:
    """Print plain data as JSON."""
    print(json.dumps(data, ensure_ascii=False, indent=2))  # noqa: T201 # the command's output


def load_settings(file: Path | None, folders: list[Path]) -> Settings:
    """The settings of a file, or else of the first folder that has some.

    Raises:
        DeliveryError: They are not valid.
    """
    from streamkit.delivery.settings import Settings

    return Settings.found(*folders) if file is None else Settings.from_file(file)
