"""No stream reaches into a network from inside: the table of addresses, and every way to them."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.delivery.addresses import refusal, resolve_host
from streamkit.delivery.answers import Answer
from streamkit.delivery.client import CheckedBackend, RefusedAddressError
from streamkit.delivery.wire import Wire
from streamkit.errors import DefinitionError, DeliveryError

from .receiver import Receiver, Reply
from .sending import deliver, destination

INSIDE = {
    "loopback": ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
    "shared": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.0.1", "169.254.255.254", "fe80::1", "febf::1", "fe80::1%eth0"],
    "unique local and site-local": ["fc00::1", "fd12:3456::1", "fec0::1", "feff::1"],
    "documentation and tests": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1",
                                "198.19.255.255", "2001:db8::1", "3fff::1"],
    "reserved": ["192.0.0.1", "192.88.99.1", "100::1", "5f00::1", "4000::1", "8000::1", "1::1"],
    "IPv4 in IPv6": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
                     "::ffff:0:127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::1", "2002:808:808::"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ORCHID and other special ones": ["2001:10::1", "2001:20::1", "2001:2::1"],
}  # fmt: skip # a table reads better in rows
NEVER = {
    "metadata": ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
                 "169.254.170.2", "fd20:ce::254", "192.0.0.192"],
    "metadata, wrapped": ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
                          "::169.254.169.254", "::ffff:0:169.254.169.254"],
    "nobody": ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "2001::1"],  # noqa: S104 # refused
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "no address": ["", "localhost", "1", "0x7f000001", "127.1", "::1::", "1.2.3.4.5"],
}  # fmt: skip # a table reads better in rows
OUTSIDE = ["8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1",
           "192.167.255.255", "192.169.0.1", "100.63.255.255", "100.128.0.1", "169.253.255.255",
           "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e", "2400:cb00::1",
           "2003::1"]  # fmt: skip # a table reads better in rows

inside = [(kind, each) for kind, table in INSIDE.items() for each in table]
never = [(kind, each) for kind, table in NEVER.items() for each in table]


def resolving(*answers: list[str]) -> Any:
    """A resolver that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        resolve.asked.append(host)  # type: ignore[attr-defined]
        return left.pop(0) if len(left) > 1 else left[0]

    resolve.asked = []  # type: ignore[attr-defined]
    return resolve


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.mark.parametrize(("kind", "address"), inside)
def test_inside(kind: str, address: str) -> None:
    """Refused unless private addresses are allowed; `localhost` is no way to them either."""
    assert refusal(address) is not None
    assert refusal(address, allow_private=True) is None
    is_own = kind == "loopback"
    assert (refusal(address, loopback=True) is None) is is_own


@pytest.mark.parametrize(("kind", "address"), never)
def test_never(kind: str, address: str) -> None:
    """Refused whatever is allowed."""
    assert refusal(address) is not None
    assert refusal(address, allow_private=True) is not None
    assert refusal(address, loopback=True) is not None


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    """The public internet, up to the borders of what is not."""
    assert refusal(address) is None


@given(st.ip_addresses())
def test_what_python_calls_private_is_refused(address: ipaddress.IPv4Address) -> None:
    """The list refuses at least what the standard library knows."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert refusal(str(address)) is not None


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "::ffff:0:{}"]))
def test_no_wrapping_is_a_way_in(address: ipaddress.IPv4Address, form: str) -> None:
    """An IPv4 address inside an IPv6 one is refused, public ones too: it only serves to hide."""
    assert refusal(form.format(address)) is not None


def refused(answer: Answer) -> bool:
    return (answer.outcome, answer.status) == ("parked", None) and "refused: " in answer.reason


@pytest.mark.parametrize(("kind", "address"), [*inside, *never[:-7]])
def test_a_name_that_leads_inside(kind: str, address: str) -> None:
    """A name is refused for where it leads; the destination waits for a person."""
    (answer,) = deliver(destination("https://crm.example/"), resolver=resolving([address]))
    assert refused(answer)
    assert "crm.example leads to" in answer.reason


@pytest.mark.parametrize(
    ("kind", "address"),
    [each for each in (*inside, *never[:-7]) if each[0] != "loopback" and "%" not in each[1]],
)
def test_an_address_inside_as_it_is_written(kind: str, address: str) -> None:
    """The same written out; only this machine itself needs no permission."""
    host = f"[{address}]" if ":" in address else address
    (answer,) = deliver(destination(f"https://{host}/"))
    assert refused(answer)


def test_one_bad_address_among_good_ones() -> None:
    """Which of several addresses is taken must not be left to chance."""
    resolver = resolving(["8.8.8.8", "10.0.0.1"])
    (answer,) = deliver(destination("https://crm.example/"), resolver=resolver)
    assert refused(answer)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1"])
def test_this_machine_needs_no_permission(receiver: Receiver, host: str) -> None:
    """Plain http to this machine is for tests and notebooks."""
    assert deliver(destination(f"http://{host}:{receiver.port}/"))[0].outcome == "delivered"


def test_localhost_that_leads_elsewhere() -> None:
    """Its name gives no permission for any other machine."""
    for elsewhere in ("10.0.0.1", "8.8.8.8"):
        (answer,) = deliver(destination("http://localhost/"), resolver=resolving([elsewhere]))
        assert refused(answer)
        assert "not this machine" in answer.reason


@pytest.mark.parametrize("host", ["a.localhost", "localhost.example", "localtest.me", "localhost."])
def test_other_names_of_this_machine(receiver: Receiver, host: str) -> None:
    """A name that leads to this machine is refused: whoever owns it may lead it anywhere."""
    url = f"http://{host}:{receiver.port}/"
    resolver = resolving(["127.0.0.1"])
    (answer,) = deliver(destination(url, allow_http=True), resolver=resolver)
    assert refused(answer)
    (answer,) = deliver(destination(url, allow_http=True, allow_private=True), resolver=resolver)
    assert answer.outcome == "delivered"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "0xA9FEA9FE",
     "169.254.43518", "①②⑦.⓪.⓪.①", "127。0。0。1", "[::1%25lo]", "[0:0:0:0:0:ffff:7f00:1%1]",
     "127.0.0.1%00.crm.example", "crm.example@127.0.0.1", "1.2.3"],
)  # fmt: skip # a table reads better in rows
def test_disguises(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers in odd forms are refused when the stream is read, and behind a reference too."""
    with pytest.raises(DefinitionError, match="url-form"):
        destination(f"https://{host}/", allow_private=True)
    monkeypatch.setenv("HOOK", f"https://{host}/")
    (answer,) = deliver(destination("env:HOOK", allow_private=True))
    assert (answer.outcome, answer.status) == ("parked", None)


class Connecting(httpcore.AsyncNetworkBackend):
    """Remembers which addresses are connected to; nobody is there."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def connect_tcp(self, host: str, *others: Any, **more: Any) -> Any:
        self.addresses.append(host)
        raise httpcore.ConnectError


def test_the_checked_address_is_the_one_connected_to() -> None:
    """An answer that changes between check and connection has no effect: it is asked for once."""
    connecting = Connecting()
    resolver = resolving(["8.8.8.8"], ["127.0.0.1"])
    backend = CheckedBackend(resolver, allow_private=False, inner=connecting)
    with pytest.raises(httpcore.ConnectError):
        asyncio.run(backend.connect_tcp("crm.example", 443))
    assert (resolver.asked, connecting.addresses) == (["crm.example"], ["8.8.8.8"])
    with pytest.raises(RefusedAddressError):  # the next connection is checked anew
        asyncio.run(backend.connect_tcp("crm.example", 443))
    assert connecting.addresses == ["8.8.8.8"]


def test_permission_is_not_shared_by_connections(receiver: Receiver) -> None:
    """A connection that one stream may have is not used for another that may not."""
    url = f"http://crm.example:{receiver.port}/"
    allowed = destination(url, allow_http=True, allow_private=True)
    not_allowed = destination(url, allow_http=True)
    first, second, third = deliver(allowed, not_allowed, allowed, resolver=resolving(["127.0.0.1"]))
    assert (first.outcome, third.outcome) == ("delivered", "delivered")
    assert refused(second)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_nowhere(receiver: Receiver, status: int) -> None:
    """A redirect to any address is not followed, so its address is never even resolved."""
    resolver = resolving(["169.254.169.254"])
    location = {"Location": "http://metadata.example/latest/meta-data/"}
    url = receiver.script(f"/redirect-{status}", Reply(status, headers=location))
    (answer,) = deliver(destination(url), resolver=resolver)
    assert answer.status == status
    assert resolver.asked == []


TOKEN = {"type": "oauth2", "client_id": "id", "client_secret": "env:CLIENT_SECRET"}


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "64:ff9b::a00:1"])
def test_the_token_url_too(
    receiver: Receiver, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of the token is under the same rules; neither request is sent."""
    monkeypatch.setenv("CLIENT_SECRET", "cl13nt-s3cret")
    before = len(receiver.requests)
    connection = {**TOKEN, "token_url": "https://login.example/token"}
    there = destination(receiver.url, connection, allow_private=True)  # is not meant for the token
    (answer,) = deliver(there, resolver=resolving([address]))
    assert refused(answer)
    assert "token endpoint" in answer.reason
    assert len(receiver.requests) == before


def test_a_token_redirect_is_not_followed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token endpoint that redirects gives no token."""
    monkeypatch.setenv("CLIENT_SECRET", "cl13nt-s3cret")
    location = {"Location": "http://169.254.169.254/"}
    url = receiver.script("/token-moved", Reply(302, headers=location))
    before = len(receiver.requests)
    (answer,) = deliver(destination(receiver.url, {**TOKEN, "token_url": url}))
    assert answer.outcome == "retry"
    assert len(receiver.requests) == before + 1


@pytest.mark.parametrize("url", ["http://login.example/", "https://2130706433/"])
def test_a_token_url_in_disguise(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its form is checked when it is read, and again behind a reference."""
    with pytest.raises(DeliveryError, match="url-form"):
        destination("env:HOOK", {**TOKEN, "token_url": url})
    monkeypatch.setenv("TOKEN_URL", url)
    monkeypatch.setenv("CLIENT_SECRET", "cl13nt-s3cret")
    (answer,) = deliver(destination("http://127.0.0.1:9/", {**TOKEN, "token_url": "env:TOKEN_URL"}))
    assert answer.outcome == "parked"
    assert answer.reason.startswith("token_url: ")


def test_the_systems_resolver() -> None:
    """It gives plain addresses, each once, and fails as a network does where a name has no form."""
    assert set(asyncio.run(resolve_host("localhost", 80))) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match="no such host"):
        asyncio.run(resolve_host("a" * 64 + ".example", 80))


def test_a_wire_that_sent_nothing_closes() -> None:
    """Opening and closing a wire needs no network."""

    async def run() -> str:
        async with Wire() as wire:
            return wire.mask("nothing to hide")

    assert asyncio.run(run()) == "nothing to hide"
