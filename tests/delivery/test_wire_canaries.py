"""Unique secrets through every way in, and a search for them in everything that comes out."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from streamkit.definition import Stream
from streamkit.delivery.connections import Connections
from streamkit.delivery.destination import Destination
from streamkit.delivery.secrets import Secrets
from streamkit.delivery.trial import send_test
from streamkit.delivery.wire import Wire
from streamkit.payload.body import Body

from .canaries import Canaries
from .receiver import Received, Receiver, Reply

CONNECTIONS: dict[str, dict[str, Any]] = {
    "bearer": {"type": "bearer", "token": "env:BEARER"},
    "basic": {"type": "basic", "username": "env:USER_NAME", "password": "env:PASSWORD"},
    "header": {"type": "api_key", "name": "X-Api-Key", "value": "env:API_KEY"},
    "query": {"type": "api_key", "name": "key", "value": "env:QUERY_KEY", "in": "query"},
    "oauth2": {
        "type": "oauth2",
        "token_url": "env:TOKEN_URL",
        "client_id": "env:CLIENT_ID",
        "client_secret": "env:CLIENT_SECRET",
    },
    "oauth2-body": {
        "type": "oauth2",
        "token_url": "env:TOKEN_URL",
        "client_id": "env:CLIENT_ID",
        "client_secret": "env:CLIENT_SECRET",
        "client_auth": "body",
    },
    "hmac": {
        "type": "hmac",
        "header": "X-Signature",
        "secret": "env:SIGNING",
        "previous_secret": "env:SIGNED",
        "headers": {"X-Tenant-Token": "env:TENANT"},
    },
}
BODY = Body(b'{"secret":"","id":1}', ((11, "env:IN_BODY"),))


def repeats(request: Received) -> Reply:
    """An answer of an endpoint that tells all it was sent, in the ways endpoints do."""
    told = {
        "target": request.target,
        "headers": dict(request.headers),
        "body": request.body.decode(),
    }
    lines = [json.dumps(told), request.raw_head.decode("latin-1"), repr(told)]
    return Reply(422, "\n".join(lines).encode(), headers={"X-Echo": request.target})


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    canaries = Canaries()
    for name in ("BEARER", "API_KEY", "SIGNING", "SIGNED", "TENANT", "HEADER"):
        monkeypatch.setenv(name, canaries.make(name))
    for name in ("USER_NAME", "PASSWORD", "QUERY_KEY", "CLIENT_ID", "CLIENT_SECRET", "IN_BODY"):
        monkeypatch.setenv(name, canaries.make(name, odd=True))
    return canaries


@pytest.fixture
def receiver(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as server:
        token = json.dumps({"access_token": canaries.make("access token")}).encode()
        path = f"/token/{canaries.make('token path')}"
        monkeypatch.setenv("TOKEN_URL", server.script(path, Reply(200, token)))
        yield server


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that any logger says, at DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(before)
    root.removeHandler(handler)


REPLIES = {
    "repeats": repeats,
    "redirect": Reply(307, headers={"Location": "https://x.example/"}),
    "reset": Reply(cut="request", reset=True),
    "head": Reply(cut="head"),
    "no HTTP": Reply(raw=b"nonsense"),
    "refused": Reply(401),
}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("hidden", [True, False], ids=["secret url", "plain url"])
def test_nothing_shows_a_secret(
    canaries: Canaries,
    receiver: Receiver,
    logged: io.StringIO,
    name: str,
    hidden: bool,
    reply: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Logs at DEBUG, answers, reprs, HTML, JSON and text of a send test: none has a secret."""
    path, query = "/hook", ""
    if hidden:
        path = f"/services/{canaries.make('path')}"
        query = f"?sig={canaries.make('parameter')}"
    url = receiver.script(path, REPLIES[reply]) + query
    if hidden:
        monkeypatch.setenv("HOOK", url)
        url = "env:HOOK"
    stream = Stream(
        "x",
        [{"event": "a"}],
        destination={"url": url, "connection": name, "headers": {"X-Token": "env:HEADER"}},
    )
    connections = Connections(CONNECTIONS)
    trial = send_test(stream, connections, body=BODY)
    sent = receiver.received(path)[-1].raw_head + receiver.received(path)[-1].body
    assert canaries.found_in(sent), "the secrets did not even go out"
    shown = {
        "text": str(trial),
        "repr": repr(trial),
        "HTML": trial._repr_html_(),
        "JSON": json.dumps(trial.to_dict(), ensure_ascii=False),
        "pickle": pickle.dumps(trial),
        "destination": repr(Destination.of(stream, connections)),
        "connections": repr(connections) + connections.to_yaml(),
        "checks": repr(connections.check()),
        "logs": logged.getvalue(),
    }
    for where, text in shown.items():
        canaries.assert_absent(text, where)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b'{"error":"invalid_client","error_description":"SECRETS"}'),
        Reply(500, b"SECRETS"),
        Reply(200, b'{"access_token":["SECRETS"]}'),
        Reply(cut="request"),
        Reply(302, headers={"Location": "/login"}),
    ],
)
def test_a_token_endpoint_shows_none(
    canaries: Canaries, receiver: Receiver, logged: io.StringIO, reply: Reply
) -> None:
    """What the token endpoint says in its trouble goes nowhere."""
    import os
    from urllib.parse import urlsplit

    path = urlsplit(os.environ["TOKEN_URL"]).path
    told = reply.body.replace(b"SECRETS", path.encode() + os.environ["CLIENT_SECRET"].encode())
    receiver.script(path, Reply(reply.status, told, reply.headers, cut=reply.cut))
    stream = Stream(
        "x", [{"event": "a"}], destination={"url": receiver.url, "connection": "oauth2"}
    )
    trial = send_test(stream, Connections(CONNECTIONS), body=BODY)
    assert not trial.delivered
    for text in (str(trial), trial._repr_html_(), json.dumps(trial.to_dict()), logged.getvalue()):
        canaries.assert_absent(text, "the trial")


def test_what_holds_secrets_does_not_show_them(canaries: Canaries, receiver: Receiver) -> None:
    """Neither the wire nor a request, and a failure inside shows none in its traceback."""
    stream = Stream(
        "x", [{"event": "a"}], destination={"url": receiver.url, "connection": "bearer"}
    )
    destination = Destination.of(stream, Connections(CONNECTIONS))

    class BreakingError(Exception):
        pass

    async def run() -> list[str]:
        secrets = Secrets()
        async with Wire(secrets=secrets) as wire:
            exchange = await wire.exchange(destination, "m", BODY)
            shown = [repr(exchange), repr(wire), repr(secrets), repr(secrets.masker)]
            secrets.masker.mask = _break  # type: ignore[method-assign]
            try:
                await wire.deliver(destination, "m", BODY)
            except BreakingError:
                shown.append(traceback.format_exc())
            return shown

    def _break(text: str) -> str:
        raise BreakingError

    shown = asyncio.run(run())
    assert len(shown) == 5
    for text in shown:
        canaries.assert_absent(text, "a repr or a traceback")


def test_requests_of_others_are_logged_as_before(receiver: Receiver, logged: io.StringIO) -> None:
    """The logs of the HTTP client are silent about our requests only."""
    import httpx

    async def run() -> None:
        async with Wire(), httpx.AsyncClient(trust_env=False) as client:
            await client.get(receiver.url + "/theirs")

    asyncio.run(run())
    assert "/theirs" in logged.getvalue()


def test_the_search_finds_what_it_should() -> None:
    """The search itself, for each form and at each offset of base64."""
    import base64
    from urllib.parse import quote

    canaries = Canaries()
    value = canaries.make("one", odd=True)
    for text in (
        value,
        quote(value, safe=""),
        json.dumps({"a": value}),
        repr([value]),
        value.encode().hex().upper(),
        *(base64.b64encode(b"u" * n + b":" + value.encode()).decode() for n in range(3)),
    ):
        assert canaries.found_in(f"before {text} after"), text
    assert canaries.found_in("nothing of it") == {}
