"""One run of `send`: find, try out or hand over, deliver, report."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from streamkit.definition import Stream
from streamkit.delivery.bodies import BodyMaker
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.candidates import Candidate, StreamRules, pages, read_candidates
from streamkit.delivery.ledger.handing_over import HandedOver, hand_over
from streamkit.delivery.ledger.notices import Notice, add_notices
from streamkit.delivery.ledger.streams import count_leased, count_waiting, remember
from streamkit.delivery.notifying import send_notices
from streamkit.delivery.own_loop import run_in_own_loop
from streamkit.delivery.quota import UNITS
from streamkit.delivery.routes import Route
from streamkit.delivery.send_report import SendReport, StreamReport
from streamkit.delivery.sender import Sender, Sent
from streamkit.delivery.settings import Settings
from streamkit.errors import DeliveryError, StreamkitError
from streamkit.events import History
from streamkit.matching import Found, StreamMatches, find_matches
from streamkit.times import format_time, from_microseconds, to_microseconds

if TYPE_CHECKING:
    import duckdb

    from streamkit.delivery.changes import Changes
    from streamkit.delivery.destination import Destination
    from streamkit.delivery.ledger.reporting import Status
    from streamkit.payload import Payload

__all__ = ["Part", "SendRun"]

log = logging.getLogger("streamkit.delivery")

PAGE = 20_000
"""Candidates of one transaction: other senders wait for it for about a second."""
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One stream of a run.

    Args:
        stream: The definition.
        route: Where its matches go.
        payload: What makes their bodies.
        since: From when on they are handed over, in microseconds; None is from the start.
        rules: What the ledger goes by.
    """

    stream: Stream
    route: Route
    payload: Payload
    since: int | None
    rules: StreamRules


@dataclass(frozen=True, slots=True)
class _Offer:
    """One stream's candidates, ready to be handed over."""

    part: Part
    found: StreamMatches
    candidates: Sequence[Candidate]
    unproven: int
    bodies: BodyMaker


class SendRun:
    """One run, step by step.

    Args:
        ledger: The ledger.
        parts: The streams.
        history: The events.
        settings: The budget.
        clock: Gives the present time.
        changes: What is not as it was.
        notes: What a reader should know.
    """

    def __init__(
        self,
        ledger: Ledger,
        parts: Sequence[Part],
        history: History,
        settings: Settings,
        clock: Callable[[], datetime],
        changes: Changes,
        notes: Sequence[str],
    ) -> None:
        self.ledger = ledger
        self.parts = parts
        self.history = history
        self.settings = settings
        self.clock = clock
        self.changes = changes
        self.notes = list(notes)
        self.notices: list[Notice] = []
        self.is_interrupted = False

    @property
    def now(self) -> int:
        """The present, in microseconds."""
        return to_microseconds(self.clock())

    def find(
        self, connection: duckdb.DuckDBPyConnection, until: int | None, *, proven_only: bool
    ) -> tuple[Found, list[_Offer]]:
        """All confirmed firing events of the range."""
        begins = [part.since for part in self.parts]
        earliest = min((each for each in begins if each is not None), default=None)
        since = None if None in begins or earliest is None else from_microseconds(earliest)
        found = find_matches(
            [part.stream for part in self.parts],
            self.history,
            connection,
            since=since,
            until=None if until is None else from_microseconds(until),
            now=self.clock(),
            undecided=True,
        )
        handing = []
        for part, each in zip(self.parts, found.streams, strict=True):
            tables = each.tables
            assert tables.runs is not None, "they were asked for"
            candidates, unproven = read_candidates(
                part.stream,
                tables.matches,
                tables.runs,
                since=part.since,
                proven_only=proven_only,
            )
            bodies = BodyMaker(part.payload, tables, self.history, connection)
            handing.append(_Offer(part, each, candidates, unproven, bodies))
        self.notes += self.history.notes
        if found.tied_rows:
            self.notes.append("events of equal time have no order of their own: name a 'sequence'")
        return found, handing

    def try_out(self, handing: Sequence[_Offer], *, mark_sent: bool) -> dict[str, HandedOver]:
        """What handing over would do; nothing is kept."""

        def trial(connection: Any) -> dict[str, HandedOver]:
            return {
                each.part.stream.name: hand_over(
                    connection,
                    each.part.rules,
                    each.candidates,
                    None,
                    now=self.now,
                    mark_sent=mark_sent,
                )
                for each in handing
            }

        return self.ledger.write(trial, roll_back=True)

    def check_max_sends(self, tried: Mapping[str, HandedOver], most: int | None) -> None:
        """Refuse a run that would send more than it may."""
        if most is None:
            return
        waiting = self.ledger.read(
            lambda connection: count_waiting(connection, (part.stream.name for part in self.parts))
        )
        new = sum(len(each.accepted) for each in tried.values())
        if waiting + new > most:
            raise DeliveryError(
                f"the run would send {waiting + new:,} matches ({new:,} new, {waiting:,} waiting),"
                f" more than the {most:,} allowed: nothing was sent",
                code="too-many-sends",
                hint="look at it with --dry-run, raise --max-sends, or mark the past with --mark-sent",
            )

    def hand_over(
        self, handing: Sequence[_Offer], horizon: int | None, *, mark_sent: bool
    ) -> dict[str, HandedOver]:
        """Hand over page by page: each is decided, rendered and committed."""
        done: dict[str, HandedOver] = {}
        for each in handing:
            part, total = each.part, HandedOver()
            for page in pages(each.candidates, PAGE):
                total += self._page(each, page, mark_sent=mark_sent)
            done[part.stream.name] = total
        self.ledger.write(lambda connection: self._remember(connection, horizon))
        return done

    def _remember(self, connection: Any, horizon: int | None) -> None:
        for part in self.parts:
            remember(connection, part.stream, part.route, self.history.schema, horizon)

    def _page(self, each: _Offer, page: Sequence[Candidate], *, mark_sent: bool) -> HandedOver:
        """Hand over a page; its bodies are made before the ledger is locked."""
        now = self.now

        def work(connection: Any, bodies: BodyMaker | None) -> HandedOver:
            return hand_over(
                connection, each.part.rules, page, bodies, now=now, mark_sent=mark_sent
            )

        if not mark_sent:
            tried = self.ledger.write(lambda connection: work(connection, None), roll_back=True)
            accepted = set(tried.accepted)
            each.bodies.prepare([one for one in page if one.match_id in accepted])
        return self.ledger.write(lambda connection: work(connection, each.bodies))

    def say_changes(self) -> None:
        """Keep a notice of each change of a stream or its connection."""
        for name, texts in self.changes.others.items():
            self.notices += [Notice(self.now, "changed", name, text) for text in texts]
        self.ledger.write(lambda connection: add_notices(connection, self.notices))

    def deliver(
        self,
        make_wire: Callable[[], Any],
        deadline: int,
        notify: Destination | None,
    ) -> Sent:
        """Send what waits, until nothing more comes due, the time is over, or an interrupt."""
        self._say_leased()
        sender: list[Sender] = []

        def stop() -> None:
            self.is_interrupted = True
            for each in sender:
                each.stop()

        async def work() -> Sent:
            async with make_wire() as wire:
                sender.append(self._sender(wire))
                if self.is_interrupted:  # before there was a sender to stop
                    sender[0].stop()
                sent = await sender[0].run(until=deadline)
                dead = self._dead_notices(sent)
                sent.notices += dead
                await send_notices(wire, notify, [*self.notices, *sent.notices])
                return sent

        sent = run_in_own_loop(work, stop)
        self.notices += sent.notices
        return sent

    def _say_leased(self) -> None:
        """Say that the run may have to wait for what another sender, perhaps a dead one, holds."""
        names = [part.stream.name for part in self.parts]
        count, until = self.ledger.read(lambda each: count_leased(each, names, self.now))
        if count:
            log.warning(
                "waits for %s match%s that another sender holds, until %s at the latest",
                f"{count:,}",
                "" if count == 1 else "es",
                format_time(from_microseconds(until)),
            )

    def _sender(self, wire: Any) -> Sender:
        return Sender(
            self.ledger,
            [part.route for part in self.parts],
            wire,
            budget=self.settings.budget,
            clock=self.clock,
        )

    def _dead_notices(self, sent: Sent) -> list[Notice]:
        """A notice for each stream with new dead letters."""
        notices = [
            Notice(
                self.now,
                "dead letters",
                name,
                f"{count:,} match{'' if count == 1 else 'es'} died in a run;"
                " 'streamkit dead-letters list' says why",
            )
            for (name, outcome), count in sent.outcomes.items()
            if outcome == "dead"
        ]
        self.ledger.write(lambda connection: add_notices(connection, notices))
        return notices

    def report(
        self,
        handing: Sequence[_Offer],
        done: Mapping[str, HandedOver],
        sent: Sent,
        horizon: int | None,
        *,
        dry_run: bool,
        began: float,
    ) -> SendReport:
        """What was done, or would be."""
        status = self.ledger.status(self.settings.budget)
        labels = {part.route.label for part in self.parts}
        would_wait = Counter({each.part.route.id: 0 for each in handing})
        for each in handing:
            would_wait[each.part.route.id] += len(done[each.part.stream.name].accepted)
        rates = {part.route.id: part.route.destination.rate for part in self.parts}
        return SendReport(
            streams=[self._stream_report(each, done, sent, status) for each in handing],
            notes=self.notes,
            notices=self.notices,
            parked={
                label: each["parked"]
                for label, each in status.destinations.items()
                if each["parked"] is not None and label in labels
            },
            month=status.month,
            used=status.used,
            budget=self.settings.budget.activations,
            stopped=sent.stopped,
            interrupted=self.is_interrupted,
            horizon=horizon,
            seconds=time.monotonic() - began,
            dry_run=dry_run,
            seconds_to_send=max(
                (count / rates[id_] for id_, count in would_wait.items()), default=0.0
            )
            if dry_run
            else 0.0,
            samples=_samples(handing, done) if dry_run else {},
        )

    def _stream_report(
        self, each: _Offer, done: Mapping[str, HandedOver], sent: Sent, status: Status
    ) -> StreamReport:
        part, name = each.part, each.part.stream.name
        handed = done[name]
        added = {state: count for state, count in sorted(handed.counts.items()) if state != "known"}
        return StreamReport(
            name=name,
            version=part.stream.version,
            destination=part.route.label,
            since=part.since,
            found=len(each.candidates) + each.unproven,
            known=handed.counts["known"],
            added={state: count for state, count in added.items() if count},
            pending=len(each.found.tables.pending),
            unproven=each.unproven,
            delivered=sent.of(name, "delivered"),
            retried=sent.of(name, "retry"),
            parked=sent.of(name, "parked"),
            dead=sent.of(name, "dead"),
            waiting=status.streams[name]["waiting"] if name in status.streams else 0,
            waits_for=status.waits_for(name, part.route.id),
            activations=len(handed.accepted) * part.rules.units / UNITS,
        )


def _samples(handing: Sequence[_Offer], done: Mapping[str, HandedOver]) -> dict[str, list[str]]:
    """The first bodies of each stream."""
    samples = {}
    for each in handing:
        wanted = set(done[each.part.stream.name].accepted[:SAMPLES])
        chosen = [one for one in each.candidates if one.match_id in wanted]
        samples[each.part.stream.name] = [
            body.problems[0].message
            if isinstance(body, StreamkitError)
            else body.content.decode("utf-8", "replace")
            for body in each.bodies(chosen)
        ]
    return samples
