"""The wire: one attempt to deliver, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from streamkit.delivery.addresses import Resolver, resolve_host
from streamkit.delivery.answers import Answer, outcome_of, retry_after_seconds, status_reason
from streamkit.delivery.client import Client, Limits, Transport
from streamkit.delivery.preparing import LARGEST_BODY, Prepared, TooLargeError, prepare
from streamkit.delivery.secrets import Clock, Secrets, utc_now
from streamkit.delivery.tokens import Fetched, TokenError, Tokens
from streamkit.errors import DeliveryError

if TYPE_CHECKING:
    from streamkit.delivery.destination import Destination
    from streamkit.payload.body import Body

__all__ = ["Exchange", "Limits", "Wire"]

KEPT_BYTES = 2 * 1024


class Exchange(NamedTuple):
    """An attempt with what was sent: `request` is None where none could be made."""

    request: Prepared | None
    answer: Answer


class Wire:
    """Delivers bodies; use it as an async context manager, from one event loop.

    Args:
        clock: Gives the present: for timestamps, the end of tokens and dates in Retry-After.
        resolver: Gives the addresses of a host.
        transport: Takes the place of the network, address checks included.
        tls: Which certificates are trusted; by default those of the system and of certifi.
        secrets: What is behind references; made with the clock by default.
        limits: How long an attempt may take; tests have less patience.

    Example:
        >>> async def send(destination, match_id, body):
        ...     async with Wire() as wire:
        ...         return await wire.deliver(destination, match_id, body)
    """

    def __init__(
        self,
        *,
        clock: Clock = utc_now,
        resolver: Resolver = resolve_host,
        transport: Transport | None = None,
        tls: ssl.SSLContext | None = None,
        secrets: Secrets | None = None,
        limits: Limits = Limits(),  # noqa: B008 # a frozen value
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._client = Client(resolver, transport, tls, limits)
        self.secrets = secrets or Secrets(clock)
        self._tokens = Tokens(self.secrets, clock, self._fetch_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._tokens.close()
        await self._client.close()

    def mask(self, text: str) -> str:
        """A text with every secret that was used hidden."""
        return self.secrets.mask(text)

    async def deliver(self, destination: Destination, match_id: str, body: Body) -> Answer:
        """Try once to deliver a match; takes at most 15 seconds.

        Args:
            destination: Where to.
            match_id: The id of the match, sent as Idempotency-Key.
            body: Its frozen body.

        Returns:
            What came of it; whatever a network or a server does is an answer, not an exception.
        """
        return (await self.exchange(destination, match_id, body)).answer

    async def exchange(self, destination: Destination, match_id: str, body: Body) -> Exchange:
        """As `deliver`, together with the request as it was sent."""
        started = time.perf_counter()
        request = None
        try:
            request = prepare(destination, match_id, body, self.secrets, self._clock())
            request, answer = await self._send_signed(destination, request)
        except TooLargeError:
            limit = LARGEST_BODY // 1024
            reason = f"the body is larger than {limit} KiB; send fewer fields"
            answer = Answer("dead", None, reason)
        except DeliveryError as error:
            problem = error.problems[0]
            hint = f" ({problem.hint})" if problem.hint else ""
            answer = Answer("parked", None, problem.message + hint)
        answer = replace(
            answer, seconds=time.perf_counter() - started, reason=self.mask(answer.reason)
        )
        return Exchange(request, answer)

    async def _send_signed(
        self, destination: Destination, request: Prepared
    ) -> tuple[Prepared, Answer]:
        """Send a request, with a token where the connection asks for one."""
        end = asyncio.get_running_loop().time() + self._limits.attempt
        connection = destination.connection
        if connection.type != "oauth2":
            return request, (await self._send(request, end)).answer
        signed = request
        try:
            for renewed in (False, True):
                async with asyncio.timeout_at(end):
                    token = await self._tokens.token(connection)
                signed = request.with_header("Authorization", f"Bearer {token}")
                answer = (await self._send(signed, end)).answer
                if answer.status != 401 or renewed:
                    break
                self._tokens.forget(connection, token)
        except TokenError as error:
            return signed, error.answer
        except TimeoutError:
            return signed, Answer("retry", None, "no access token: the time-out of the attempt")
        return signed, answer

    async def _fetch_token(self, request: Prepared) -> Fetched:
        return await self._send(request, asyncio.get_running_loop().time() + self._limits.attempt)

    async def _send(self, request: Prepared, end: float) -> Fetched:
        """Send a request and judge the answer, until a moment of the loop's time."""
        status, header, content, failure = await self._client.send(request, end)
        if status is None:
            return Fetched(failure, b"")
        outcome = outcome_of(status)
        answer = Answer(
            outcome,
            status,
            status_reason(status),
            retry_after_seconds(header, self._clock()) if outcome == "retry" else None,
            text=self._shown(content),
            needs_person=status == 410,
        )
        return Fetched(answer, content)

    def _shown(self, content: bytes) -> str:
        """The start of an answer's text: hidden first and cut then, so that no half stays."""
        text = self.mask(content.decode("utf-8", "replace"))
        return text.encode()[:KEPT_BYTES].decode("utf-8", "ignore")
