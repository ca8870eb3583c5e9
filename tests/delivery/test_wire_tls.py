"""Encryption: a certificate that cannot be trusted parks the destination, whatever is wrong."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from .receiver import Receiver
from .sending import VirtualClock, deliver, destination

PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> Receiver:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return Receiver(tls=context)


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA) -> Iterator[Receiver]:
    with serving(authority.issue_cert("127.0.0.1", "crm.example")) as receiver:
        yield receiver


def test_a_known_certificate(trusted: Receiver, trust: ssl.SSLContext) -> None:
    """The certificate is checked against the name in the address, not where that leads."""
    named = f"https://crm.example:{trusted.port}/"
    answers = deliver(
        destination(trusted.url),
        destination(named, allow_private=True),
        tls=trust,
        resolver=here,
    )
    assert [answer.outcome for answer in answers] == ["delivered"] * 2


def test_an_unknown_authority(trusted: Receiver) -> None:
    """Without that authority among the known ones nothing is sent."""
    (answer,) = deliver(destination(trusted.url))
    assert answer.outcome == "parked"
    assert "signed by an authority that is not known here" in answer.reason


def test_a_certificate_signed_by_itself(trust: ssl.SSLContext) -> None:
    """Known to nobody."""
    with serving(trustme.CA().issue_cert("127.0.0.1")) as receiver:
        (answer,) = deliver(destination(receiver.url), tls=trust)
        assert answer.outcome == "parked"
        assert "signed by" in answer.reason
        assert receiver.requests == []


def test_an_expired_certificate(authority: trustme.CA, trust: ssl.SSLContext) -> None:
    """Its time is over."""
    certificate = authority.issue_cert(
        "127.0.0.1", not_before=PAST, not_after=PAST + timedelta(days=1)
    )
    with serving(certificate) as receiver:
        (answer,) = deliver(destination(receiver.url), tls=trust)
        assert (answer.outcome, answer.reason) == (
            "parked",
            "the certificate of 127.0.0.1 has expired",
        )
        assert receiver.requests == []


@pytest.mark.parametrize("host", ["crm.example", "127.0.0.1"])
def test_a_certificate_for_another_host(
    authority: trustme.CA, trust: ssl.SSLContext, host: str
) -> None:
    """The name or address must stand in it; which one it was stays hidden where it is a secret."""
    with serving(authority.issue_cert("other.example")) as receiver:
        url = f"https://{host}:{receiver.port}/"
        (answer,) = deliver(destination(url, allow_private=True), tls=trust, resolver=here)
        assert answer.outcome == "parked"
        assert answer.reason.startswith(f"the certificate of {host} is for another")
        assert receiver.requests == []


def test_a_server_that_does_not_speak_tls(trust: ssl.SSLContext) -> None:
    """The wrong port, or a proxy in trouble: it is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_plainly() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer_plainly)
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        (answer,) = deliver(destination(url), tls=trust)
        thread.join()
    assert (answer.outcome, answer.status) == ("retry", None)
    assert "may not speak TLS" in answer.reason


def test_a_token_endpoint_with_an_unknown_certificate(
    trusted: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same holds for the address of the token: nothing is sent there or to the endpoint."""
    monkeypatch.setenv("SECRET", "cl13nt-s3cret")
    before = len(trusted.requests)
    connection = {
        "type": "oauth2",
        "token_url": f"{trusted.url}/token",
        "client_id": "id",
        "client_secret": "env:SECRET",
    }
    (answer,) = deliver(destination(trusted.url, connection), clock=VirtualClock())
    assert answer.outcome == "parked"
    assert "the certificate of the token endpoint is signed by" in answer.reason
    assert len(trusted.requests) == before
