"""The HTTP client: the only module that knows it, and the network it is given.

Addresses are checked where the connection is made, so that the address that was checked is the one
that is connected to, while the name stays what TLS verifies; rewriting the URL to an address
instead would let two hosts share a connection. Requests go straight to the client's transport: no
cookies, no redirects, no proxies or passwords from the environment, no log of addresses.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import certifi
import httpcore
import httpx

from streamkit.delivery.addresses import NEVER_KINDS, Resolver, allowed_addresses
from streamkit.delivery.answers import Answer
from streamkit.delivery.hearing import HEARD, Heard, quieten_client_logs
from streamkit.delivery.preparing import Prepared

__all__ = ["CheckedBackend", "Client", "Limits", "RawAnswer", "RefusedAddressError", "Transport"]

Transport: TypeAlias = httpx.AsyncBaseTransport

IDLE_SECONDS = 5.0
READ_BYTES = 16 * 1024

CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself and known to nobody",
    19: "is signed by an authority that is not known here",
    20: "is signed by an authority that is not known here",
    21: "is signed by an authority that is not known here",
    62: "is for another host",
    63: "is for another host",
    64: "is for another address",
}
"""OpenSSL's codes (X509_V_ERR); its own texts name the host, which may be a secret."""


class RefusedAddressError(httpcore.ConnectError):
    """The host leads to an address that nothing is sent to; the message says which kind."""


class NoSuchHostError(httpcore.ConnectError):
    """The host's name leads nowhere."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an attempt may take, in seconds.

    Args:
        connect: For the name and the connection, and again for its encryption.
        attempt: For everything: the token, the connection, the request, the answer, a second try
            after 401.
        text: For the text of an answer whose status is known.
    """

    connect: float = 5.0
    attempt: float = 15.0
    text: float = 5.0


class RawAnswer(NamedTuple):
    """What came back.

    Args:
        status: The status; None where none came.
        retry_after: The header of that name.
        content: The first bytes of the body.
        failure: Where no status came: what that means.
    """

    status: int | None
    retry_after: str | None
    content: bytes
    failure: Answer


class _Listening(httpcore.AsyncNetworkStream):
    """A stream that lets the request under way hear what is read."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, timeout)
        heard = HEARD.get()
        if heard is not None:
            heard.take(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Listening(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only.

    Args:
        resolver: Gives the addresses of a host.
        allow_private: Whether they may be inside a private network.
        inner: What connects to an address.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        allow_private: bool,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that takes the connection.

        Raises:
            RefusedAddressError: One of its addresses is none to send to.
            NoSuchHostError: It has no address.
            ConnectError: None of them takes the connection.
            ConnectTimeout: It took too long.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        try:
            async with asyncio.timeout_at(end):
                addresses, refused = await allowed_addresses(
                    host, port, self._resolver, allow_private=self._allow_private
                )
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError:
            raise NoSuchHostError from None
        if refused is not None:
            raise RefusedAddressError(refused)
        failure: Exception | None = None
        for position, address in enumerate(addresses):
            left = None if end is None else max(end - loop.time(), 0) / (len(addresses) - position)
            try:
                stream = await self._inner.connect_tcp(
                    address, port, left, local_address, socket_options
                )
                return _Listening(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "a host has at least one address"
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Client:
    """Sends prepared requests over connections that are kept for the next one.

    Args:
        resolver: Gives the addresses of a host.
        transport: Takes the place of the network, address checks included.
        tls: Which certificates are trusted; None for the system's and certifi's.
        limits: How long things may take.
    """

    def __init__(
        self,
        resolver: Resolver,
        transport: Transport | None,
        tls: ssl.SSLContext | None,
        limits: Limits,
    ) -> None:
        self._resolver = resolver
        self._given = transport
        self._tls = tls
        self._limits = limits
        self._made: list[Transport] = []
        self._idle: dict[Hashable, list[Transport]] = defaultdict(list)
        quieten_client_logs()

    async def close(self) -> None:
        """Close the connections."""
        made, self._made = self._made, []
        self._idle.clear()
        for transport in made:
            await transport.aclose()

    async def send(self, request: Prepared, end: float) -> RawAnswer:
        """Send a request and hear the answer out.

        Args:
            request: The request.
            end: When it has to be over, in the running loop's time.
        """
        heard = Heard()
        token = HEARD.set(heard)
        response: httpx.Response | None = None
        parts: list[bytes] = []
        failure = Answer("retry")
        loop = asyncio.get_running_loop()
        idle = self._idle[request.allow_private, *urlsplit(request.url)[:2]]
        transport = idle.pop() if idle else self._new_transport(request)
        try:
            async with asyncio.timeout_at(end):
                made = self._client_request(request)
                response = await transport.handle_async_request(made)
            async with asyncio.timeout_at(min(end, loop.time() + self._limits.text)):
                await _read_start(response, parts)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError) as error:
            failure = self._failure(error, request)
        finally:
            if response is not None:
                with suppress(httpx.HTTPError, OSError):  # closed one way or the other
                    await response.aclose()
            idle.append(transport)
            HEARD.reset(token)
        content = b"".join(parts)[:READ_BYTES]
        if response is None:
            return RawAnswer(heard.status, None, content, failure)
        header = response.headers.get("retry-after")
        return RawAnswer(response.status_code, header, content, failure)

    def _client_request(self, request: Prepared) -> httpx.Request:
        limits = {"connect": self._limits.connect, "read": None, "write": None, "pool": None}
        return httpx.Request(
            request.method,
            request.url,
            headers=list(request.headers),
            content=request.content,
            extensions={"timeout": limits},
        )

    def _failure(self, error: Exception, request: Prepared) -> Answer:
        """What a failure before any status means, in words that hold nothing of the address."""
        if isinstance(error, httpx.ConnectTimeout):
            limit = f"{self._limits.connect:g} s"
            return Answer("retry", None, f"no connection to {request.host} within {limit}")
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            limit = f"{self._limits.attempt:g} s"
            return Answer("retry", None, f"no answer from {request.host} within {limit}")
        return _failure(error, request.host)

    def _new_transport(self, request: Prepared) -> Transport:
        """A transport for one request at a time, to one host, whose connection is kept.

        The client's pool looks through all its connections for every request, and requests that
        begin together are given the same one and begin again: shared by eight requests it takes a
        third of all the time. Nor may a connection inside a network serve who may not reach there.
        """
        if self._given is not None:
            return self._given
        backend = CheckedBackend(self._resolver, allow_private=request.allow_private)
        transport = _PooledTransport(self._tls or _default_trust(), backend)
        self._made.append(transport)
        return transport


class _PooledTransport(httpx.AsyncHTTPTransport):
    """The client's own transport over our network."""

    def __init__(self, tls: ssl.SSLContext, backend: CheckedBackend) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=backend,
        )


@cache
def _default_trust() -> ssl.SSLContext:
    """The certificates that are trusted: the system's, and certifi's for systems without any."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _read_start(response: httpx.Response, parts: list[bytes]) -> None:
    """The first bytes of an answer's body, piece by piece, as far as they come."""
    size = 0
    async for piece in response.aiter_raw():
        parts.append(piece)
        size += len(piece)
        if size >= READ_BYTES:
            break


def _failure(error: Exception, host: str) -> Answer:
    """What a failure means that is no time-out."""
    for cause in _chain(error):
        if isinstance(cause, RefusedAddressError):
            kind = str(cause)
            remedy = (
                "nothing is sent there" if kind in NEVER_KINDS else "allow_private: true allows it"
            )
            return Answer("parked", None, f"refused: {host} leads to {kind}; {remedy}")
        if isinstance(cause, NoSuchHostError):
            return Answer("retry", None, f"the name of {host} leads to no address; check the URL")
        if isinstance(cause, ssl.SSLCertVerificationError):
            fault = CERTIFICATE_FAULTS.get(cause.verify_code, "cannot be trusted")
            return Answer("parked", None, f"the certificate of {host} {fault}")
        if isinstance(cause, ssl.SSLError):
            reason = f"no secure connection to {host}: it may not speak TLS at this port"
            return Answer("retry", None, reason)
    if isinstance(error, httpx.ConnectError | OSError):
        return Answer("retry", None, f"nothing takes connections at {host}; check host and port")
    if isinstance(error, httpx.RemoteProtocolError):
        reason = f"{host} broke the connection before it answered, or its answer is no HTTP"
        return Answer("retry", None, reason)
    if isinstance(error, httpx.NetworkError):
        return Answer("retry", None, f"the connection to {host} broke before an answer came")
    return Answer("parked", None, f"the request to {host} cannot be made; check URL and headers")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found
