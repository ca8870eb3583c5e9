"""The wire against a real server: what is sent, and what each behaviour of the server means."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamkit.delivery
from streamkit.delivery.answers import outcome_of, retry_after_seconds, status_reason
from streamkit.delivery.wire import Limits, Wire
from streamkit.payload.body import Body

from .receiver import Receiver, Reply
from .sending import BODY, SHORT, VirtualClock, deliver, destination


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_sent(receiver: Receiver, method: str) -> None:
    """The body's exact bytes, under the match's id, with the destination's headers."""
    url = receiver.script(f"/sent-{method}?a=b%20c")
    (answer,) = deliver(destination(url, method=method, headers={"X-Source": "shop"}))
    request = receiver.requests[-1]
    assert (answer.outcome, answer.status, answer.text) == ("delivered", 200, "ok")
    assert (request.method, request.target) == (method, f"/sent-{method}?a=b%20c")
    assert request.body == BODY.content
    assert request.header("Host") == f"127.0.0.1:{receiver.port}"
    assert request.header("Idempotency-Key") == "m0"
    assert request.header("Content-Type") == "application/json"
    assert request.header("Content-Length") == str(len(BODY.content))
    assert str(request.header("User-Agent")).startswith("streamkit/")
    assert request.header("X-Source") == "shop"


def test_defaults_may_be_replaced(receiver: Receiver) -> None:
    """Content-Type and User-Agent of the destination take the place of the sender's."""
    headers = {"content-type": "application/vnd.api+json", "USER-AGENT": "shop"}
    deliver(destination(receiver.script("/types"), headers=headers))
    request = receiver.requests[-1]
    assert request.header("Content-Type") == "application/vnd.api+json"
    assert request.header("User-Agent") == "shop"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, "delivered") for status in (200, 201, 202, 204, 299)),
        *((status, "retry") for status in (302, 303, 307, 408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, "parked") for status in (401, 403, 404, 407, 410)),
        *((status, "dead") for status in (300, 301, 304, 308, 400, 405, 409, 413, 415, 418, 422, 499)),
    ],
)  # fmt: skip # a table reads better in rows
def test_outcomes(receiver: Receiver, status: int, outcome: str) -> None:
    """Each status has its outcome; 410 needs a person; failures have a sentence."""
    url = receiver.script("/status", Reply(status, b"" if status in (204, 304) else b"text"))
    (answer,) = deliver(destination(url))
    assert (answer.outcome, answer.status) == (outcome, status)
    assert answer.needs_person is (status == 410)
    assert answer.reason.startswith(str(status))


def test_statuses_without_a_name() -> None:
    """A status nobody has registered is a number; its class decides."""
    assert (outcome_of(600), status_reason(600)) == ("dead", "600")
    assert status_reason(599) == "599: the endpoint has trouble of its own"


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut", ["status", "head", "half", "body"])
def test_a_2xx_status_line_is_delivered(receiver: Receiver, cut: Any, reset: bool) -> None:
    """Whatever follows the status line: the endpoint has taken it."""
    url = receiver.script("/cut", Reply(202, b"x" * 100, cut=cut, reset=reset))
    (answer,) = deliver(destination(url))
    assert (answer.outcome, answer.status) == ("delivered", 202)


def test_interim_answers_are_passed_over(receiver: Receiver) -> None:
    """100 and 103 come before the answer and are none, also where it breaks off."""
    whole = receiver.script("/interim", Reply(404, early=(100, 103)))
    broken = receiver.script("/interim-cut", Reply(200, early=(100,), cut="status"))
    nothing = receiver.script("/interim-end", Reply(early=(), raw=b"HTTP/1.1 100 Wait\r\n\r\n"))
    answers = deliver(destination(whole), destination(broken), destination(nothing))
    assert [answer.status for answer in answers] == [404, 200, None]


@pytest.mark.parametrize("reset", [False, True])
def test_no_status_line_is_tried_again(receiver: Receiver, reset: bool) -> None:
    """A connection that breaks before any status says nothing about the match."""
    (answer,) = deliver(destination(receiver.script("/none", Reply(cut="request", reset=reset))))
    assert (answer.outcome, answer.status) == ("retry", None)
    assert "broke" in answer.reason


def test_a_large_answer_is_not_read(receiver: Receiver) -> None:
    """Of 50 MB no more than 2 KiB are kept, and the connection is given up."""
    url = receiver.script("/large", Reply(size=50_000_000), Reply(422, size=50_000_000))
    first, second = deliver(destination(url), destination(url))
    assert (first.outcome, first.text) == ("delivered", "x" * 2048)
    assert (second.outcome, second.text) == ("dead", "x" * 2048)


def test_a_cut_answer_is_still_text(receiver: Receiver) -> None:
    """Half a character at the end of what is kept is left out; bytes that are no text are marked."""
    url = receiver.script("/odd", Reply(body=b"a" + "é".encode() * 2000), Reply(body=b"\xff\x00z"))
    first, second = deliver(destination(url), destination(url))
    assert first.text == "a" + "é" * 1023
    assert second.text == "\ufffd\x00z"


def test_a_compressed_answer_is_not_unpacked(receiver: Receiver) -> None:
    """A small answer cannot become a large one."""
    reply = Reply(body=b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"})
    (answer,) = deliver(destination(receiver.script("/zip", reply)))
    assert answer.outcome == "delivered"


def test_an_answer_that_never_comes(receiver: Receiver) -> None:
    """The attempt has one time-out for everything; no answer is tried again."""
    url = receiver.script("/hang", Reply(hang=True))
    (answer,) = deliver(destination(url), limits=SHORT)
    assert (answer.outcome, answer.status) == ("retry", None)
    assert answer.reason == "no answer from 127.0.0.1 within 0.5 s"


def test_a_slow_drip_has_an_end(receiver: Receiver) -> None:
    """Single bytes, each in time, do not make the attempt any longer; a status counts."""
    head = receiver.script("/drip-head", Reply(head_drip=0.05))
    body = receiver.script("/drip", Reply(201, b"x" * 1000, drip=0.05))
    first, second = deliver(destination(head), destination(body), limits=SHORT)
    assert (first.outcome, first.status) == ("retry", None)
    assert (second.outcome, second.status) == ("delivered", 201)
    assert 0 < len(second.text) < 100


def test_one_module_knows_the_http_client() -> None:
    """Another client is a change of one file."""
    package = Path(streamkit.delivery.__file__).parent.parent
    knowing = [
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if re.search(r"^\s*(import|from) (httpx|httpcore)", file.read_text(), re.MULTILINE)
    ]
    assert knowing == ["delivery/client.py"]


def test_the_limits_of_the_contract() -> None:
    """Connect 5 s, attempt 15 s in all."""
    assert (Limits().connect, Limits().attempt) == (5, 15)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("86400", 3600.0),
        ("Sun, 01 Mar 2026 10:02:00 GMT", 120.0),
        ("Sunday, 01-Mar-26 10:02:00 GMT", 120.0),
        ("Sun Mar  1 10:02:00 2026", 120.0),
        ("Sun, 01 Mar 2026 09:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 09:00:00 GMT", 3600.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(receiver: Receiver, header: str, seconds: float | None) -> None:
    """Seconds or a date, at most an hour; what is neither says nothing."""
    url = receiver.script("/later", Reply(503, headers={"Retry-After": header}))
    (answer,) = deliver(destination(url), clock=VirtualClock())
    assert (answer.outcome, answer.retry_after) == ("retry", seconds)


@given(st.text(max_size=40))
def test_retry_after_never_fails(header: str) -> None:
    """Whatever a server writes there."""
    seconds = retry_after_seconds(header, VirtualClock()())
    assert seconds is None or 0 <= seconds <= 3600


def test_retry_after_of_other_outcomes_is_nothing(receiver: Receiver) -> None:
    """Only an answer that is tried again holds the destination."""
    url = receiver.script("/other", Reply(200, headers={"Retry-After": "7"}))
    assert deliver(destination(url))[0].retry_after is None


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    """302, 303 and 307 are tried again at the same address, 301 and 308 are dead."""
    receiver.script("/elsewhere")
    location = {"Location": receiver.url + "/elsewhere"}
    url = receiver.script(
        "/moved", *(Reply(status, headers=location) for status in (301, 302, 307, 308))
    )
    answers = deliver(*[destination(url)] * 4)
    assert [answer.outcome for answer in answers] == ["dead", "retry", "retry", "dead"]
    assert receiver.received("/elsewhere") == []


def test_no_cookies(receiver: Receiver) -> None:
    """What one answer sets, no later request carries."""
    url = receiver.script("/cookie", Reply(headers={"Set-Cookie": "a=b; Path=/"}))
    deliver(destination(url), destination(url))
    assert [each.header("Cookie") for each in receiver.received("/cookie")] == [None, None]


def test_nothing_is_taken_from_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Neither proxies nor the passwords of a .netrc."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    (answer,) = deliver(destination(receiver.script("/environment")))
    assert answer.outcome == "delivered"
    assert receiver.requests[-1].header("Authorization") is None


def test_a_body_too_large_is_dead(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """256 KiB with the secrets filled in; nothing is sent."""
    monkeypatch.setenv("LONG", "x" * 100)
    url = receiver.script("/size")
    limit = 256 * 1024
    fits = Body(b"x" * (limit - 100), ((0, "env:LONG"),))
    exceeds = Body(b"x" * (limit - 99), ((0, "env:LONG"),))
    assert deliver(destination(url), body=fits)[0].outcome == "delivered"
    (answer,) = deliver(destination(url), body=exceeds)
    assert (answer.outcome, answer.status) == ("dead", None)
    assert "256 KiB" in answer.reason
    assert len(receiver.received("/size")) == 1


def test_secrets_in_the_body(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are filled in at their places, escaped as JSON, whatever the body holds besides."""
    monkeypatch.setenv("KEY", 'a"b\\c')
    body = Body(b'{"key":"","event":"env:KEY"}', ((8, "env:KEY"),))
    deliver(destination(receiver.script("/secret")), body=body)
    assert receiver.requests[-1].body == b'{"key":"a\\"b\\\\c","event":"env:KEY"}'


def test_a_secret_that_is_not_there_parks(receiver: Receiver) -> None:
    """A person has to put it there; the match is not lost and nothing is sent."""
    before = len(receiver.requests)
    answers = deliver(
        destination("env:NO_SUCH_VARIABLE"),
        destination(receiver.url, headers={"X-Api-Key": "file:/no/such/file"}),
        destination(receiver.url, {"type": "bearer", "token": "env:NO_SUCH_VARIABLE"}),
    )
    assert [answer.outcome for answer in answers] == ["parked"] * 3
    assert "NO_SUCH_VARIABLE" in answers[0].reason
    assert "/no/such/file" in answers[1].reason
    assert len(receiver.requests) == before


@pytest.mark.parametrize(
    "value", ["not a url", "http://shop.example/", "https://a b/", "file:///x"]
)
def test_an_odd_address_behind_a_reference_parks(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is behind a reference is checked like what is written, and not shown."""
    monkeypatch.setenv("HOOK", value)
    (answer,) = deliver(destination("env:HOOK"))
    assert answer.outcome == "parked"
    assert answer.reason.startswith("behind env:HOOK: ")
    assert value not in answer.reason


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Evil: 1", "é", " a", "a\x00b"])
def test_a_secret_cannot_break_a_header(
    receiver: Receiver, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break in a secret ends no header; the destination waits for a person."""
    before = len(receiver.requests)
    monkeypatch.setattr("os.environ", {"KEY": value})  # a real environment holds no NUL
    (answer,) = deliver(destination(receiver.url, headers={"X-Api-Key": "env:KEY"}))
    assert answer.outcome == "parked"
    assert "X-Api-Key" in answer.reason
    assert len(receiver.requests) == before


def test_a_name_that_leads_nowhere_is_tried_again() -> None:
    """Names come back."""

    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    async def empty(host: str, port: int) -> list[str]:
        return []

    for resolver in (nowhere, empty):
        (answer,) = deliver(destination("https://crm.example/"), resolver=resolver)
        assert (answer.outcome, answer.status) == ("retry", None)
        assert "crm.example leads to no address" in answer.reason


def test_a_name_that_takes_too_long_is_tried_again() -> None:
    """The time for the connection includes the name."""

    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    limits = Limits(connect=0.05)
    (answer,) = deliver(destination("https://crm.example/"), resolver=slow, limits=limits)
    assert answer.outcome == "retry"
    assert "no connection to crm.example within 0.05 s" in answer.reason


def test_a_closed_port_is_tried_again() -> None:
    """Endpoints come back too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (answer,) = deliver(destination(f"http://127.0.0.1:{port}/"))
    assert answer.outcome == "retry"
    assert "nothing takes connections at 127.0.0.1" in answer.reason


def test_the_next_address_is_tried(receiver: Receiver) -> None:
    """Of several addresses the first that takes the connection is used."""

    async def several(host: str, port: int) -> list[str]:
        return ["127.0.0.99", "127.0.0.1"]  # nobody listens on the first

    url = f"http://crm.example:{receiver.port}/next"
    (answer,) = deliver(destination(url, allow_http=True, allow_private=True), resolver=several)
    assert answer.outcome == "delivered"
    assert receiver.requests[-1].header("Host") == f"crm.example:{receiver.port}"


def test_many_at_once_share_connections(receiver: Receiver) -> None:
    """A wire is used concurrently; idle connections are used again."""
    url = receiver.script("/many", Reply(delay=0.01))
    before = receiver.connections

    async def run() -> list[str]:
        async with Wire() as wire:

            async def several(start: int) -> list[str]:
                there = destination(url)
                return [
                    (await wire.deliver(there, f"m{start + n}", BODY)).outcome for n in range(10)
                ]

            found = await asyncio.gather(*(several(10 * worker) for worker in range(8)))
            return [outcome for each in found for outcome in each]

    assert asyncio.run(run()) == ["delivered"] * 80
    ids = [each.header("Idempotency-Key") for each in receiver.received("/many")]
    assert sorted(map(str, ids)) == sorted(f"m{number}" for number in range(80))
    assert receiver.connections - before <= 16


def test_giving_up_leaves_the_wire_usable(receiver: Receiver) -> None:
    """An attempt that is cancelled closes its connection; the next one is as any other."""
    hang = receiver.script("/cancelled", Reply(hang=True), Reply())

    async def run() -> str:
        async with Wire() as wire:
            task = asyncio.create_task(wire.deliver(destination(hang), "m", BODY))
            await asyncio.to_thread(receiver.wait, len(receiver.requests) + 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            return (await wire.deliver(destination(hang), "m", BODY)).outcome

    assert asyncio.run(run()) == "delivered"


@settings(max_examples=40)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda rest: b"HTTP/1.1 " + rest),
        st.binary(max_size=60).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
        st.binary(max_size=60).map(lambda rest: b"HTTP/1.1 500 \r\nContent-Length: " + rest + b"\r\n\r\n"),
    )
)  # fmt: skip # a table reads better in rows
def test_no_bytes_of_a_server_raise(receiver: Receiver, raw: bytes) -> None:
    """Whatever a server sends is an answer; a 2xx status line always delivers."""
    (answer,) = deliver(destination(receiver.script("/raw", Reply(raw=raw))))
    if raw.startswith(b"HTTP/1.1 200 OK\r\n"):
        assert answer.outcome == "delivered"
    elif answer.status is None:
        assert answer.outcome == "retry"
