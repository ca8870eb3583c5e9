"""`streamkit live`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamkit.cli.inputs import (
    add_events,
    add_streams,
    load_connections,
    load_history,
    load_streams,
    print_json,
)
from streamkit.errors import EventsError, Problem, StreamkitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit.delivery.ledger.reporting import Status
    from streamkit.running.event_types import SchemaLike
    from streamkit.streaming import LiveRun, Sink, Source
    from streamkit.streaming.live_stats import Counts

__all__ = ["add_arguments", "run"]

LOOK_EVERY = 1.0
"""Seconds between two looks at the definitions and whether the run goes on."""
DRAINS = 1800.0
"""How long a run with an end goes on sending, in seconds; as long as `send` does."""
GROUP = "streamkit"
NEEDS = {
    "--token": "--listen",
    "--group": "--kafka",
    "--kafka-config": "--kafka",
    "--connections": "--ledger",
}
"""Options that do nothing without another one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_streams(parser)
    add_events(parser, required=False)
    sources = parser.add_mutually_exclusive_group(required=True)
    sources.add_argument(
        "--watch", metavar="DIR", help="Parquet and NDJSON files that land in a folder"
    )
    sources.add_argument("--stdin", action="store_true", help="NDJSON from standard input")
    sources.add_argument(
        "--listen", metavar="HOST:PORT", help="events that are posted to /events here"
    )
    sources.add_argument(
        "--kafka", metavar="SERVERS/TOPIC", help="a topic, or several with commas between them"
    )
    parser.add_argument(
        "--token",
        metavar="REF",
        help="with --listen: where the bearer token is: env:NAME, keyring:service/name or file:path",
    )
    parser.add_argument(
        "--group", metavar="NAME", help=f"with --kafka: the consumer group (default {GROUP})"
    )
    parser.add_argument(
        "--kafka-config",
        type=Path,
        metavar="FILE",
        help="with --kafka: more settings of librdkafka, such as security.protocol, as YAML;"
        " secrets as env:NAME, keyring:service/name or file:path",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="what must survive a restart; made if missing"
    )
    parser.add_argument(
        "--matches", metavar="PATH", help="write matches to a .ndjson file or a folder/ of Parquet"
    )
    parser.add_argument("--ledger", metavar="PLACE", help="hand matches over for delivery")
    parser.add_argument(
        "--connections",
        type=Path,
        metavar="FILE",
        help="with --ledger: how endpoints know who sends; by default the connections.yaml beside"
        " the streams",
    )
    parser.add_argument(
        "--allowed-lateness",
        default="5s",
        metavar="TIME",
        help="how much older than the newest an event may be when it arrives (default 5s)",
    )
    parser.add_argument(
        "--idle",
        default="1s",
        metavar="TIME",
        help="after so long without events everything is decided and waits go on by the wall"
        " clock; 'never' to wait for events (default 1s)",
    )
    parser.add_argument(
        "--forget-after",
        metavar="TIME",
        help="forget what a key did so long after its last event; by default never",
    )
    parser.add_argument(
        "--late-log", type=Path, metavar="FILE", help="add events that come too late to this NDJSON"
    )
    parser.add_argument("--once", action="store_true", help="end when the source has nothing more")
    parser.add_argument(
        "--reload", action="store_true", help="take changed stream files without a restart"
    )
    parser.add_argument(
        "--metrics", metavar="PORT", help="serve metrics for Prometheus here: a port, or HOST:PORT"
    )
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="how the log is written"
    )
    parser.add_argument("--json", action="store_true", help="print the counts as JSON at the end")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from streamkit.streaming import live
    from streamkit.streaming.logs import configure

    if arguments.matches is None and arguments.ledger is None:
        raise EventsError(
            "matches have nowhere to go",
            code="no-sink",
            hint="add --matches out.ndjson, --matches folder/ or --ledger FILE",
        )
    if arguments.matches is not None and arguments.ledger is not None:
        raise EventsError(
            "--matches and --ledger exclude each other",
            code="two-sinks",
            hint="the ledger keeps the matches as well: 'streamkit status' lists them",
        )
    _refuse_options_without_effect(arguments)
    configure(arguments.log_format)
    streams = load_streams(arguments.streams)
    schema = _schema(arguments)
    running = live(
        streams,
        _source(arguments, schema),
        schema,
        sink=_sink(arguments, streams, schema),
        state=arguments.state,
        allowed_lateness=arguments.allowed_lateness,
        idle_after=None if arguments.idle == "never" or arguments.once else arguments.idle,
        forget_after=arguments.forget_after,
        late_log=arguments.late_log,
    )
    with _metrics(arguments, running):
        _attend(running, arguments)
    status = _status(arguments.ledger)
    if arguments.json:
        print_json(_numbers(running) | ({} if status is None else {"ledger": status.to_dict()}))
    else:
        print(_summary(running))  # noqa: T201 # the command's output
        if status is not None:
            print(f"\nThe ledger: {status}")  # noqa: T201 # same
    return int(arguments.once and status is not None and status.needs_person)


def _refuse_options_without_effect(arguments: argparse.Namespace) -> None:
    """Make sure that every option has what it is about: one that does nothing is a mistake.

    Raises:
        EventsError: All that have not; their values are not repeated.
    """

    def is_given(option: str) -> bool:
        return getattr(arguments, option[2:].replace("-", "_")) is not None

    problems = [
        Problem(
            "option-without-effect",
            f"{option} needs {other}",
            hint=f"add {other}, or leave {option} out",
        )
        for option, other in NEEDS.items()
        if is_given(option) and not is_given(other)
    ]
    if problems:
        raise EventsError(problems)


def _schema(arguments: argparse.Namespace) -> SchemaLike:
    """What says how events read: a history whose types hold, or the schema alone."""
    if arguments.events:
        return load_history(arguments.events, arguments.schema)
    from streamkit.events import Schema

    if arguments.schema is not None:
        return Schema.from_file(arguments.schema)
    raise EventsError(
        "nothing says what the events' columns mean",
        code="no-schema",
        hint="give --schema FILE, or --events with a history of such events: its column types"
        " then hold for live events too",
    )


def _source(arguments: argparse.Namespace, schema: SchemaLike) -> Source:
    from streamkit import streaming

    if arguments.watch is not None:
        return streaming.FolderSource(arguments.watch, once=arguments.once)
    if arguments.stdin:
        from streamkit.streaming.iterators import lines_of_standard_input

        return streaming.IteratorSource(lines_of_standard_input())
    if arguments.once:
        raise EventsError("--once needs a source that ends", code="endless-source",
                          hint="use it with --watch or --stdin")  # fmt: skip
    if arguments.listen is not None:
        from streamkit.references import is_reference

        if arguments.token is not None and not is_reference(arguments.token):
            raise EventsError(
                "--token names where the token is, so that no list of processes shows it",
                code="bad-token",
                hint="write --token env:NAME, keyring:service/name or file:path",
            )
        return streaming.HttpSource(arguments.listen, token=arguments.token)
    servers, slash, topics = arguments.kafka.rpartition("/")
    if not slash:
        raise EventsError(f"--kafka {arguments.kafka!r} names no topic", code="no-topic",
                          hint="write SERVERS/TOPIC, such as localhost:9092/shop")  # fmt: skip
    return streaming.KafkaSource(
        topics.split(","),
        servers=servers,
        group=GROUP if arguments.group is None else arguments.group,
        schema=schema,
        allowed_lateness=arguments.allowed_lateness,
        config=arguments.kafka_config,
    )


def _sink(arguments: argparse.Namespace, streams: list[Any], schema: SchemaLike) -> Sink:
    if arguments.matches is not None:
        from streamkit.streaming.file_sinks import file_sink

        return file_sink(arguments.matches)
    from streamkit.delivery import LedgerSink

    return LedgerSink(
        arguments.ledger,
        streams,
        load_connections(arguments.connections, arguments.streams),
        schema=schema,
        drains=DRAINS if arguments.once else 0,
    )


@contextmanager
def _metrics(arguments: argparse.Namespace, running: LiveRun) -> Iterator[None]:
    """Serve metrics while the run is at work."""
    if arguments.metrics is None:
        yield
        return
    from streamkit.streaming.metrics import serve_metrics

    try:
        place = arguments.metrics
        server = serve_metrics(running, int(place) if place.isdecimal() else place)
    except BaseException:
        running.stop()
        raise
    try:
        yield
    finally:
        server.close()


def _attend(running: LiveRun, arguments: argparse.Namespace) -> None:
    """Wait for the end; take signals and changed definitions meanwhile."""
    from streamkit.streaming.definition_files import DefinitionFiles

    files = DefinitionFiles(arguments.streams)
    ending, reloading = threading.Event(), threading.Event()
    handlers = {signal.SIGTERM: ending, signal.SIGINT: ending}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = reloading
    before = {number: signal.getsignal(number) for number in handlers}
    for number, event in handlers.items():
        signal.signal(number, lambda *_, event=event: event.set())
    try:
        while not ending.is_set() and not running.wait(LOOK_EVERY / 10):
            is_changed = arguments.reload and files.have_changed()
            if reloading.is_set() or is_changed:
                reloading.clear()
                _reload(running, arguments.streams)
        running.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reload(running: LiveRun, paths: list[Path]) -> None:
    """Take the definitions as they are now; those that cannot be read leave the old ones at work."""
    try:
        running.reload(load_streams(paths))
    except StreamkitError as error:
        print(  # noqa: T201 # told while the command runs
            f"the streams were not reloaded, the old ones go on:\n{error}", file=sys.stderr
        )


def _status(place: str | None) -> Status | None:
    """Where the matches of the ledger are, if there is one."""
    if place is None:
        return None
    from streamkit.delivery import Ledger
    from streamkit.delivery.settings import Settings

    with Ledger(place, create=False) as ledger:
        return ledger.status(Settings.found(".").budget)


def _summary(running: LiveRun) -> str:
    """What was done, in sentences."""
    stats = running.stats
    done, total = stats.this_run, stats.total
    lines = [_found(done)]
    if stats.matcher.pending:
        lines.append(
            f"{stats.matcher.pending:,} matches still wait for the time of their last exclude."
        )
    if done.skipped:
        reasons = ", ".join(f"{count:,} {name}" for name, count in done.skipped.items())
        lines.append(f"Skipped: {reasons}.")
    if done.late:
        lines.append(
            f"{done.late:,} events came too late and were left out: --allowed-lateness says how"
            " much older than the newest they may be, --late-log keeps them."
        )
    if done.events < total.events:
        lines.append(f"With the earlier runs over this state: {_found(total)}")
    return "\n".join(lines)


def _found(counts: Counts) -> str:
    found = ", ".join(f"{name} {count:,}" for name, count in counts.matches.items() if count)
    return f"{counts.events:,} events, {sum(counts.matches.values()):,} matches" + (
        f": {found}." if found else "."
    )


def _numbers(running: LiveRun) -> dict[str, Any]:
    """The same as plain data; `total` is with the earlier runs over the state."""
    stats = running.stats
    return {
        **asdict(stats.this_run),
        "pending": stats.matcher.pending,
        "sent": stats.sent,
        "total": asdict(stats.total),
    }
