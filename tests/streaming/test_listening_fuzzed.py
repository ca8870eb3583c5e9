"""Whatever is sent by HTTP: only expected answers, and the server is there afterwards."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.streaming.bodies import HttpLimits
from tests.streaming.posting import LONG, Taker, listening, post, send_raw, taking

EXPECTED = {200, 400, 403, 404, 405, 408, 413, 415, 429, 503}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
MANY = settings(max_examples=150)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
documents = st.lists(values, max_size=5) | st.dictionaries(st.text(), values)
kinds = st.sampled_from(["application/json", "application/x-ndjson", "a/b+json", "text/plain", ""])
words = st.text(st.characters(min_codepoint=32, max_codepoint=126))
names = st.sampled_from(
    ["Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Expect", "Host",
     "Authorization", "Connection", "Upgrade", "Origin", "X-Other", "Accept-Encoding"]
)  # fmt: skip
headers = st.dictionaries(
    names, st.sampled_from(["chunked", "close", "100-continue", "websocket", "gzip", "3"]) | words
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Taker]:
    """One source for all examples, with little patience."""
    with taking(limits=HttpLimits(seconds=0.5)) as taker:
        yield taker


def is_alive(taker: Taker) -> bool:
    """Whether a good request is still answered well."""
    answer = post(taker.source, "{}")
    return answer.status_code == 200 and taker.source.queue_length == 0


@given(document=documents, kind=kinds, indent=st.none() | st.integers(0, 2), cut=st.integers(0, 3))
@MANY
def test_any_json_is_taken_or_refused(
    shared: Taker, document: Any, kind: str, indent: int | None, cut: int
):
    """What is taken is what was sent; what is cut off is refused, never taken in part."""
    body = json.dumps(document, indent=indent, allow_nan=False) if _is_plain(document) else "{NaN}"
    sent = body[: len(body) - cut].encode()
    shared.events.clear()
    answer = post(shared.source, sent, kind)
    assert answer.status_code in {200, 400, 415}
    assert answer.headers["content-type"] == "application/json"
    if answer.status_code == 200:
        assert len(shared.events) == answer.json()["accepted"]
        if not cut:
            assert shared.events == (document if isinstance(document, list) else [document])
    else:
        assert answer.json()["error"]
        assert shared.events == []


def _is_plain(value: Any) -> bool:
    """Whether every JSON reader takes a value: no NaN."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@given(body=st.binary(max_size=300) | st.just(b"[" * 5000) | st.just(b'{"a":' * 3000), kind=kinds)
@MANY
def test_any_bytes_are_a_body(shared: Taker, body: bytes, kind: str):
    """Bytes that mean nothing are refused with a reason."""
    answer = post(shared.source, body, kind)
    assert answer.status_code in {200, 400, 415}


@given(
    method=st.sampled_from(["POST", "GET", "PUT", "HEAD", "OPTIONS", "POS T", "X" * 50]),
    path=st.sampled_from(["/events", "/events/", "/healthz", "*", "/%ff", "//", "/events?a=%00"]),
    headers=headers,
    body=st.binary(max_size=60) | st.just(b"2\r\n{}\r\n0\r\n\r\n") | st.just(b"{}"),
)
@MANY
def test_any_head_is_answered(
    shared: Taker, method: str, path: str, headers: dict[str, str], body: bytes
):
    """Odd methods, paths and headers, lengths that are wrong, encodings that nobody knows."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode() + body
    answer = send_raw(shared.source, request)
    assert {int(status) for status in STATUS.findall(answer)} <= EXPECTED | {100}


@given(data=st.binary(max_size=200) | st.text("GPOST /events\r\n:0123 HTTP.", max_size=80).map(str.encode))  # fmt: skip
@MANY
def test_any_bytes_are_a_connection(shared: Taker, data: bytes):
    """What is not HTTP at all is answered 400 or closed."""
    answer = send_raw(shared.source, data)
    assert {int(status) for status in STATUS.findall(answer)} <= EXPECTED
    assert is_alive(shared)


def test_of_many_clients_all_that_was_acknowledged_is_there_once():
    """With a small queue some are told to come again; they do, and nothing is lost or doubled."""
    clients, requests = 24, 20
    limits = HttpLimits(events=5, queue_events=8)
    accepted: list[int] = []

    def send(client: int) -> tuple[list[int], int]:
        """What one client was told is taken, and how often it was told to come again."""
        connection = http.client.HTTPConnection(source.address.host, source.address.port, LONG)
        taken, refused = [], 0
        for request in range(requests):
            ids = [(client * requests + request) * 5 + n for n in range(1 + request % 5)]
            body = json.dumps([{"id": each} for each in ids])
            while True:
                connection.request("POST", "/events", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    taken += ids
                    break
                assert answer.status == 429
                assert answer.headers["Retry-After"]
                refused += 1
        connection.close()
        return taken, refused

    with listening(limits=limits) as source, ThreadPoolExecutor(clients) as pool:
        # until the queue has been full once nothing is taken from it
        sending = [pool.submit(send, client) for client in range(clients)]
        while source.queue_length < 4:
            wait(sending, timeout=0.01, return_when=FIRST_EXCEPTION)
            assert not any(each.done() for each in sending)
        taker = Taker(source)
        results = [each.result(LONG) for each in sending]
        taker.stop()
        read = [event["id"] for event in taker.events]
    for taken, _ in results:
        accepted += taken
    assert sum(refused for _, refused in results) > 0
    assert len(accepted) == clients * requests * 3
    assert sorted(read) == sorted(accepted)
    assert source.queue_length == source._waiting.bytes == 0
