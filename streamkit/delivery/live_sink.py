"""`LedgerSink`: matches of a live run go into a ledger, and are sent while the run goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from streamkit.delivery.bodies import rendered
from streamkit.delivery.connections import Connections
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import Candidate, StreamRules, cooldown_value
from streamkit.delivery.ledger.handing_over import hand_over
from streamkit.delivery.ledger.rules import Place, Run
from streamkit.delivery.ledger.streams import UNKNOWN_DEDUPE, remember
from streamkit.delivery.notifying import notice_destination, send_notices
from streamkit.delivery.routes import Route
from streamkit.delivery.sender import Deliverer, Sender
from streamkit.delivery.settings import Settings
from streamkit.errors import DeliveryError, PayloadError, Problem
from streamkit.matching.contexts import Context
from streamkit.matching.identity import compact
from streamkit.payload import compile_payload
from streamkit.running.event_types import EventTypes

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.matching.contexts import Needs
    from streamkit.payload import Body, Payload
    from streamkit.running import Match
    from streamkit.running.event_types import SchemaLike

__all__ = ["LedgerSink"]

log = logging.getLogger("streamkit.delivery")

SECOND = 1_000_000
AGAIN = 30.0
"""Seconds after which a sender begins anew whose ledger could not be used."""


class LedgerSink:
    """Where the matches of `live` are kept and sent from.

    If the ledger lies in the state file, matches are handed over in the state's own transaction;
    otherwise they come again after a crash, and what the ledger knows already is left alone.

    Args:
        ledger: The ledger, or where it is.
        streams: The definitions, each with a destination.
        connections: What destinations name, or the file.
        schema: What `live` is told about the events; it says how far apart one may come twice, and
            what ids are made of. Without it, a day, as schemas say by default.
        settings: The budget and where notices go; by default what streamkit.yaml here says.
        clock: Gives the present time.
        wire: Makes what delivers; a `Wire` by default.
        sends: Whether to send as well; without it `streamkit send` does, for example on another
            machine.
        drains: How long, in seconds, `close` goes on sending what comes due, as a run of `send` does;
            0 to end with the requests that are on their way.

    Raises:
        PayloadError: A payload that cannot be compiled.
        DeliveryError: No or no usable destination, connection or ledger.
    """

    def __init__(
        self,
        ledger: Ledger | str | os.PathLike[str],
        streams: Sequence[Stream],
        connections: Connections | str | os.PathLike[str] | None = None,
        *,
        schema: SchemaLike | None = None,
        settings: Settings | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wire: Callable[[], Any] | None = None,
        sends: bool = True,
        drains: float = 0,
    ) -> None:
        if connections is not None and not isinstance(connections, Connections):
            connections = Connections.from_file(connections)
        self._connections = connections
        self._schema = None if schema is None else EventTypes.of(schema).schema
        self._settings = Settings.found(".") if settings is None else settings
        self._notify = notice_destination(self._settings.notices, connections)
        self._clock = clock
        self._make_wire = wire
        self._drains = drains
        self._payloads: dict[str, Payload] = {}
        self._rules: dict[str, StreamRules] = {}
        self._routes: dict[str, Route] = {}
        self._read(streams)
        self._owns = not isinstance(ledger, Ledger)
        self._ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger, clock=clock)
        self._sender: Sender | None = None
        self._is_closing = threading.Event()
        self._changed = False
        self._thread: threading.Thread | None = None
        if sends:
            self._thread = threading.Thread(target=self._send, name="streamkit sender", daemon=True)
            self._thread.start()

    def _read(self, streams: Sequence[Stream]) -> None:
        """Take definitions, all of them or none."""
        dedupe = UNKNOWN_DEDUPE if self._schema is None else self._schema.dedupe.microseconds
        payloads, rules, routes = {}, {}, {}
        problems: list[Problem] = []
        for stream in streams:
            if not stream.enabled:
                continue
            try:
                route = Route.of(stream, self._connections)
            except DeliveryError as error:
                problems += error.problems
                continue
            max_age = route.destination.max_age.microseconds
            payloads[stream.name] = compile_payload(stream)
            rules[stream.name] = StreamRules(stream, dedupe, max_age)
            routes[stream.name] = route
        if problems:
            raise DeliveryError(problems)
        self._payloads, self._rules, self._routes = payloads, rules, routes

    @property
    def path(self) -> Path | None:
        """The ledger's SQLite file; None for another database."""
        database = self._ledger.engine.url.database
        is_file = self._ledger.engine.dialect.name == "sqlite"
        return Path(database) if is_file and database else None

    @property
    def needs(self) -> Mapping[str, Needs]:
        """What the payloads ask for, by the stream's name."""
        return {name: payload.needs for name, payload in self._payloads.items()}

    def reload(self, streams: Sequence[Stream]) -> None:
        """Take changed definitions.

        Raises:
            StreamkitError: They cannot be used; the old ones stay.
        """
        self._read(streams)
        self._changed = True
        self._stop_sender()

    def put(self, batch: int, matches: Sequence[Match]) -> None:  # noqa: ARG002 # ids tell what came before
        """Take a batch; what the ledger knows already is left alone."""
        if matches:
            self._ledger.write(lambda connection: self._hand_over(connection, matches))
            self._wake()

    def put_in(self, connection: sa.Connection, matches: Sequence[Match]) -> None:
        """Take matches inside a transaction of the state file, which the ledger lies in."""
        self._hand_over(connection, matches)
        self._wake()  # the sender waits for the lock, and so for the commit

    def close(self) -> None:
        """Let the requests that are on their way end, and let go of the ledger."""
        self._is_closing.set()
        self._stop_sender()
        if self._thread is not None:
            self._thread.join()
            if self._drains:
                asyncio.run(self._drain())
        if self._owns:
            self._ledger.close()

    def _hand_over(self, connection: sa.Connection, matches: Sequence[Match]) -> None:
        by_stream: dict[str, list[Match]] = defaultdict(list)
        for match in matches:
            if not match.is_proven:
                log.warning("%s: left out, its session may have begun before", match.match_id)
            elif match.stream in self._rules:
                by_stream[match.stream].append(match)
        for name, found in by_stream.items():
            rules, payload = self._rules[name], self._payloads[name]
            candidates = [
                candidate_of(rules.stream, match, place) for place, match in enumerate(found)
            ]
            candidates.sort(key=lambda each: (each.fired_at, each.run.last.rank))
            remember(connection, rules.stream, self._routes[name], self._schema, None)
            hand_over(
                connection,
                rules,
                candidates,
                partial(_bodies, payload, found),
                now=self._ledger.now,
            )

    def _wake(self) -> None:
        sender = self._sender
        if sender is not None:
            sender.wake()

    def _stop_sender(self) -> None:
        sender = self._sender
        if sender is not None:
            sender.stop()

    def _send(self) -> None:
        """Send until closed; a ledger that fails is tried again after a while."""
        while not self._is_closing.is_set():
            self._changed = False
            try:
                asyncio.run(self._work())
            except DeliveryError as error:
                log.error("%s", error)
            if not self._changed:
                self._is_closing.wait(AGAIN)

    async def _drain(self) -> None:
        """Send what comes due, and no more than that."""
        async with self._wire() as wire:
            sender = self._new_sender(wire)
            sent = await sender.run(until=self._ledger.now + round(self._drains * SECOND))
            await send_notices(wire, self._notify, sent.notices)

    def _new_sender(self, wire: Deliverer) -> Sender:
        routes = list(self._routes.values())
        budget, clock = self._settings.budget, self._clock
        return Sender(self._ledger, routes, wire, budget=budget, clock=clock)

    async def _work(self) -> None:
        async with self._wire() as wire:
            self._sender = self._new_sender(wire)
            if self._is_closing.is_set():
                return
            notifying = asyncio.create_task(self._tell(wire, self._sender))
            try:
                await self._sender.run(stay_open=True)
            finally:
                notifying.cancel()

    async def _tell(self, wire: Deliverer, sender: Sender) -> None:
        """Send notices as they come."""
        told = 0
        while True:
            await asyncio.sleep(1)
            notices = sender.sent.notices[told:]
            told += len(notices)
            await send_notices(wire, self._notify, notices)

    def _wire(self) -> Any:
        if self._make_wire is not None:
            return self._make_wire()
        from streamkit.delivery.wire import Wire

        return Wire(clock=self._clock)


def candidate_of(stream: Stream, match: Match, place: int) -> Candidate:
    """A match of the matcher as a ledger decides on it."""
    ends = match.ends
    assert ends is not None, "the matcher gives every match its ends"
    last = match.events[-1]
    return Candidate(
        match_id=match.match_id,
        key=match.key,
        session=match.session,
        user=match.user,
        fired_at=match.fired,
        run=Run(
            _place(ends.first_id, match.started, ends.first_name, ends.first_ordinal),
            _place(last.id, last.micros, last.name, ends.last_ordinal),
        ),
        cooldown_value=cooldown_value(stream, ends.cooldown_value),
        place=place,
    )


def _place(id_: str | None, time: int, name: str | None, ordinal: int) -> Place:
    """A row; one without an id is taken for the first of its time and name, as nearly all are."""
    return Place(compact([time, name, 0] if id_ is None else [id_]), time, ordinal)


def _bodies(
    payload: Payload, matches: Sequence[Match], candidates: Iterable[Candidate]
) -> list[Body | PayloadError]:
    chosen = [matches[each.place] for each in candidates]
    return [rendered(payload, match, match.context or Context()) for match in chosen]
