"""A source that listens on loopback, and a thread that takes what comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from streamkit.streaming.listening import HttpSource

LONG = 30.0
"""Seconds after which a test gives up; none waits so long when all is well."""


class Taker:
    """Reads a source and commits what it read, in a thread of its own."""

    def __init__(self, source: HttpSource) -> None:
        self.source = source
        self.events: list[Any] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            arrived = self.source.read(timeout=0.02)
            if arrived is not None:
                self.events += arrived.events
                self.source.committed(arrived.position)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def listening(**arguments: Any) -> Iterator[HttpSource]:
    """An open source on any port of loopback."""
    source = HttpSource(arguments.pop("address", "127.0.0.1:0"), **arguments)
    source.open(None)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def taking(**arguments: Any) -> Iterator[Taker]:
    """An open source whose events are committed as they come."""
    with listening(**arguments) as source:
        taker = Taker(source)
        try:
            yield taker
        finally:
            taker.stop()


def post(source: HttpSource, body: Any, kind: str = "application/json", **headers: str) -> httpx.Response:  # fmt: skip
    """What a source answers to one request."""
    sent = {
        "content-type": kind,
        **{name.replace("_", "-"): each for name, each in headers.items()},
    }
    with httpx.Client(trust_env=False, verify=False, timeout=LONG) as client:  # noqa: S501 # no TLS
        return client.post(f"http://{source.address}/events", content=body, headers=sent)


def send_raw(source: HttpSource, data: bytes) -> bytes:
    """What a source answers to bytes, after which the client sends nothing more."""
    with socket.create_connection((source.address.host, source.address.port), LONG) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionError:  # closed with bytes unread
        pass
    return answer
