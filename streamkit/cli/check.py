"""`streamkit check`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from streamkit.cli.inputs import (
    add_connections,
    add_events,
    add_json,
    add_streams,
    load_connections,
    load_history,
    load_streams,
    print_json,
)
from streamkit.errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from streamkit.definition import Stream
    from streamkit.delivery.connections import ReferenceCheck
    from streamkit.errors import Problem

__all__ = ["add_arguments", "run"]

DONE, MISSING = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser, required=False)
    add_connections(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if nothing is behind a secret's reference."""
    streams = load_streams(arguments.streams)
    references: tuple[ReferenceCheck, ...] = ()
    if arguments.connections is not None:
        references = _check_references(streams, arguments.connections, arguments.streams)
    warnings: list[Problem] = []
    if arguments.events is not None:
        from streamkit.matching.check import check_streams

        warnings = check_streams(streams, load_history(arguments.events, arguments.schema))
    if arguments.json:
        answer: dict[str, Any] = {
            "streams": [
                {"name": each.name, "version": each.version, "sentence": each.sentence}
                for each in streams
            ],
            "warnings": [asdict(each) for each in warnings],
        }
        if arguments.connections is not None:
            answer["references"] = [asdict(each) | {"found": each.found} for each in references]
        print_json(answer)
    else:
        for stream in streams:
            print(f"{stream.name} ({stream.version})\n  {stream.sentence}")  # noqa: T201 # output
        for each in references:
            print(each)  # noqa: T201 # the command's output
        for warning in warnings:
            print(f"warning: {warning}")  # noqa: T201 # the command's output
    return DONE if all(each.found for each in references) else MISSING


def _check_references(
    streams: list[Stream], path: Path, folders: list[Path]
) -> tuple[ReferenceCheck, ...]:
    """Whether something is behind the references of connections, payloads and destinations.

    Raises:
        DeliveryError: The connections are not valid, or a stream asks for one that is not there.
    """
    from streamkit.delivery.connections import check_references
    from streamkit.delivery.destination import Destination
    from streamkit.references import secrets_in

    connections = load_connections(path, folders)
    found = list(connections.check())
    problems: list[Problem] = []
    for stream in streams:
        for reference in dict.fromkeys(secrets_in(stream.payload)):
            found += check_references(stream.name, {"payload": reference})
        if stream.destination is None:
            continue
        try:
            Destination.of(stream, connections)
        except DeliveryError as error:
            problems += error.problems
        found += check_references(stream.name, stream.destination)
    if problems:
        raise DeliveryError(problems)
    return tuple(found)
