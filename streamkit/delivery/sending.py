"""`send`: find what fired, hand it to the ledger, and deliver what waits there."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from streamkit.arguments import read_length, read_moment
from streamkit.definition import Stream
from streamkit.delivery.changes import find_changes
from streamkit.delivery.connections import Connections
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import StreamRules
from streamkit.delivery.ledger.streams import read_known
from streamkit.delivery.notifying import notice_destination
from streamkit.delivery.routes import Route
from streamkit.delivery.send_report import SendReport
from streamkit.delivery.send_run import Part, SendRun
from streamkit.delivery.sender import Sent
from streamkit.delivery.settings import Settings
from streamkit.duration import Duration
from streamkit.errors import DeliveryError, Problem
from streamkit.events import EventSource, History
from streamkit.matching.plan import check_names
from streamkit.payload import Payload, compile_payload
from streamkit.times import to_microseconds

__all__ = ["send"]


def send(
    streams: Stream | Sequence[Stream],
    history: History | EventSource,
    ledger: Ledger | str | os.PathLike[str],
    *,
    connections: Connections | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    since: datetime | str | None = None,
    since_last: bool = False,
    from_start: bool = False,
    until: datetime | str | None = None,
    late: str | Duration = "24h",
    dry_run: bool = False,
    mark_sent: bool = False,
    max_sends: int | None = None,
    time_budget: str | Duration = "30m",
    accept_new_ids: bool = False,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    wire: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
) -> SendReport:
    """Send every match of a range to its stream's destination, once.

    Every confirmed firing event of the range is handed to the ledger, which decides frequency and
    cooldown over all runs. What it lets through is committed with its body before the first
    request, so a run may be killed at any moment and repeated as often as one likes: a match is
    sent at least once, always under the same id and with the same bytes.

    Ctrl-C while it sends lets the requests end that are under way and gives the report, with
    `interrupted` set; what was not sent waits for the next run.

    Args:
        streams: One definition or several; those that are not enabled are left out.
        history: The events; anything a `History` can be made from will do.
        ledger: The ledger, the path of its SQLite file, or a `postgresql://` URL.
        connections: What destinations name as `connection`: an object, plain data, or a file.
        since: Only matches with `fired_at` at or after it.
        since_last: Begin where the ledger's last run ended, less `late`.
        from_start: Take everything, sessions too that may have begun before the input.
        until: Only events before it, and matches with `fired_at` before it.
        late: How late events may come: with `since_last` this much is looked through again.
        dry_run: Do everything but write and send: the report says what would happen.
        mark_sent: Let the ledger count the range's matches as delivered without sending them: for
            a new ledger beside an endpoint that has had them.
        max_sends: Refuse, before the first request, a run that would send more.
        time_budget: How long to send; what is left waits for the next run.
        accept_new_ids: Send although ids are not what they were and matches may come twice.
        settings: The budget and where notices go; by default what streamkit.yaml here says.
        clock: Gives the present time.
        wire: Makes what delivers, an async context manager; a `Wire` by default.

    Returns:
        What was done, as a value that shows itself.

    Raises:
        DefinitionError: Two streams of one name, or none at all.
        EventsError: The input cannot be read, or a stream asks for what it does not have.
        PayloadError: A payload asks for what the events do not have.
        DeliveryError: No or no usable destination, connection or ledger; ids that have changed;
            more to send than `max_sends`.

    Example:
        >>> send(load("streams/"), "events/", "ledger.db", since_last=True)  # doctest: +SKIP
    """
    began = time.monotonic()
    streams = (streams,) if isinstance(streams, Stream) else tuple(streams)
    check_names(streams)
    _check_range(since, since_last=since_last, from_start=from_start)
    _check_most(max_sends)
    settings = Settings.found(".") if settings is None else settings
    known_connections = _connections(connections)
    enabled = tuple(stream for stream in streams if stream.enabled)
    routes = _routes(enabled, known_connections)
    notify = notice_destination(settings.notices, known_connections)
    history = history if isinstance(history, History) else History(history)
    payloads = _payloads(enabled, history)
    notes = [f"{each.name} is not enabled and was left out" for each in streams if not each.enabled]
    with ExitStack() as stack:
        opened = stack.enter_context(_opened(ledger, clock, dry_run=dry_run))
        known = opened.read(read_known)
        changes = find_changes(enabled, routes, history.schema, known)
        if changes.new_ids and not (accept_new_ids or dry_run or mark_sent):
            raise DeliveryError(
                f"{'; '.join(changes.new_ids)}: what was sent may be sent again under other ids",
                code="new-ids",
                hint="mark the past as sent (--mark-sent), or go on with --yes",
            )
        notes += changes.new_ids
        late_us = read_length(late, "late", DeliveryError)
        parts = []
        for stream in enabled:
            begin = None if from_start else _moment(since, "since")
            if since_last:
                horizon = known[stream.name].horizon if stream.name in known else None
                begin = _since_last(stream, horizon, late_us)
            rules = StreamRules(
                stream,
                history.schema.dedupe.microseconds,
                routes[stream.name].destination.max_age.microseconds,
            )
            parts.append(Part(stream, routes[stream.name], payloads[stream.name], begin, rules))
        run = SendRun(opened, parts, history, settings, clock, changes, notes)
        if not parts:
            return run.report((), {}, Sent(), None, dry_run=dry_run, began=began)
        connection = stack.enter_context(history.connect())
        found, handing = run.find(connection, _moment(until, "until"), proven_only=not from_start)
        if dry_run or max_sends is not None:
            tried = run.try_out(handing, mark_sent=mark_sent)
            run.check_max_sends(tried, max_sends)
            if dry_run:
                return run.report(
                    handing, tried, Sent(), found.census.horizon, dry_run=True, began=began
                )
        done = run.hand_over(handing, found.census.horizon, mark_sent=mark_sent)
        run.say_changes()
        deadline = to_microseconds(clock()) + read_length(time_budget, "time_budget", DeliveryError)
        sent = Sent() if mark_sent else run.deliver(wire or partial(_wire, clock), deadline, notify)
        return run.report(handing, done, sent, found.census.horizon, dry_run=False, began=began)


def _wire(clock: Callable[[], datetime]) -> AbstractAsyncContextManager[Any]:
    from streamkit.delivery.wire import Wire

    return Wire(clock=clock)


def _check_range(since: Any, *, since_last: bool, from_start: bool) -> None:
    """Exactly one beginning: sending everything by accident is what nobody wants."""
    if (since is not None) + since_last + from_start != 1:
        raise DeliveryError(
            "from where on to send is not said"
            if since is None
            else "several beginnings are given",
            code="no-range",
            hint="give one of --since, --since-last and --from-start",
        )


def _check_most(max_sends: int | None) -> None:
    if max_sends is not None and max_sends < 0:
        raise DeliveryError(
            f"max_sends is {max_sends}: no run sends less than nothing",
            code="bad-max-sends",
            hint="give 0 or more, or leave it out",
        )


def _connections(
    given: Connections | Mapping[str, Any] | str | os.PathLike[str] | None,
) -> Connections | None:
    if given is None or isinstance(given, Connections):
        return given
    if isinstance(given, Mapping):
        return Connections.from_dict(given)
    return Connections.from_file(given)


def _routes(streams: Sequence[Stream], connections: Connections | None) -> dict[str, Route]:
    """The route of each stream, or all that is wrong with any of them."""
    routes: dict[str, Route] = {}
    problems: list[Problem] = []
    for stream in streams:
        try:
            routes[stream.name] = Route.of(stream, connections)
        except DeliveryError as error:
            problems += error.problems
    if problems:
        raise DeliveryError(problems)
    return routes


def _payloads(streams: Sequence[Stream], history: History) -> dict[str, Payload]:
    """The compiled payload of each stream."""
    return {stream.name: compile_payload(stream, history) for stream in streams}


def _opened(
    ledger: Ledger | str | os.PathLike[str], clock: Callable[[], datetime], *, dry_run: bool
) -> AbstractContextManager[Ledger]:
    """The ledger; a dry run makes none where there is none."""
    if isinstance(ledger, Ledger):
        return nullcontext(ledger)
    place = os.fspath(ledger)
    if dry_run and "://" not in place and not Path(place).exists():
        return _Trial(clock)
    return Ledger(place, clock=clock)


class _Trial(AbstractContextManager[Ledger]):
    """An empty ledger that is gone afterwards."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def __enter__(self) -> Ledger:
        self._folder = tempfile.TemporaryDirectory()
        self._ledger = Ledger(Path(self._folder.name) / "ledger.db", clock=self._clock)
        return self._ledger

    def __exit__(self, *exception: object) -> None:
        self._ledger.close()
        self._folder.cleanup()


def _since_last(stream: Stream, horizon: int | None, late: int) -> int:
    if horizon is None:
        raise DeliveryError(
            f"{stream.name!r} was never sent with this ledger, so there is no last time",
            code="no-last-time",
            hint="begin with --since TIME, or mark the past as sent: --from-start --mark-sent",
        )
    return horizon - late


def _moment(value: datetime | str | None, name: str) -> int | None:
    if value is None:
        return None
    return to_microseconds(read_moment(value, name))
