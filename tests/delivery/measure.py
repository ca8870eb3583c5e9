"""How fast matches are delivered, against a bare httpx loop: `python -m tests.delivery.measure`.

Both send the same bodies, eight at a time, to the same server in a process of its own, and take
turns. Printed, never asserted: times depend on the machine.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from sqlalchemy import event

from streamkit import Stream
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.own_loop import run_in_own_loop
from streamkit.delivery.quota import Budget
from streamkit.delivery.routes import Route
from streamkit.delivery.sender import IN_FLIGHT, Sender
from streamkit.delivery.wire import Wire
from streamkit.payload import Body
from tests.delivery.offers import candidate, offer, stream

BODY = json.dumps({"name": "checkout-rescue", "user": {"uid": "u1"}, "pad": "x" * 400}).encode()
ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
UNLIMITED = 1e9


class Server(asyncio.Protocol):
    """The least that answers POST requests with 204, on connections that stay open."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 # read by the parent
    await server.serve_forever()


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server in a process of its own."""
    command = [sys.executable, "-m", "tests.delivery.measure", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/hook"
        finally:
            process.terminate()


class Cost(NamedTuple):
    """What a request took: seconds by the clock, and of the processor's time in this process."""

    seconds: float
    processor: float


@contextmanager
def measured(count: int, costs: list[Cost]) -> Iterator[None]:
    """Measure so many requests."""
    began, busy = time.perf_counter(), time.process_time()
    yield
    costs.append(Cost((time.perf_counter() - began) / count, (time.process_time() - busy) / count))


def bare(url: str, count: int) -> Cost:
    """What a request costs with nothing but an httpx client."""
    costs: list[Cost] = []

    async def work() -> None:
        left = iter(range(count))
        limits = httpx.Limits(max_connections=IN_FLIGHT)
        async with httpx.AsyncClient(limits=limits) as client:

            async def worker() -> None:
                for number in left:
                    headers = {"Content-Type": "application/json", "Idempotency-Key": str(number)}
                    (await client.post(url, content=BODY, headers=headers)).raise_for_status()

            with measured(count, costs):
                await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    asyncio.run(work())
    return costs[0]


def committed(url: str, count: int) -> tuple[Cost, float]:
    """What a delivery through a ledger costs, and deliveries a commit."""
    of = stream(destination={"url": url})
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.db") as ledger:
        candidates = [candidate(of, number, key=f"k{number}") for number in range(count)]
        offer(ledger, of, candidates, render=lambda found: [Body(BODY) for _ in found])
        commits, costs = [0], list[Cost]()
        event.listen(ledger.engine, "commit", lambda _: commits.__setitem__(0, commits[0] + 1))

        async def work() -> None:
            async with Wire() as wire:
                route = Route.of(of)
                lifted = replace(route.destination, rate=UNLIMITED)
                route = replace(route, destination=lifted)
                sender = Sender(ledger, [route], wire, budget=Budget(1e9), clock=clock_of(of))
                with measured(count, costs):
                    sent = await sender.run()
            assert sent.of(of.name, "delivered") == count, sent

        run_in_own_loop(work)
        assert ledger.status().counts["delivered"] == count
    return costs[0], count / commits[0]


def clock_of(of: Stream) -> Callable[[], datetime]:
    """A clock by which the matches are not too old."""
    from tests.delivery.offers import START

    began = time.monotonic()
    return lambda: datetime.fromtimestamp(START.timestamp() + time.monotonic() - began, UTC)


def send_figures(count: int = 4000, runs: int = 3) -> dict[str, float]:
    """Deliveries and bare requests a second, their ratio, and that of the processor's time.

    A busy machine disturbs the first ratio more than the second.
    """
    figures = []
    with server() as url:
        bare(url, 200)
        for _ in range(runs):
            before = bare(url, count)
            sent, together = committed(url, count)
            after = bare(url, count)
            alone = Cost(*((a + b) / 2 for a, b in zip(before, after, strict=True)))
            figures.append((sent, alone, together))
    median = statistics.median
    return {
        "delivered_per_second": 1 / median(sent.seconds for sent, _, _ in figures),
        "bare_per_second": 1 / median(alone.seconds for _, alone, _ in figures),
        "ratio": median(alone.seconds / sent.seconds for sent, alone, _ in figures),
        "processor_ratio": median(alone.processor / sent.processor for sent, alone, _ in figures),
        "deliveries_per_commit": median(together for _, _, together in figures),
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        for name, figure in send_figures().items():
            print(f"{name}: {figure:,.2f}")  # noqa: T201 # the script's output
