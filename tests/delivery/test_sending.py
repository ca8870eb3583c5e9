"""Sending what waits: outcomes, retries, holds, parking, the breaker, the rate, the budget."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streamkit import Stream
from streamkit.delivery.answers import Answer
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.quota import Budget
from streamkit.delivery.routes import Route
from streamkit.delivery.sender import Sender, Sent
from tests.delivery.offers import NOW, START, candidate, offer, rows, states, stream

URL = "https://hook.example/a"
OK, FAILS = Answer("delivered", 200), Answer("retry", 503, "503 Service Unavailable")
REFUSED = Answer("dead", 422, "422 Unprocessable Content")
UNAUTHORISED = Answer("parked", 401, "401 Unauthorized")
GONE = Answer("parked", 410, "410 Gone", needs_person=True)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next thing that is due."""

    def __init__(self) -> None:
        super().__init__(_Jumping(self))
        self.moment = 0.0

    def time(self) -> float:
        return self.moment

    def now(self) -> datetime:
        return START + timedelta(seconds=self.moment)


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type] # chosen by the platform
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self._loop.moment += timeout
        return ready


class Inline(Executor):
    """Does at once what it is given, so that no time passes meanwhile."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 # handed to who waits
            done.set_exception(error)
        return done


@dataclass
class Script:
    """Answers in order, the last one again and again; remembers when it was asked for what."""

    answers: Sequence[Answer] = (OK,)
    seconds: float = 0.01
    asked: list[tuple[float, str]] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    most: int = 0
    _in_flight: int = 0

    async def deliver(self, destination: Any, match_id: str, body: Any) -> Answer:
        self.asked.append((asyncio.get_running_loop().time(), match_id))
        self.bodies.append((match_id, body.content))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        self._in_flight += 1
        self.most = max(self.most, self._in_flight)
        await asyncio.sleep(self.seconds)
        self._in_flight -= 1
        return answer

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.asked]


@dataclass
class Office:
    """A ledger, and runs of a sender over virtual time."""

    ledger: Ledger
    loop: VirtualLoop

    def run(
        self,
        of: Stream | Sequence[Stream],
        script: Script,
        *,
        seconds: float | None = None,
        budget: Budget = Budget(1e6),  # noqa: B008 # a frozen value
        connections: Mapping[str, Any] | None = None,
    ) -> Sent:
        routes = [Route.of(each) for each in ([of] if isinstance(of, Stream) else of)]
        sender = Sender(
            self.ledger,
            [replace(route) for route in routes],
            script,
            budget=budget,
            clock=self.loop.now,
            executor=Inline(),
            chance=lambda: 0.5,
        )
        until = None if seconds is None else NOW + round((self.loop.moment + seconds) * 1e6)
        return self.finish(sender.run(until=until))

    def finish(self, work: Coroutine[Any, Any, Sent]) -> Sent:
        return self.loop.run_until_complete(work)


@pytest.fixture
def office(sqlite_place: str) -> Any:
    """A ledger whose time is the loop's."""
    loop = VirtualLoop()
    with Ledger(sqlite_place, clock=loop.now) as ledger:
        yield Office(ledger, loop)
    loop.close()


def to(url: str = URL, name: str = "s", **destination: Any) -> Stream:
    return stream(name, destination={"url": url, **destination})


def waiting(office: Office, of: Stream, count: int) -> list[Any]:
    found = [candidate(of, -count + number, key=f"k{number}") for number in range(count)]
    offer(office.ledger, of, found, now=NOW)
    return found


def test_what_is_taken_is_delivered_once(office: Office):
    """With its id and its frozen bytes; a second run has nothing to send."""
    of, script = to(), Script()
    found = waiting(office, of, 20)
    sent = office.run(of, script)
    assert sent.of("s", "delivered") == 20
    assert sorted(script.bodies) == sorted((each.match_id, f'{{"id":"{each.match_id}"}}'.encode()) for each in found)  # fmt: skip
    office.run(of, script)
    assert len(script.asked) == 20


def test_a_commit_comes_before_its_request(office: Office):
    """When a request is made its lease is in the ledger for everybody to see."""
    of = to()
    waiting(office, of, 30)
    seen: list[bool] = []

    class Looking(Script):
        async def deliver(self, destination: Any, match_id: str, body: Any) -> Answer:
            seen.append(rows(office.ledger)[match_id].lease is not None)
            return await super().deliver(destination, match_id, body)

    office.run(of, Looking())
    assert seen == [True] * 30


def test_the_schedule_takes_five_hours_and_thirty_retries(office: Office):
    """min(760 s, 5·2^n s); then the match is dead and its budget is given back."""
    of, script = to(rate=1000), Script([FAILS])
    (only,) = waiting(office, of, 1)
    office.run(of, script)
    gaps = [b - a for a, b in zip(script.times, script.times[1:], strict=False)]
    wanted = [min(760.0, 5.0 * 2**n) for n in range(30)]
    assert len(gaps) == 30
    # from the tenth failure on the breaker's pause may add to the delay, never take from it
    assert gaps[:9] == pytest.approx(wanted[:9], abs=1)
    assert all(gap >= want - 1 for gap, want in zip(gaps, wanted, strict=True))
    assert 4.8 * 3600 < script.times[-1] < 5.2 * 3600
    assert states(office.ledger, [only]) == ["dead"]
    assert office.ledger.status().used == 0
    assert len(office.ledger.why(only.match_id)["attempts"]) == 31


def test_delays_vary_by_a_tenth():
    """What failed together does not come together again."""
    from streamkit.delivery.schedule import with_jitter

    assert [with_jitter(100, chance) for chance in (0, 0.5, 1)] == [90_000_000, 100_000_000, 110_000_000]  # fmt: skip


def test_a_profile_or_a_list_of_delays(office: Office):
    """`retry` of the destination: its delays, then death."""
    of, script = to(retry=["3s", 7]), Script([FAILS])
    waiting(office, of, 1)
    sent = office.run(of, script)
    assert script.times == pytest.approx([0, 3, 10], abs=0.5)
    assert sent.of("s", "dead") == 1


def test_retry_after_holds_the_destination(office: Office):
    """All its matches wait, those too that have not been tried, and those of other streams."""
    one, other = to(), to(name="other")
    waiting(office, one, 1)
    script = Script([replace(FAILS, retry_after=600.0), OK])
    office.run(one, script, seconds=1)
    waiting(office, other, 1)
    office.run([one, other], script)
    assert script.times[1:] == pytest.approx([600, 600], abs=1)


def test_a_refused_match_is_dead_at_once(office: Office):
    """And says why; others go on."""
    of = to()
    found = waiting(office, of, 3)
    sent = office.run(of, Script([REFUSED, OK]))
    assert sent.of("s", "dead") == 1
    assert sent.of("s", "delivered") == 2
    (dead,) = office.ledger.dead_letters()
    assert dead["reason"].startswith("422")
    assert dead["match_id"] in {each.match_id for each in found}


def test_parking_uses_up_no_tries_and_one_probe_a_run_clears_it(office: Office):
    """A run with a wrong secret asks once; the run after it is mended sends everything."""
    of = to(retry="none")
    found = waiting(office, of, 12)
    first = Script([UNAUTHORISED])
    sent = office.run(of, first)
    assert 1 <= len(first.asked) <= 8
    assert [notice.kind for notice in sent.notices] == ["parked"]
    second = Script([UNAUTHORISED])
    assert office.run(of, second).notices == []
    assert len(second.asked) == 1
    assert office.ledger.status().needs_person
    third = Script([OK])
    office.run(of, third)
    assert states(office.ledger, found) == ["delivered"] * 12
    assert all(row.tries == 1 for row in rows(office.ledger).values())


def test_gone_needs_a_person(office: Office):
    """After 410 no run probes, until somebody resumes the destination."""
    of = to()
    waiting(office, of, 1)
    office.run(of, Script([GONE]))
    again = Script([OK])
    office.run(of, again)
    assert again.asked == []
    (label,) = office.ledger.status().destinations
    office.ledger.resume(label)
    assert office.run(of, again).of("s", "delivered") == 1


def test_after_ten_failures_in_a_row_one_request_at_a_time(office: Office):
    """The breaker: what was on its way comes back, then single probes; a success closes it."""
    of, script = to(rate=1000), Script([FAILS] * 40 + [OK])
    waiting(office, of, 100)
    office.run(of, script, seconds=4)
    assert 10 <= len(script.asked) <= 50
    before = len(script.asked)
    script.most = 0
    script.answers = [FAILS]
    office.run(of, script, seconds=60)
    probes = len(script.asked) - before
    assert 1 <= probes <= 5
    assert script.most == 1
    script.answers = [OK]
    sent = office.run(of, script)
    assert sent.of("s", "delivered") == 100


def test_at_most_eight_are_in_flight_and_ten_a_second_begin(office: Office):
    """Of one destination, however many streams share it."""
    one, other, elsewhere = to(), to(name="other"), to("https://hook.example/b", "elsewhere")
    for of in (one, other, elsewhere):
        waiting(office, of, 40)
    script = Script(seconds=3.0)
    office.run([one, other, elsewhere], script, seconds=10)
    assert script.most == 16  # two destinations
    script = Script(seconds=0.001)
    began = office.loop.moment
    office.run([one, other, elsewhere], script)
    a_second = [sum(began + s <= time < began + s + 1 for time in script.times) for s in range(8)]
    assert max(a_second) <= 22  # ten for each, and the edges of the seconds


def test_the_rate_holds_for_all_senders_of_a_ledger(office: Office):
    """Turns are given out in the ledger."""
    of = to(rate=2)
    waiting(office, of, 20)
    script = Script(seconds=0.01)
    senders = [
        Sender(office.ledger, [Route.of(of)], script, clock=office.loop.now, executor=Inline())
        for _ in range(3)
    ]

    async def together() -> Sent:
        return (await asyncio.gather(*(sender.run() for sender in senders)))[0]

    office.finish(together())
    assert len(script.asked) == 20
    assert script.times[-1] >= 9


def test_what_becomes_older_than_max_age_dies(office: Office):
    """With the reason it had; a match that was tried in vain says so."""
    of = to(max_age="1h")
    found = waiting(office, of, 1)
    office.run(of, Script([FAILS]))
    assert states(office.ledger, found) == ["dead"]
    assert rows(office.ledger)[found[0].match_id].reason.startswith("older than 1h: 503")


def test_a_run_ends_when_its_time_is_over(office: Office):
    """What is left waits for the next run, unleased."""
    of = to()
    waiting(office, of, 100)
    script = Script()
    office.run(of, script, seconds=3)
    assert 20 <= len(script.asked) <= 45
    assert office.ledger.status().streams["s"]["leased"] == 0
    office.run(of, script)
    assert office.ledger.status().counts["delivered"] == 100


def test_paused_streams_and_destinations_wait(office: Office):
    """Until they are resumed."""
    one, other = to(), to("https://hook.example/b", "other")
    waiting(office, one, 1)
    waiting(office, other, 1)
    script = Script()
    office.run([one, other], Script([FAILS]), seconds=1)
    office.ledger.write(lambda connection: _know(connection, [one, other]))
    office.ledger.pause("s")
    office.ledger.pause("hook.example/b")
    office.run([one, other], script)
    assert script.asked == []
    office.ledger.resume("s")
    office.ledger.resume("hook.example/b")
    office.run([one, other], script)
    assert len(script.asked) == 2


def _know(connection: Any, streams: Sequence[Stream]) -> None:
    from streamkit.delivery.ledger.streams import remember

    for each in streams:
        remember(connection, each, Route.of(each), None, None)


# The budget


def test_the_budget_stops_matches_and_goes_on_with_the_month(office: Office):
    """A single event costs 1/100; at 100 % the rest waits until the month ends (UTC)."""
    of = to(rate=1000, max_age="365d")
    waiting(office, of, 5)
    script = Script()
    sent = office.run(of, script, budget=Budget(0.03))
    assert sent.stopped
    assert sent.of("s", "delivered") == 3
    assert {notice.kind for notice in sent.notices} == {"budget 100 %"}
    assert office.ledger.status().used == 0.03
    office.loop.moment = (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC) - START).total_seconds()
    assert office.run(of, script, budget=Budget(0.03), seconds=0.5).of("s", "delivered") == 0
    office.loop.moment = (datetime(2026, 4, 1, tzinfo=UTC) - START).total_seconds()
    assert office.run(of, script, budget=Budget(0.03)).of("s", "delivered") == 2


def test_a_budget_may_only_warn(office: Office):
    """`at_budget: continue`: everything is sent, and said at 80 and 100 %."""
    of = to(rate=1000)
    waiting(office, of, 100)
    sent = office.run(of, Script(), budget=Budget(0.4, "continue"))
    assert sent.of("s", "delivered") == 100
    assert not sent.stopped
    assert [notice.kind for notice in sent.notices][-1] == "budget 100 %"


def test_a_pattern_costs_a_whole_activation(office: Office):
    """More than one copy, or a wait."""
    of = stream(steps=[{"event": "A", "at_least": 2}], within="1h", destination={"url": URL})
    waiting(office, of, 3)
    office.run(of, Script())
    assert office.ledger.status().used == 3


def test_a_match_is_reserved_once_however_often_it_is_tried(office: Office):
    """The reservation is made with the first claim and kept."""
    of = to()
    waiting(office, of, 1)
    office.run(of, Script([FAILS, FAILS, OK]))
    assert office.ledger.status().used == 0.01


# Dead letters


def test_dead_letters_are_tried_again_under_the_same_id_and_bytes(office: Office):
    """With all their tries and a new age."""
    of = to(retry="none", max_age="2h")
    (only,) = waiting(office, of, 1)
    script = Script([FAILS, OK])
    office.run(of, script)
    assert states(office.ledger, [only]) == ["dead"]
    office.loop.moment += 3 * 3600
    assert office.ledger.retry([only.match_id]) == 1
    office.run(of, script)
    assert states(office.ledger, [only]) == ["delivered"]
    assert len(set(script.bodies)) == 1


def test_a_sender_that_dies_loses_nothing(office: Office):
    """Its leases run out, and the next one sends what it had claimed."""
    of = to()
    found = waiting(office, of, 10)

    class Dies(Script):
        async def deliver(self, destination: Any, match_id: str, body: Any) -> Answer:
            await super().deliver(destination, match_id, body)
            raise KeyError("killed")

    with pytest.raises(KeyError):
        office.run(of, Dies())
    script = Script()
    office.run(of, script)
    assert script.times[0] >= 119
    assert states(office.ledger, found) == ["delivered"] * 10
