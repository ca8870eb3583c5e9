"""`streamkit send-test`."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamkit.cli.inputs import (
    add_connections,
    add_events,
    add_json,
    load_connections,
    load_history,
    load_streams,
    print_json,
)
from streamkit.errors import DeliveryError

__all__ = ["add_arguments", "run"]

DELIVERED, NOT_DELIVERED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("stream", type=Path, metavar="STREAM", help="a stream file")
    add_events(parser, required=False)
    parser.add_argument(
        "--match-id",
        metavar="ID",
        help="send this match of the events; by default a made-up one with values of theirs",
    )
    parser.add_argument(
        "--body",
        type=Path,
        metavar="FILE",
        help="send the JSON of this file instead, such as an edited body of 'streamkit render'",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="one more header, or another value for one; more than once for more",
    )
    add_connections(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if the endpoint did not take it."""
    from streamkit.delivery.trial import send_test

    streams = load_streams([arguments.stream])
    if len(streams) != 1:
        raise DeliveryError(
            f"{len(streams)} streams, and one is tested at a time",
            code="one-stream",
            file=str(arguments.stream),
            hint="name the file of one stream",
        )
    history = None
    if arguments.events is not None and arguments.body is None:
        history = load_history(arguments.events, arguments.schema)
    trial = send_test(
        streams[0],
        load_connections(arguments.connections, [arguments.stream]),
        history=history,
        match_id=arguments.match_id,
        body=None if arguments.body is None else _read_body(arguments.body),
        headers=dict(map(_header, arguments.header)),
    )
    if arguments.json:
        print_json(trial.to_dict())
    else:
        print(trial)  # noqa: T201 # the command's output
    return DELIVERED if trial.delivered else NOT_DELIVERED


def _read_body(path: Path) -> str:
    """The text of a file with a body.

    Raises:
        DeliveryError: It cannot be read.
    """
    from streamkit.document.files import read_text

    return read_text(path, DeliveryError)


def _header(text: str) -> tuple[str, str]:
    """A header as it is written on the command line.

    Raises:
        DeliveryError: It has no name.
    """
    name, colon, value = text.partition(":")
    if not colon:
        raise DeliveryError(
            "--header has no colon", code="header-form", hint="write --header 'X-Source: test'"
        )
    return name.strip(), value.strip()
