"""Access tokens of `oauth2` connections: client credentials by RFC 6749, section 4.4.

A token is kept until shortly before it ends; while it is being fetched everybody who needs it
waits for the same request.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlencode

from streamkit.definition.urls import url_problem
from streamkit.delivery.answers import Answer, outcome_of, status_reason
from streamkit.delivery.connections import Connection
from streamkit.delivery.preparing import Prepared, checked_headers, user_agent
from streamkit.delivery.secrets import Clock, Secrets
from streamkit.delivery.signing import basic_credentials
from streamkit.errors import DeliveryError
from streamkit.references import is_reference

__all__ = ["Fetch", "Fetched", "TokenError", "Tokens"]

UNSAID = 300.0
"""Seconds that a token is used whose end the endpoint does not say, or not readably."""
LONGEST = 86_400.0
EARLY = 60.0
"""A token is renewed this many seconds before its end, or a tenth of its life if that is less."""

REFUSALS = {
    "invalid_client": "it does not accept client_id and client_secret",
    "invalid_grant": "it does not accept the credentials",
    "invalid_request": "it does not understand the request; try the other client_auth",
    "invalid_scope": "it does not know or grant one of the scopes",
    "unauthorized_client": "this client may not use client credentials",
    "unsupported_grant_type": "it does not offer client credentials",
}
"""The errors of RFC 6749, section 5.2."""


class Fetched(NamedTuple):
    """What a request for a token came to: an answer's text, or the failure."""

    answer: Answer
    content: bytes


Fetch: TypeAlias = Callable[[Prepared], Awaitable[Fetched]]


class TokenError(Exception):
    """There is no token; carries what that means for the attempt."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("no token")
        self.answer = answer


class _Kept(NamedTuple):
    token: str
    until: datetime


class Tokens:
    """The tokens of all connections.

    Args:
        secrets: What is behind the references; learns each token, so that it is hidden.
        clock: Gives the present.
        fetch: Sends a request under the rules for addresses and gives what came of it.
    """

    def __init__(self, secrets: Secrets, clock: Clock, fetch: Fetch) -> None:
        self._secrets = secrets
        self._clock = clock
        self._fetch = fetch
        self._kept: dict[Connection, _Kept] = {}
        self._fetching: dict[Connection, asyncio.Task[str]] = {}

    async def token(self, connection: Connection) -> str:
        """A token that is not about to end.

        Raises:
            TokenError: There is none.
        """
        kept = self._kept.get(connection)
        if kept is not None and self._clock() < kept.until:
            return kept.token
        task = self._fetching.get(connection)
        if task is None:
            task = asyncio.create_task(self._renew(connection))
            self._fetching[connection] = task
            task.add_done_callback(lambda done: self._done(connection, done))
        return await asyncio.shield(task)  # who gives up does not take it from the others

    def _done(self, connection: Connection, task: asyncio.Task[str]) -> None:
        del self._fetching[connection]
        if not task.cancelled():
            task.exception()  # seen, whether or not anybody is still waiting

    def forget(self, connection: Connection, token: str) -> None:
        """Use a token no more: the endpoint refused it."""
        kept = self._kept.get(connection)
        if kept is not None and kept.token == token:
            del self._kept[connection]

    async def close(self) -> None:
        """Stop what is still being fetched."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self, connection: Connection) -> str:
        try:
            request = token_request(connection, self._secrets)
        except DeliveryError as error:
            raise TokenError(Answer("parked", None, error.problems[0].message)) from None
        asked = self._clock()
        fetched = await self._fetch(request)
        token, seconds = _read(fetched)
        self._secrets.masker.add(token)
        try:
            checked_headers([("Authorization", f"Bearer {token}")])
        except DeliveryError:
            raise _parked("its access token cannot stand in a header") from None
        self._kept[connection] = _Kept(token, asked + timedelta(seconds=seconds))
        return token


def token_request(connection: Connection, secrets: Secrets) -> Prepared:
    """The request for a token.

    Raises:
        DeliveryError: A secret is not there, or the address may not be used.
    """
    written = connection.get("token_url")
    url = secrets.value(written)
    problem = url_problem(url, allow_http=bool(connection.get("allow_http")))
    if problem is not None:
        raise DeliveryError(f"token_url: {problem.message}", code="url-form", hint=problem.hint)
    client = secrets.value(connection.get("client_id"))
    secret = secrets.value(connection.get("client_secret"))
    form = {"grant_type": "client_credentials"}
    scopes = connection.get("scopes") or ()
    if scopes:
        form["scope"] = connection.get("scope_separator", " ").join(scopes)
    headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", user_agent()),
    ]
    if connection.get("client_auth", "basic") == "basic":
        headers.append(("Authorization", basic_credentials(client, secret, secrets, form=True)))
    else:
        form |= {"client_id": client, "client_secret": secret}
    host = f"the token endpoint in {written}" if is_reference(written) else "the token endpoint"
    return Prepared(
        "POST",
        url,
        checked_headers(headers),
        urlencode(form).encode(),
        host,
        bool(connection.get("allow_private")),
    )


def _read(fetched: Fetched) -> tuple[str, float]:
    """The token and for how many seconds to use it.

    Raises:
        TokenError: There is none in the answer.
    """
    answer = fetched.answer
    if answer.status is None:
        reason = f"no access token: {answer.reason}"
        raise TokenError(Answer(answer.outcome, None, reason, answer.retry_after))
    data = _mapping(fetched.content)
    if not 200 <= answer.status < 300:
        raise TokenError(_refused(answer, data))
    token = data.get("access_token")
    if not isinstance(token, str) or not token:
        raise _parked("its answer holds no access token; check token_url")
    kind = data.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _parked("its token is not of type Bearer")
    seconds = _seconds(data.get("expires_in"))
    return token, seconds - min(EARLY, seconds / 10)


def _refused(answer: Answer, data: dict[str, Any]) -> Answer:
    status = answer.status or 0
    error = data.get("error")
    known = REFUSALS.get(error) if isinstance(error, str) else None
    if known is not None and 400 <= status < 500 and status != 429:
        return _parked(f"{known} ({error})").answer
    if outcome_of(status) == "retry":
        reason = f"no access token: the token endpoint answered {status_reason(status)}"
        return Answer("retry", None, reason, answer.retry_after)
    if status == 401:
        return _parked(REFUSALS["invalid_client"]).answer
    return _parked(f"it answered {status_reason(status)}").answer


def _parked(reason: str) -> TokenError:
    return TokenError(Answer("parked", None, f"no access token from the token endpoint: {reason}"))


def _mapping(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _seconds(value: Any) -> float:
    """`expires_in` as seconds; some endpoints write it as text, some not at all."""
    if isinstance(value, bool):
        return UNSAID
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return UNSAID
    return min(seconds, LONGEST) if math.isfinite(seconds) and seconds > 0 else UNSAID
