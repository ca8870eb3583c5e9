"""The web application that takes events, and the server that gives no client for ever.

The only module that imports Starlette and uvicorn; it is imported when a source is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from streamkit.streaming.bodies import HttpLimits, RefusedError, read_events, says_lines
from streamkit.streaming.tokens import Token
from streamkit.streaming.waiting import Answer, Waiting, stopping

__all__ = ["make_application", "make_server"]

IN_THE_LOOP = 64 * 1024
"""A larger body is parsed beside the event loop, so that others are answered meanwhile."""
GRACE = 5


def make_application(waiting: Waiting, limits: HttpLimits, token: Token | None) -> Starlette:
    """The application: `POST /events` and `GET /healthz`.

    Args:
        waiting: Where the events of a request wait until they are committed.
        limits: How much may be sent.
        token: What a client has to know; None where every program of the machine may send.
    """

    async def take_events(request: Request) -> Response:
        _check_sender(request, token)
        is_lines = says_lines(request.headers.get("content-type", ""))
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(415, "the body is compressed: send it as it is")
        body = await _read_body(request, waiting, limits)
        answered = asyncio.get_running_loop().create_future()
        try:
            if len(body) > IN_THE_LOOP:
                read = partial(read_events, body, limits, is_lines=is_lines)
                events = await asyncio.to_thread(read)
            else:
                events = read_events(body, limits, is_lines=is_lines)
            if events:
                waiting.put(events, len(body), _answerer(answered))
        except BaseException:
            waiting.release(len(body))
            raise
        if not events:
            waiting.release(len(body))
            return JSONResponse({"accepted": 0})
        try:
            async with asyncio.timeout(limits.seconds):
                skipped = await answered
        except TimeoutError:
            skipped = None
        if skipped is None:
            raise RefusedError(
                503, "the events are not safe yet, and may be kept: send them again", retry_after=5
            )
        counts: dict[str, Any] = {"accepted": len(events)}
        if skipped:
            counts["skipped"] = dict(sorted(skipped.items()))
        return JSONResponse(counts)

    async def tell_health(request: Request) -> Response:  # noqa: ARG001 # a route's signature
        return JSONResponse({"status": "ok"})

    application = Starlette(
        routes=[
            Route("/events", take_events, methods=["POST"]),
            Route("/healthz", tell_health, methods=["GET"]),
        ],
        exception_handlers={
            RefusedError: _refuse,
            HTTPException: _no_such_page,
            ClientDisconnect: _nobody_there,
        },
    )
    application.router.redirect_slashes = False  # a redirect would be built from the Host header
    return application


def make_server(application: Starlette, limits: HttpLimits) -> uvicorn.Server:
    """A server that leaves logging and signals alone."""
    protocol = type("_Protocol", (_PunctualProtocol,), {"patience": limits.seconds})
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=limits.connections
            + 1,  # the one too many is counted before it is told
            timeout_graceful_shutdown=GRACE,
        )
    )


def _check_sender(request: Request, token: Token | None) -> None:
    if token is None:
        if "origin" in request.headers:
            raise RefusedError(403, "a web page sends events with a token only: set one")
    elif not token.opens(request.headers.get("authorization", "")):
        raise RefusedError(401, "send the header Authorization: Bearer <token>")


async def _read_body(request: Request, waiting: Waiting, limits: HttpLimits) -> bytes:
    """The body, for which room is reserved."""
    declared = request.headers.get("content-length", "0")
    too_large = RefusedError(413, f"the body is larger than {limits.body_bytes:,} bytes")
    if int(declared) > limits.body_bytes:
        raise too_large
    body = bytearray()
    reserved = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.body_bytes:
                    raise too_large
                waiting.reserve(len(chunk))
                reserved += len(chunk)
                body += chunk
    except BaseException as error:
        waiting.release(reserved)
        if isinstance(error, TimeoutError):
            raise RefusedError(408, f"the body took more than {limits.seconds:g} s") from None
        if isinstance(error, asyncio.CancelledError):  # the server waits no longer
            raise stopping() from None
        raise
    return bytes(body)


def _answerer(answered: asyncio.Future[Mapping[str, int] | None]) -> Answer:
    """A function that other threads call once the events are safe, or nobody knows whether they are."""
    loop = answered.get_loop()

    def settle(skipped: Mapping[str, int] | None) -> None:
        if not answered.done():  # nobody waits for it any more
            answered.set_result(skipped)

    def answer(skipped: Mapping[str, int] | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and every client was let go
            loop.call_soon_threadsafe(settle, skipped)

    return answer


async def _refuse(request: Request, error: Exception) -> Response:  # noqa: ARG001 # a handler's signature
    assert isinstance(error, RefusedError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error.reason}, error.status, headers)


async def _no_such_page(request: Request, error: Exception) -> Response:  # noqa: ARG001 # same
    assert isinstance(error, HTTPException)
    reason = "events are sent with POST /events"
    return JSONResponse({"error": reason}, error.status_code, error.headers)


async def _nobody_there(request: Request, error: Exception) -> Response:  # noqa: ARG001 # same
    return Response(status_code=400)


class _PunctualProtocol(H11Protocol):
    """HTTP/1.1 whose client sends the head of a request in time, or is let go.

    The application watches over the body while it reads it; here is what it does not see: the
    time before a request, and the rest of a body that was refused.
    """

    patience = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._unwatch()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.patience, self.transport.close)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
