"""OAuth2 client credentials against a real token endpoint."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import pytest

from streamkit.delivery.answers import Answer
from streamkit.delivery.wire import Limits, Wire

from .receiver import Received, Receiver, Reply
from .sending import BODY, SHORT, VirtualClock, deliver, destination

ID, SECRET = "client 7", "s3cr:et/+&é"


class TokenEndpoint:
    """Gives tokens to one client, each of them new, and takes them at its hook."""

    def __init__(self, server: Receiver) -> None:
        self.server = server
        self.given: list[str] = []
        self.valid: set[str] = set()
        self.answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        server.script("/token", self.give)
        server.script("/hook", self.take)

    @property
    def asked(self) -> list[Received]:
        return self.server.received("/token")

    def give(self, request: Received) -> Reply:
        form = dict(parse_qsl(request.body.decode(), strict_parsing=True))
        scheme, _, encoded = (request.header("Authorization") or "").partition(" ")
        if scheme == "Basic":
            pair = base64.b64decode(encoded).decode().split(":")
            client = [unquote_plus(each) for each in pair]
        else:
            client = [form.get("client_id", ""), form.get("client_secret", "")]
        if client != [ID, SECRET] or form["grant_type"] != "client_credentials":
            return Reply(401, b'{"error":"invalid_client"}')
        token = f"token-number-{len(self.given)}"
        self.given.append(token)
        self.valid.add(token)
        return Reply(200, json.dumps({"access_token": token, **self.answer}).encode())

    def take(self, request: Received) -> Reply:
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        return Reply(200 if scheme == "Bearer" and token in self.valid else 401)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenEndpoint]:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    with Receiver() as server:
        yield TokenEndpoint(server)


def connection(endpoint: TokenEndpoint, **more: Any) -> dict[str, Any]:
    settings = {
        "type": "oauth2",
        "token_url": endpoint.server.url + "/token",
        "client_id": ID,
        "client_secret": "env:CLIENT_SECRET",
    }
    return {**settings, **more}


def send(endpoint: TokenEndpoint, count: int = 1, **more: Any) -> list[Answer]:
    there = destination(endpoint.server.url + "/hook", connection(endpoint, **more))
    return deliver(*[there] * count)


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


@pytest.mark.parametrize("client_auth", [None, "basic", "body"])
def test_a_token_is_fetched_once(endpoint: TokenEndpoint, client_auth: str | None) -> None:
    """The client says who it is in the header or in the form; the token serves many requests."""
    more = {} if client_auth is None else {"client_auth": client_auth}
    assert outcomes(send(endpoint, 3, **more)) == ["delivered"] * 3
    (asked,) = endpoint.asked
    assert asked.method == "POST"
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert (asked.header("Authorization") is None) is (client_auth == "body")
    assert b"scope" not in asked.body


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        ({"scopes": ["read", "write"]}, "read write"),
        ({"scopes": "read,write"}, "read write"),
        ({"scopes": " read , write ,"}, "read write"),
        ({"scopes": "https://crm.example/.default"}, "https://crm.example/.default"),
        ({"scopes": ["read", "write"], "scope_separator": ","}, "read,write"),
        ({"scopes": []}, None),
    ],
)
def test_scopes(endpoint: TokenEndpoint, settings: dict[str, Any], scope: str | None) -> None:
    """A list or text with commas; sent with spaces between, unless a separator is set."""
    assert outcomes(send(endpoint, **settings)) == ["delivered"]
    form = dict(parse_qsl(endpoint.asked[0].body.decode(), strict_parsing=True))
    assert form.get("scope") == scope


def test_a_token_is_renewed_before_it_ends(endpoint: TokenEndpoint) -> None:
    """A minute early; a token is not used whose last second may be over when it arrives."""
    clock = VirtualClock()

    async def run() -> list[int]:
        there = destination(endpoint.server.url + "/hook", connection(endpoint))
        counts = []
        async with Wire(clock=clock) as wire:
            for seconds in (0, 3539, 2, 3539, 1):
                clock.pass_time(seconds)
                assert (await wire.deliver(there, "m", BODY)).outcome == "delivered"
                counts.append(len(endpoint.given))
        return counts

    assert asyncio.run(run()) == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3600.5, 3540.5),
        (30, 27),
        (10**400, 300 - 30),
        (10**9, 86_400 - 60),
        (None, 300 - 30),
        (0, 300 - 30),
        (-5, 300 - 30),
        ("soon", 300 - 30),
        (True, 300 - 30),
        ([], 300 - 30),
    ],
)
def test_how_long_a_token_lasts(endpoint: TokenEndpoint, expires_in: Any, seconds: float) -> None:
    """As the endpoint says; where it says nothing readable five minutes, and never over a day."""
    endpoint.answer["expires_in"] = expires_in
    clock = VirtualClock()

    async def run() -> list[int]:
        there = destination(endpoint.server.url + "/hook", connection(endpoint))
        counts = []
        async with Wire(clock=clock) as wire:
            for passing in (0, seconds - 1, 1):
                clock.pass_time(passing)
                await wire.deliver(there, "m", BODY)
                counts.append(len(endpoint.given))
        return counts

    assert asyncio.run(run()) == [1, 1, 2]


def test_one_request_for_many_who_wait(endpoint: TokenEndpoint) -> None:
    """Eight at once need one token; who gives up waiting does not take it from the others."""
    give = endpoint.give
    endpoint.server.script("/token", lambda request: Reply(body=give(request).body, delay=0.3))

    async def run() -> list[str]:
        there = destination(endpoint.server.url + "/hook", connection(endpoint))
        async with Wire() as wire:
            tasks = [asyncio.create_task(wire.deliver(there, f"m{n}", BODY)) for n in range(8)]
            await asyncio.to_thread(endpoint.server.wait, 1)
            tasks[0].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(answers[0], asyncio.CancelledError)
            return [each.outcome for each in answers[1:] if isinstance(each, Answer)]

    assert asyncio.run(run()) == ["delivered"] * 7
    assert len(endpoint.given) == 1


def test_401_renews_the_token_once(endpoint: TokenEndpoint) -> None:
    """A token that was withdrawn is renewed at once, and the match is delivered in one attempt."""

    async def run() -> list[str]:
        there = destination(endpoint.server.url + "/hook", connection(endpoint))
        async with Wire() as wire:
            first = await wire.deliver(there, "m0", BODY)
            endpoint.valid.clear()
            second = await wire.deliver(there, "m1", BODY)
            return [first.outcome, second.outcome]

    assert asyncio.run(run()) == ["delivered", "delivered"]
    assert len(endpoint.given) == 2
    hooks = endpoint.server.received("/hook")
    assert [each.header("Idempotency-Key") for each in hooks] == ["m0", "m1", "m1"]
    assert hooks[1].body == hooks[2].body


def test_401_for_a_new_token_parks(endpoint: TokenEndpoint) -> None:
    """Once, not for ever: a second 401 needs a person."""
    endpoint.server.script("/hook", Reply(401))
    (answer,) = send(endpoint)
    assert (answer.outcome, answer.status) == ("parked", 401)
    assert len(endpoint.given) == 2
    assert len(endpoint.server.received("/hook")) == 2


def test_a_renewal_after_401_is_shared(endpoint: TokenEndpoint) -> None:
    """Who comes back late with a token that another has replaced takes the new one."""

    def take(request: Received) -> Reply:
        is_late = request.header("Idempotency-Key") == "late"
        return Reply(endpoint.take(request).status, delay=0.3 if is_late else 0)

    async def run() -> list[str]:
        there = destination(endpoint.server.url + "/hook", connection(endpoint))
        async with Wire() as wire:
            await wire.deliver(there, "m", BODY)
            endpoint.valid.clear()
            endpoint.server.script("/hook", take)
            tasks = [wire.deliver(there, match_id, BODY) for match_id in ("late", "early")]
            return outcomes(await asyncio.gather(*tasks))

    assert asyncio.run(run()) == ["delivered"] * 2
    assert len(endpoint.given) == 2


def test_a_wrong_secret_parks(endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to the endpoint, and the sentence says whose fault it is."""
    monkeypatch.setenv("CLIENT_SECRET", "wr0ng-s3cret")
    (answer,) = send(endpoint)
    assert (answer.outcome, answer.status) == ("parked", None)
    assert answer.reason == (
        "no access token from the token endpoint:"
        " it does not accept client_id and client_secret (invalid_client)"
    )
    assert endpoint.server.received("/hook") == []


@pytest.mark.parametrize(
    ("reply", "outcome", "said"),
    [
        (Reply(400, b'{"error":"invalid_scope"}'), "parked", "scopes"),
        (Reply(400, b'{"error":"unauthorized_client"}'), "parked", "client credentials"),
        (Reply(400, b'{"error":["odd"]}'), "parked", "400"),
        (Reply(400, b"no JSON"), "parked", "400"),
        (Reply(401, b""), "parked", "does not accept client_id"),
        (Reply(403), "parked", "403"),
        (Reply(404), "parked", "404"),
        (Reply(410), "parked", "410"),
        (Reply(422), "parked", "422"),
        (Reply(429, headers={"Retry-After": "30"}), "retry", "429"),
        (Reply(500, b'{"error":"server_error"}'), "retry", "500"),
        (Reply(503, b"[[[["), "retry", "503"),
        (Reply(302, headers={"Location": "/login"}), "retry", "302"),
        (Reply(200, b""), "parked", "no access token"),
        (Reply(200, b"<html>login</html>"), "parked", "no access token"),
        (Reply(200, b"[" * 16_000), "parked", "no access token"),
        (Reply(200, b'{"access_token":""}'), "parked", "no access token"),
        (Reply(200, b'{"access_token":5}'), "parked", "no access token"),
        (Reply(200, b'{"access_token":"a\\r\\nX: 1"}'), "parked", "cannot stand in a header"),
        (Reply(200, b'{"access_token":"abcdefgh","token_type":"mac"}'), "parked", "Bearer"),
        (Reply(200, size=50_000_000), "parked", "no access token"),
        (Reply(cut="request"), "retry", "broke"),
        (Reply(cut="request", reset=True), "retry", "broke"),
        (Reply(hang=True), "retry", "no access token"),
    ],
)
def test_token_endpoints_in_trouble(
    endpoint: TokenEndpoint, reply: Reply, outcome: str, said: str
) -> None:
    """It is never the match's fault: the match is tried again or waits, and is not dead."""
    endpoint.server.script("/token", reply)
    there = destination(endpoint.server.url + "/hook", connection(endpoint))
    (answer,) = deliver(there, limits=SHORT if reply.hang else Limits())
    assert (answer.outcome, answer.status) == (outcome, None)
    assert said in answer.reason
    assert answer.retry_after == (30.0 if reply.status == 429 else None)
    assert not answer.needs_person
    assert endpoint.server.received("/hook") == []


@pytest.mark.parametrize("answer", [{}, {"token_type": "bearer"}, {"token_type": "BEARER"}])
def test_token_types(endpoint: TokenEndpoint, answer: dict[str, Any]) -> None:
    """Bearer in any case, and where nothing is said."""
    endpoint.answer = answer
    assert outcomes(send(endpoint)) == ["delivered"]


def test_a_failed_token_is_asked_for_again(endpoint: TokenEndpoint) -> None:
    """Trouble is not kept: the next attempt asks anew."""
    endpoint.server.script("/token", Reply(500), endpoint.give)
    assert outcomes(send(endpoint, 2)) == ["retry", "delivered"]


def test_tokens_are_kept_for_each_connection(endpoint: TokenEndpoint) -> None:
    """Two connections do not share a token; two streams with one connection do."""
    url = endpoint.server.url + "/hook"
    one, other = connection(endpoint), connection(endpoint, scopes="write")
    answers = deliver(
        destination(url, one), destination(url, other), destination(url, one, method="PUT")
    )
    assert outcomes(answers) == ["delivered"] * 3
    assert len(endpoint.given) == 2
