"""`streamkit catalog`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streamkit.cli.inputs import add_events, add_json, load_history, print_json

if TYPE_CHECKING:
    from streamkit.events import History
    from streamkit.events.cataloguing import Catalog, EventEntry

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_events(parser)
    parser.add_argument("--event", metavar="NAME", help="one event with all its properties")
    parser.add_argument(
        "--search", metavar="TEXT", help="where a text is met: in names, paths and values"
    )
    parser.add_argument(
        "--defined",
        type=Path,
        metavar="FILE",
        help="an events.yaml: its named conditions are counted beside the events",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from streamkit.events.cataloguing.showing import event_text, findings_text

    history = load_history(arguments.events, arguments.schema)
    catalog = _catalog(history, arguments.defined)
    if arguments.search is not None:
        findings = catalog.search(arguments.search)
        if arguments.json:
            print_json([{key: getattr(found, key) for key in ("kind", "event", "path", "value")}
                        for found in findings])  # fmt: skip
        else:
            print(findings_text(findings))  # noqa: T201 # the command's output
    elif arguments.event is not None:
        entry = _event(catalog, arguments.event)
        if arguments.json:
            listed = catalog.to_dict()["events"]
            print_json(listed[catalog.events.index(entry)])
        else:
            print(event_text(entry))  # noqa: T201 # the command's output
    elif arguments.json:
        print_json(catalog.to_dict())
    else:
        print(catalog)  # noqa: T201 # the command's output
    return 0


def _catalog(history: History, defined: Path | None) -> Catalog:
    catalog = history.catalog()
    if defined is None:
        return catalog
    from streamkit.definition.named import load_named
    from streamkit.matching.defined import with_defined

    return with_defined(catalog, history, load_named(defined))


def _event(catalog: Catalog, name: str) -> EventEntry:
    from streamkit.errors import EventsError
    from streamkit.suggest import did_you_mean

    try:
        return catalog.event(name)
    except KeyError:
        known = [entry.name for entry in catalog.events if entry.name is not None]
        raise EventsError(
            f"no event {name[:200]!r} in the history",
            code="unknown-event",
            hint=did_you_mean(name, known) or "run the command without --event to list them",
        ) from None
