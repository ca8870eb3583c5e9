"""The sender: claims matches, delivers them side by side, and writes down what came of them.

Everything happens in one event loop; the ledger is spoken to in one thread beside it, so that a
slow disk holds up no request and a slow endpoint no other one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from streamkit.delivery.answers import Answer
from streamkit.delivery.ledger.destinations import BREAKS_AT
from streamkit.delivery.ledger.exchange import LEASE, Attempt, Claimed, Exchanged, Terms, exchange
from streamkit.delivery.ledger.notices import Notice
from streamkit.delivery.quota import Budget
from streamkit.delivery.routes import Route
from streamkit.times import to_microseconds

if TYPE_CHECKING:
    from streamkit.delivery.destination import Destination
    from streamkit.delivery.ledger import Ledger
    from streamkit.payload.body import Body

__all__ = ["IN_FLIGHT", "Deliverer", "Sender", "Sent"]

log = logging.getLogger("streamkit.delivery")

SECOND = 1_000_000
IN_FLIGHT = 8
"""Requests at a time to one destination."""
MOST_AHEAD = 256
"""Matches claimed ahead for one destination at the most."""
TOGETHER = 0.1
"""Seconds in which outcomes gather for one commit, unless a destination runs out of matches."""
MARGIN = 30 * SECOND
"""A request is made only while its lease lasts longer than any attempt: 15 s, and as much again."""
EXPIRY = 30 * SECOND
"""How often matches are looked for that have become too old."""
PROBE_AGAIN = 600 * SECOND
"""A sender that stays open counts as a new run this often: parked destinations are probed."""


class Deliverer(Protocol):
    """What makes requests: a `Wire`."""

    async def deliver(self, destination: Destination, match_id: str, body: Body) -> Answer:
        """Try once."""
        ...


@dataclass(slots=True)
class Sent:
    """What a sender did.

    Args:
        outcomes: How many attempts were `delivered`, `retry`, `parked` or `dead`, by stream.
        notices: What people should hear of.
        stopped: Whether the budget kept matches waiting.
        seconds: How long it took.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0

    def of(self, stream: str, outcome: str) -> int:
        """How many attempts of a stream ended so."""
        return self.outcomes[stream, outcome]


@dataclass(slots=True)
class _Lane:
    """What a sender has in hand for one destination.

    Args:
        gate: Lets so many requests through at a time.
        in_hand: Claims that have not come back.
        failures: Attempts that failed in a row.
        troubles: How often the destination turned out to be in trouble. Claims of before that are
            given back without a request: the ledger decides then what may be tried.
        settled: When attempts of the last second came back, in seconds.
    """

    gate: asyncio.Semaphore
    in_hand: int = 0
    failures: int = 0
    troubles: int = 0
    settled: deque[float] = field(default_factory=deque)

    def learn(self, answer: Answer, now: float) -> None:
        """Take in an answer."""
        self.settled.append(now)
        self.failures = self.failures + 1 if answer.outcome == "retry" else 0
        is_held = answer.outcome == "parked" or answer.retry_after is not None
        if is_held or self.failures == BREAKS_AT:
            self.troubles += 1
            self.failures = 0

    def room(self, now: float) -> int:
        """How many more to claim: half a second's worth ahead of what is in flight."""
        while self.settled and self.settled[0] < now - 1:
            self.settled.popleft()
        ahead = min(MOST_AHEAD, 2 * IN_FLIGHT + len(self.settled) // 2)
        return max(0, ahead - self.in_hand)


class Sender:
    """Sends what waits in a ledger.

    Args:
        ledger: The ledger.
        routes: Where the matches of each stream go; others are left alone.
        wire: Makes the requests.
        budget: The month's.
        clock: Gives the present.
        lease: How long a claim lasts, in microseconds.
        executor: Where the ledger is spoken to; a thread of its own by default.
        chance: Gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        ledger: Ledger,
        routes: Sequence[Route],
        wire: Deliverer,
        *,
        budget: Budget = Budget(),  # noqa: B008 # a frozen value
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease: int = LEASE,
        executor: Executor | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._wire = wire
        self._clock = clock
        self._chance = chance
        self._terms = Terms(
            secrets.token_hex(8), {route.stream: route for route in routes}, budget, lease
        )
        self._executor = executor
        self._attempts: list[Attempt] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: dict[str, _Lane] = {}
        self._probes: set[str] = set()
        self._woken = asyncio.Event()
        self._hungry = asyncio.Event()
        self._is_stopping = False
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.sent = Sent()

    @property
    def _now(self) -> int:
        return to_microseconds(self._clock())

    def wake(self) -> None:
        """Let it look for new matches; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)
            self._loop.call_soon_threadsafe(self._hungry.set)

    def stop(self) -> None:
        """Let it finish the requests that it has begun, and no more; from any thread."""
        self._is_stopping = True
        self.wake()

    async def run(self, *, until: int | None = None, stay_open: bool = False) -> Sent:
        """Send until nothing more comes due.

        Args:
            until: When to stop at the latest, in microseconds.
            stay_open: Whether to wait for more when nothing is left.

        Raises:
            DeliveryError: The ledger cannot be used any more; what was delivered and could not be
                written down is sent again later, under the same ids.
        """
        self._loop = loop = asyncio.get_running_loop()
        began = loop.time()
        own = self._executor is None
        executor = self._executor or ThreadPoolExecutor(1, "ledger")
        try:
            await self._work(loop, executor, until, stay_open=stay_open)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if own:
                executor.shutdown()
            self.sent.seconds = loop.time() - began
        return self.sent

    async def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        executor: Executor,
        until: int | None,
        *,
        stay_open: bool,
    ) -> None:
        destinations = {route.id for route in self._terms.routes.values()}
        self._lanes = {id_: _Lane(asyncio.Semaphore(IN_FLIGHT)) for id_ in destinations}
        self._probes, probes_until = set(destinations), self._now + PROBE_AGAIN
        expire_at = 0
        while True:
            if self._failure is not None:
                raise self._failure
            now = self._now
            if until is not None and now >= until:
                self._is_stopping = True
            if stay_open and now >= probes_until:
                self._probes, probes_until = set(destinations), now + PROBE_AGAIN
            attempts, self._attempts = self._attempts, []
            wanted = {} if self._is_stopping else self._room(loop.time())
            expire = now >= expire_at and not self._is_stopping
            if expire:
                expire_at = now + EXPIRY
            self._woken.clear()
            self._hungry.clear()
            done = await loop.run_in_executor(
                executor, self._exchange, attempts, wanted, frozenset(self._probes), expire
            )
            self._probes -= done.probed
            self._take_in(done, loop)
            wake = None if self._is_stopping else done.wake
            if not self._tasks and not self._attempts and not self._woken.is_set():
                is_over = wake is None or (until is not None and wake >= until)
                if self._is_stopping or (is_over and not stay_open):
                    return
            await self._rest(wake, until, stay_open=stay_open)

    def _room(self, now: float) -> dict[str, int]:
        return {id_: lane.room(now) for id_, lane in self._lanes.items()}

    def _exchange(
        self,
        attempts: Sequence[Attempt],
        wanted: dict[str, int],
        probes: frozenset[str],
        expire: bool,
    ) -> Exchanged:
        return self._ledger.write(
            lambda connection: exchange(
                connection,
                self._terms,
                attempts,
                wanted,
                probes,
                now=self._now,
                chance=self._chance(),
                expire=expire,
            )
        )

    def _take_in(self, done: Exchanged, loop: asyncio.AbstractEventLoop) -> None:
        """Count what was settled and begin with what was claimed."""
        self.sent.outcomes.update(done.outcomes)
        self.sent.stopped = self.sent.stopped or done.stopped
        for notice in done.notices:
            log.warning("%s", notice)
            self.sent.notices.append(notice)
        for claimed in done.claimed:
            route = self._terms.routes[claimed.stream]
            self._lanes[route.id].in_hand += 1
            task = loop.create_task(self._deliver(claimed, route))
            self._tasks.add(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._woken.set()

    async def _deliver(self, claimed: Claimed, route: Route) -> None:
        """Make one request when its turn is there."""
        lane = self._lanes[route.id]
        answer: Answer | None = None
        troubles = lane.troubles
        ahead = claimed.not_before - self._now
        if ahead > 0:
            await asyncio.sleep(ahead / SECOND)
        async with lane.gate:
            at = self._now
            margin = min(MARGIN, self._terms.lease // 2)
            is_free = lane.troubles == troubles and not self._is_stopping
            if is_free and at < claimed.leased_until - margin:
                answer = await self._wire.deliver(route.destination, claimed.match_id, claimed.body)
                lane.learn(answer, asyncio.get_running_loop().time())
                if answer.outcome == "parked":
                    self._probes.discard(route.id)
        lane.in_hand -= 1
        self._attempts.append(Attempt(claimed, at, answer))
        self._woken.set()
        if lane.in_hand <= IN_FLIGHT:
            self._hungry.set()

    async def _rest(self, wake: int | None, until: int | None, *, stay_open: bool) -> None:
        """Wait for outcomes, or until something is due; outcomes gather for a moment."""
        if self._is_stopping:  # only what is on its way is waited for
            until = None
        moments = [each for each in (wake, until) if each is not None]
        if stay_open:
            moments.append(self._now + 5 * SECOND)  # others may have handed matches over
        seconds = max(0.0, (min(moments) - self._now) / SECOND) if moments else None
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER):
                await self._hungry.wait()
