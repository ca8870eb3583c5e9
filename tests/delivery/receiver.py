"""A real HTTP server on loopback that does what a script says, and keeps what it was sent.

    with Receiver() as receiver:
        receiver.script("/hook", Reply(500), Reply(429, headers={"Retry-After": "7"}), Reply(204))
        ...                                     # send to receiver.url + "/hook"
        receiver.requests                       # each request exactly as it came

The last reply of a path is repeated; a path without a script answers 200. A reply may be a
function of the request. The server runs in a thread of its own, so that senders may be processes
that are killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

__all__ = ["Received", "Receiver", "Reply"]


@dataclass(frozen=True)
class Received:
    """A request as it came: header names and values untouched, in order; the body's bytes."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    time: float
    connection: int
    raw_head: bytes = field(repr=False, default=b"")

    def header(self, name: str) -> str | None:
        """The value of a header that may stand only once, or None."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} stands {len(values)} times"
        return values[0] if values else None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Cut = Literal["request", "status", "head", "half", "body"]


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    Args:
        status: Of the status line.
        body: The answer's bytes.
        headers: More headers; Content-Length is added.
        delay: Seconds before the first byte.
        cut: Where the connection breaks: before any byte (`request`), after the status line
            (`status`), inside the headers (`head`), inside the body (`half`), or after it
            although more was promised (`body`).
        reset: Break with a TCP reset instead of an orderly end.
        size: Send so many bytes instead of `body`.
        drip: Seconds between single bytes of the body.
        head_drip: Seconds between single bytes of the status line and the headers.
        hang: Never answer; the connection stays open until the client or the server leaves.
        early: Interim answers before the real one, such as (100, 103).
        close: End the connection after the answer.
        raw: Exactly these bytes instead of an answer.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    cut: Cut | None = None
    reset: bool = False
    size: int | None = None
    drip: float = 0
    head_drip: float = 0
    hang: bool = False
    early: tuple[int, ...] = ()
    close: bool = False
    raw: bytes | None = None


Answering = Reply | Callable[[Received], Reply]


class Receiver:
    """The server; see the module.

    Args:
        tls: A server context (trustme's `configure_cert`) for https.
        host: A loopback address to listen on.
        port: 0 for any.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.tls = tls
        self.host = host
        self.port = port
        self.requests: list[Received] = []
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._scripts: dict[str, list[Answering]] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def script(self, path: str, *replies: Answering) -> str:
        """Set what a path answers from now on, in order; returns the whole URL."""
        with self._lock:
            self._scripts[path] = list(replies)
        return self.url + path

    def received(self, path: str) -> list[Received]:
        """The requests of one path."""
        return [each for each in list(self.requests) if each.path == path]

    def wait(self, count: int, seconds: float = 20) -> None:
        """Wait until so many requests have come in all."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} requests came"
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the receiver did not start"
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.set_exception_handler(lambda loop, context: None)  # clients leave rudely
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(
            self._connection, self.host, self.port, ssl=self.tls, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while True:
                request = await _read(reader, number)
                if request is None:
                    break
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    if not await self._answer(request, writer):
                        break
                finally:
                    self.in_flight -= 1
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client left
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Answer as scripted; whether the connection goes on."""
        with self._lock:
            self.requests.append(request)
            replies = self._scripts.get(request.path) or [Reply()]
            answering = replies.pop(0) if len(replies) > 1 else replies[0]
        reply = answering(request) if callable(answering) else answering
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.hang:
            await asyncio.sleep(3600)
        if reply.raw is not None:
            writer.write(reply.raw)
            await writer.drain()
            return False
        await self._send(reply, writer)
        if reply.cut:
            if reply.reset:
                connected: Any = writer.get_extra_info("socket")
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            return False
        return not reply.close and "close" not in (request.header("connection") or "").lower()

    async def _send(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        if reply.cut == "request":
            return
        for status in reply.early:
            writer.write(f"HTTP/1.1 {status} Wait\r\n\r\n".encode())
        status_line = f"HTTP/1.1 {reply.status} Scripted\r\n".encode()
        size = len(reply.body) if reply.size is None else reply.size
        promised = size + 100 if reply.cut == "body" else size
        headers = {"Content-Length": str(promised), "Content-Type": "text/plain", **reply.headers}
        head = status_line + "".join(
            f"{key}: {value}\r\n" for key, value in headers.items()
        ).encode("latin-1")
        whole = {"status": status_line, "head": head[:-4]}.get(str(reply.cut), head + b"\r\n")
        await _paced(writer, whole, reply.head_drip)
        if reply.cut in {"status", "head"}:
            return
        if reply.size is None:
            body = reply.body[: size // 2] if reply.cut == "half" else reply.body
            await _paced(writer, body, reply.drip)
            return
        left = size // 2 if reply.cut == "half" else size
        while left:
            piece = min(left, 64 * 1024)
            writer.write(b"x" * piece)
            await writer.drain()
            left -= piece


async def _paced(writer: asyncio.StreamWriter, data: bytes, pause: float) -> None:
    if not pause:
        writer.write(data)
        await writer.drain()
        return
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(pause)


async def _read(reader: asyncio.StreamReader, number: int) -> Received | None:
    """The next request; None where the client closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = tuple(
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
    body = await reader.readexactly(lengths[0]) if lengths else b""
    return Received(method, target, headers, body, time.time(), number, head)
