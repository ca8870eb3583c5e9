"""Kill -9 while clients post: what was acknowledged is there after the restart."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from streamkit import History, backtest
from tests.running.examples import NOW, START
from tests.streaming.http_run import SCHEMA, STREAM
from tests.streaming.posting import LONG

CLIENTS, ROUNDS = 4, 40
TOGETHER = 5
"""Clients wait for each other after so many rounds of a second, so that nobody is ever late."""


def event(client: int, n: int) -> dict[str, Any]:
    """A client's n-th event: A and B in turns, so that the loss of any one would be seen."""
    at = START + timedelta(seconds=n, microseconds=client)
    name, session = "AB"[n % 2], f"{client}-{n // 10}"
    return {"at": at.isoformat(), "event": name, "sid": session, "id": f"{client}/{n}"}


class Service:
    """The process that listens; it can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._words = [sys.executable, "-m", "tests.streaming.http_run", self.address, str(folder)]
        self._process: subprocess.Popen[str]
        self.start()

    def start(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._words, stdin=pipe, stdout=pipe, text=True)

    def kill(self) -> None:
        assert self._process.poll() is None
        self._process.kill()
        self._process.communicate()

    def finish(self) -> dict[str, Any]:
        output, _ = self._process.communicate(timeout=100)
        assert self._process.returncode == 0
        counted: dict[str, Any] = json.loads(output)
        return counted


class Acknowledged:
    """Counts answers, and wakes who waits for so many."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = self.again = 0

    def one(self, again: int) -> None:
        with self._changed:
            self.count += 1
            self.again += again
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, 100)


def posts(client: int, random_: random.Random) -> Iterator[list[dict[str, Any]]]:
    """A client's events in requests of one to three; never over the point where all meet."""
    n = 0
    while n < ROUNDS:
        size = min(random_.randrange(1, 4), TOGETHER - n % TOGETHER)
        yield [event(client, n + each) for each in range(size)]
        n += size


def post_until_acknowledged(address: str, events: list[dict[str, Any]]) -> int:
    """Send events again until they are acknowledged; how often they were sent in vain."""
    for again in range(2000):
        try:
            with httpx.Client(trust_env=False, verify=False, timeout=LONG) as client:  # noqa: S501 # no TLS
                if client.post(f"http://{address}/events", json=events).status_code == 200:
                    return again
        except httpx.TransportError:
            threading.Event().wait(0.02)
    raise AssertionError("nobody listens any more")


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path):
    """Three kills. Clients send again what was not acknowledged, and never what was.

    What was kept and not acknowledged comes twice and is dropped by its id, so the matches are
    exactly those of a backtest over all events: one lost event would be a lost match.
    """
    random_ = random.Random(3)
    service, acknowledged = Service(tmp_path), Acknowledged()
    meeting = threading.Barrier(CLIENTS)

    def send(client: int, seed: int) -> None:
        sent = 0
        for events in posts(client, random.Random(seed)):
            acknowledged.one(post_until_acknowledged(service.address, events))
            sent += len(events)
            if sent % TOGETHER == 0:
                meeting.wait(100)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send, client, random_.random()) for client in range(CLIENTS)]
        for kill in range(3):
            acknowledged.wait_for(5 + 20 * kill + random_.randrange(10))
            service.kill()
            service.start()
        for client in clients:
            client.result()
    last = {**event(0, 0), "at": (START + timedelta(hours=1)).isoformat(), "id": "last"}
    post_until_acknowledged(service.address, [last])
    assert service.finish() == {"late": 0}
    assert acknowledged.again > 0

    rows = [event(client, n) for client in range(CLIENTS) for n in range(ROUNDS)]
    expected = backtest(STREAM, History(pl.DataFrame([*rows, last]), SCHEMA), now=NOW)
    lines = (tmp_path / "matches.ndjson").read_text().splitlines()
    found = {json.loads(each)["match_id"] for each in lines}
    assert expected.matches.height == CLIENTS * ROUNDS // 2
    assert found == set(expected.matches["match_id"])
