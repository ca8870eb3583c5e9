"""A sender in a process of its own, to be killed: `python -m tests.delivery.killed_sender`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from streamkit.delivery.ledger import Ledger
from streamkit.delivery.own_loop import run_in_own_loop
from streamkit.delivery.quota import Budget
from streamkit.delivery.routes import Route
from streamkit.delivery.sender import Sender, Sent
from streamkit.delivery.wire import Limits, Wire
from tests.delivery.offers import START, Clock, stream

LEASE = 1_500_000
BUDGET = Budget(1e6)


def run(place: str, url: str, seconds: float) -> Sent:
    """Send what waits for so many seconds, with little patience."""
    of = stream(destination={"url": url, "max_age": "365d"})
    route = Route.of(of)
    route = replace(route, destination=replace(route.destination, rate=1e9, delays=(0.05,) * 1000))
    shift = datetime.now(UTC) - START
    clock = lambda: datetime.now(UTC) - shift  # noqa: E731 # by it the matches are young

    async def work() -> Sent:
        async with Wire(clock=clock, limits=Limits(0.5, 0.5, 0.5)) as wire:
            sender = Sender(ledger, [route], wire, budget=BUDGET, clock=clock, lease=LEASE)
            until = round((clock() + timedelta(seconds=seconds)).timestamp() * 1e6)
            return await sender.run(until=until)

    with Ledger(place, clock=Clock()) as ledger:
        return run_in_own_loop(work)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], 60)
