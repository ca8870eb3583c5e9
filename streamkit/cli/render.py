"""`streamkit render`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streamkit.cli.inputs import (
    add_events,
    add_json,
    add_streams,
    add_time_range,
    load_history,
    load_streams,
    print_json,
    whole_number,
)

if TYPE_CHECKING:
    from streamkit.payload import Rendering

__all__ = ["add_arguments", "run"]

DONE, FINDINGS = 0, 1
FEW = 5


class _ListTemplates(argparse.Action):
    """Prints the templates and ends, whatever else is asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print the templates."""
        from streamkit.definition.payload_templates import TEMPLATES

        for name, template in TEMPLATES.items():
            print(f"{name}: {template.title}\n  checked: {template.checked}")  # noqa: T201 # output
            for key, parameter in template.parameters.items():
                needed = " (needed)" if parameter.is_required else ""
                print(f"  {key}{needed}: {parameter.help}")  # noqa: T201 # output
        parser.exit(DONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser)
    add_time_range(parser)
    parser.add_argument(
        "--limit",
        type=whole_number,
        default=FEW,
        metavar="N",
        help=f"at most so many bodies a stream ({FEW})",
    )
    parser.add_argument("--match-id", metavar="ID", help="only the match of this id")
    parser.add_argument(
        "--body-schema", action="store_true", help="print the JSON Schema of the bodies instead"
    )
    parser.add_argument(
        "--templates", action=_ListTemplates, help="list the templates of payloads and end"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 if a match has no body."""
    from streamkit.payload import compile_payload, render

    streams = load_streams(arguments.streams)
    history = load_history(arguments.events, arguments.schema)
    if arguments.body_schema:
        schemas = {
            stream.name: compile_payload(stream, history).body_schema(history) for stream in streams
        }
        print_json(schemas if len(schemas) > 1 else schemas[streams[0].name])
        return DONE
    found = [
        render(
            stream,
            history,
            since=arguments.since,
            until=arguments.until,
            limit=arguments.limit,
            match_id=arguments.match_id,
        )
        for stream in streams
    ]
    if arguments.json:
        print_json({"streams": [_plain(each) for each in found]})
    else:
        print("\n".join(map(str, found)))  # noqa: T201 # the command's output
    has_problem = any(one.problem is not None for each in found for one in each.rendered)
    return FINDINGS if has_problem else DONE


def _plain(rendering: Rendering) -> dict[str, Any]:
    return {
        "name": rendering.stream.name,
        "matches": rendering.count,
        "sample": rendering.is_sample,
        "bodies": [
            {
                "match_id": each.match["match_id"],
                "body": json.loads(each.text) if each.body is not None else None,
                "secrets": [] if each.body is None else [name for _, name in each.body.secrets],
                "problem": each.problem,
            }
            for each in rendering.rendered
        ],
    }
