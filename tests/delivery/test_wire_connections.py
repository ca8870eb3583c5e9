"""Each type of connection against a server that checks what arrives."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from streamkit.delivery.secrets import utc_now
from streamkit.payload.body import Body

from .receiver import Received, Receiver, Reply
from .sending import BODY, VirtualClock, deliver, destination

WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ok?").decode()
OTHER_WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"another one of 24 bytes!").decode()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def received(receiver: Receiver, connection: dict[str, Any], **more: Any) -> Received:
    """What arrives over a connection."""
    url = receiver.script("/hook")
    (answer,) = deliver(destination(url + more.pop("query", ""), connection), **more)
    assert answer.outcome == "delivered", answer.reason
    return receiver.requests[-1]


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104, written out: not with the module that signs."""
    key = key if len(key) <= 64 else hashlib.sha256(key).digest()
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in padded) + message).digest()
    return hashlib.sha256(bytes(each ^ 0x5C for each in padded) + inner).digest()


def test_none(receiver: Receiver) -> None:
    """A connection of type none only adds its headers."""
    request = received(receiver, {"type": "none", "headers": {"X-Source": "shop"}})
    assert request.header("Authorization") is None
    assert request.header("X-Source") == "shop"


def test_bearer(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token behind the reference stands in Authorization."""
    monkeypatch.setenv("TOKEN", "abc.DEF-123")
    request = received(receiver, {"type": "bearer", "token": "env:TOKEN"})
    assert request.header("Authorization") == "Bearer abc.DEF-123"


def test_basic(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """User and password in UTF-8, the password with colons and all."""
    monkeypatch.setenv("PASSWORD", "p:ä:ss")
    connection = {"type": "basic", "username": "jörg", "password": "env:PASSWORD"}
    scheme, _, encoded = str(received(receiver, connection).header("Authorization")).partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", "jörg:p:ä:ss")


def test_a_user_name_with_a_colon_parks(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for the start of the password."""
    monkeypatch.setenv("USER_NAME", "a:b")
    monkeypatch.setenv("PASSWORD", "password")
    connection = {"type": "basic", "username": "env:USER_NAME", "password": "env:PASSWORD"}
    (answer,) = deliver(destination(receiver.url, connection))
    assert answer.outcome == "parked"
    assert "no colon" in answer.reason


def test_api_key_in_a_header(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name that the endpoint wants; in a header where nothing else is said."""
    monkeypatch.setenv("KEY", "k-1")
    connection = {"type": "api_key", "name": "X-Api-Key", "value": "env:KEY"}
    assert received(receiver, connection).header("X-Api-Key") == "k-1"
    request = received(receiver, {**connection, "in": "header"})
    assert (request.header("X-Api-Key"), request.target) == ("k-1", "/hook")


@pytest.mark.parametrize(("query", "before"), [("", []), ("?a=1", [("a", "1")])])
def test_api_key_in_the_query(
    receiver: Receiver, query: str, before: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoded, behind what the address has already."""
    monkeypatch.setenv("KEY", "a&b=c d/é")
    connection = {"type": "api_key", "name": "api key", "value": "env:KEY", "in": "query"}
    request = received(receiver, connection, query=query)
    parameters = parse_qsl(urlsplit(request.target).query, strict_parsing=True)
    assert parameters == [*before, ("api key", "a&b=c d/é")]


@pytest.mark.parametrize("key", ["short", "k" * 100, "ключ"])
def test_hmac(receiver: Receiver, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower-case hexadecimal HMAC-SHA256 over the exact bytes that arrive."""
    monkeypatch.setenv("KEY", key)
    connection = {"type": "hmac", "header": "X-Signature", "secret": "env:KEY"}
    request = received(receiver, connection)
    assert request.header("X-Signature") == hmac_sha256(key.encode(), request.body).hex()
    assert request.header("X-Signature-Previous") is None
    assert request.header("webhook-id") is None


def test_hmac_signs_the_filled_body(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are filled in before signing: the receiver signs what it sees."""
    monkeypatch.setenv("KEY", "signing-key")
    monkeypatch.setenv("INSIDE", "inside")
    connection = {"type": "hmac", "header": "X-Signature", "secret": "env:KEY"}
    body = Body(b'{"a":""}', ((6, "env:INSIDE"),))
    request = received(receiver, connection, body=body)
    assert request.body == b'{"a":"inside"}'
    assert request.header("X-Signature") == hmac_sha256(b"signing-key", request.body).hex()


def test_hmac_rotation(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the secret changes, the header is signed with the new one, its twin with the old one."""
    monkeypatch.setenv("NEW", "new-key")
    monkeypatch.setenv("OLD", "old-key")
    connection = {
        "type": "hmac",
        "header": "X-Signature",
        "secret": "env:NEW",
        "previous_secret": "env:OLD",
    }
    request = received(receiver, connection)
    assert request.header("X-Signature") == hmac_sha256(b"new-key", request.body).hex()
    assert request.header("X-Signature-Previous") == hmac_sha256(b"old-key", request.body).hex()


def test_standard_webhooks(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of Standard Webhooks accepts it, and nothing that was changed on the way."""
    monkeypatch.setenv("KEY", WEBHOOK_SECRET)
    connection = {"type": "hmac", "secret": "env:KEY", "standard_webhooks": True}
    request = received(receiver, connection, clock=utc_now)
    headers = {name: value for name, value in request.headers if name.startswith("webhook-")}
    assert set(headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert headers["webhook-id"] == request.header("Idempotency-Key") == "m0"
    Webhook(WEBHOOK_SECRET).verify(request.body, headers)
    for changed in ({"webhook-id": "m1"}, {"webhook-signature": "v1,AAAA"}):
        with pytest.raises(WebhookVerificationError):
            Webhook(WEBHOOK_SECRET).verify(request.body, {**headers, **changed})
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_WEBHOOK_SECRET).verify(request.body, headers)


@pytest.mark.parametrize("bare", [False, True])
def test_standard_webhooks_rotation(
    receiver: Receiver, bare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver with either secret accepts it; the prefix and the padding may be left out."""
    secrets = [WEBHOOK_SECRET, OTHER_WEBHOOK_SECRET]
    for name, secret in zip(("NEW", "OLD"), secrets, strict=True):
        monkeypatch.setenv(name, secret.removeprefix("whsec_").rstrip("=") if bare else secret)
    connection = {
        "type": "hmac",
        "header": "X-Signature",
        "secret": "env:NEW",
        "previous_secret": "env:OLD",
        "standard_webhooks": True,
    }
    request = received(receiver, connection, clock=utc_now)
    headers = dict(request.headers)
    for secret in secrets:
        Webhook(secret).verify(request.body, headers)
    new = secrets[0].removeprefix("whsec_") if bare else secrets[0]
    key = (new.rstrip("=") if bare else new).encode()
    assert request.header("X-Signature") == hmac_sha256(key, request.body).hex()


def test_the_timestamp_is_that_of_the_attempt(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A match that is tried again hours later is not refused for its age; its id stays."""
    monkeypatch.setenv("KEY", WEBHOOK_SECRET)
    connection = {"type": "hmac", "secret": "env:KEY", "standard_webhooks": True}
    stamps = []
    for hour in (10, 15):
        clock = VirtualClock(datetime(2026, 3, 1, hour, tzinfo=UTC))
        request = received(receiver, connection, clock=clock)
        stamps.append(int(str(request.header("webhook-timestamp"))))
        assert (request.header("webhook-id"), request.body) == ("m0", BODY.content)
    assert stamps[1] - stamps[0] == 5 * 3600


@pytest.mark.parametrize("secret", ["not base64!", "whsec_", "whsec_é", "a"])
def test_a_webhook_secret_of_another_form_parks(
    receiver: Receiver, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the receiver's library could not read is not guessed at."""
    monkeypatch.setenv("KEY", secret)
    connection = {"type": "hmac", "secret": "env:KEY", "standard_webhooks": True}
    (answer,) = deliver(destination(receiver.url, connection))
    assert (answer.outcome, answer.status) == ("parked", None)


def test_headers_of_a_connection(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with every stream that uses it; a stream's own of the same name wins."""
    monkeypatch.setenv("TENANT", "t-1")
    headers = {"X-Tenant-Token": "env:TENANT", "X-Source": "connection"}
    connection = {"type": "none", "headers": headers}
    url = receiver.script("/headers")
    deliver(destination(url, connection, headers={"x-source": "stream"}))
    request = receiver.requests[-1]
    assert request.header("X-Tenant-Token") == "t-1"
    assert request.header("X-Source") == "stream"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials(
    receiver: Receiver, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token to renew there is one request, and the destination waits for a person."""
    monkeypatch.setenv("TOKEN", "t0k3n-value")
    url = receiver.script(f"/refused-{status}", Reply(status, b"no t0k3n-value"))
    (answer,) = deliver(destination(url, {"type": "bearer", "token": "env:TOKEN"}))
    assert (answer.outcome, answer.text) == ("parked", "no ***")
    assert len(receiver.received(f"/refused-{status}")) == 1
