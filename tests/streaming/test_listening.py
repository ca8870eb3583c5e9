"""Events by HTTP: what is acknowledged is safe, and nothing that is sent can hurt."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamkit import EventsError, StreamkitError
from streamkit.streaming.bodies import HttpLimits
from streamkit.streaming.listening import HttpSource
from tests.streaming.posting import LONG, Taker, listening, post, read_all, taking

JSON, NDJSON = "application/json", "application/x-ndjson"
A, B = {"event": "A", "n": 1}, {"event": "B", "n": 2}
SESAME = "s3cret"
LINES = f"{json.dumps(A)}\n\r\n{json.dumps(B)}\n"
INDENTED = json.dumps(A, indent=2)


@pytest.fixture(scope="module")
def shared() -> Iterator[Taker]:
    """One source for the many tests of single requests."""
    with taking() as taker:
        yield taker


@pytest.fixture
def taker(shared: Taker) -> Taker:
    shared.events.clear()
    return shared


@pytest.mark.parametrize(
    ("body", "kind", "events"),
    [
        (json.dumps(A), JSON, [A]),
        (INDENTED, JSON, [A]),
        ("\ufeff" + json.dumps(A), "application/json; charset=UTF-8", [A]),
        (json.dumps([A, B]), JSON, [A, B]),
        (json.dumps([A, B], indent=2), NDJSON, [A, B]),
        (LINES, NDJSON, [A, B]),
        (LINES, JSON, [A, B]),
        (LINES, "application/cloudevents+json", [A, B]),
        ('{"text": "a\u2028b"}\n{}', NDJSON, [{"text": "a\u2028b"}, {}]),
        ('{"n": 1, "n": 2, "big": 123456789012345678901234567890}', JSON,
         [{"n": 1, "big": 123456789012345678901234567890}]),
        ('[1, null, "x", {}]', JSON, [1, None, "x", {}]),
        ("[]", JSON, []),
    ],
)  # fmt: skip
def test_an_object_an_array_or_lines_are_events(
    taker: Taker, body: str, kind: str, events: list[Any]
):
    """By content type and by shape; what is no object is left to the matcher, which counts it."""
    answer = post(taker.source, body.encode(), kind)
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(events)})
    assert taker.events == events


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        ("", JSON, 400, "empty"),
        (" \n", NDJSON, 400, "empty"),
        ("7", JSON, 400, "begins with no"),
        (b"\xff{}", JSON, 400, "not UTF-8 at byte 0"),
        ("{'a': 1}", JSON, 400, "line 1 column 2"),
        ('{"a": 1}\n{"a": \n', NDJSON, 400, "line 2"),
        ('{"a": 1}\n{"a": \n', JSON, 400, "line 2"),
        ('[{"a": 1},\n {"a" 1}]', JSON, 400, "line 2 column 7"),
        ('{"a": NaN}', JSON, 400, "NaN"),
        ('{"a": "\\ud800"}', JSON, 400, "half characters"),
        ("[" * 200_000, JSON, 400, "deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, JSON, 400, "deeper than 64"),
        ('{}\n{"a":' + "[" * 64 + "]" * 64 + "}", NDJSON, 400, "line 2: an event nests deeper"),
        ("[" + "{}," * 10_000 + "{}]", JSON, 413, "10,001 events"),
        ("{}\n" * 10_001, NDJSON, 413, "10,001 events"),
        ('{"a": "' + "x" * 1_048_576 + '"}', JSON, 413, "larger than 1,048,576"),
        ("{}", "text/plain", 415, "application/json"),
        ("{}", "", 415, "application/json"),
        ("{}", "application/json; charset=latin-1", 415, "UTF-8"),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_whole_and_with_the_reason(
    taker: Taker, body: str | bytes, kind: str, status: int, reason: str
):
    """None of its events is taken, and the next request is."""
    answer = post(taker.source, body if isinstance(body, bytes) else body.encode(), kind)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert post(taker.source, json.dumps(A)).status_code == 200
    assert taker.events == [A]
    assert taker.source._waiting.bytes == taker.source.queue_length == 0


def test_as_deep_and_as_much_as_the_limits_say_is_taken(taker: Taker):
    """Brackets in texts are no nesting."""
    deep = '{"a":' * 64 + "1" + "}" * 64
    texts = json.dumps({"a": '["\\' * 100, "b": "{" * 100})
    for body in (deep, f"[{deep}]", texts, "{}\n" * 10_000):
        assert post(taker.source, body).status_code == 200


def test_a_body_without_a_length_is_bounded_too(taker: Taker):
    """It is cut off when it has become too large, whoever did not say how large it is."""

    def chunks() -> Any:
        for _ in range(40):
            yield b" " * 50_000

    assert post(taker.source, chunks()).status_code == 413
    assert post(taker.source, iter([b'{"a"', b": 1}"])).status_code == 200


def test_a_compressed_body_is_refused(taker: Taker):
    """A small one could be a very large one."""
    assert post(taker.source, gzip.compress(b"{}"), content_encoding="gzip").status_code == 415


def test_other_places_and_methods_are_refused():
    """And health is told to everybody."""
    with listening(token=SESAME) as source:
        base = f"http://{source.address}"
        assert httpx.get(f"{base}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{base}/events").status_code == 405
        assert httpx.post(f"{base}/events/").status_code == 404


def test_nothing_is_acknowledged_before_it_is_committed():
    """Of two requests that were read only the one is answered 2xx whose events are committed."""
    with ThreadPoolExecutor() as pool, listening() as source:
        first = pool.submit(post, source, json.dumps(A))
        one = source.read(timeout=LONG)
        second = pool.submit(post, source, json.dumps(B))
        two = source.read(timeout=LONG)
        assert one is not None
        assert two is not None
        assert (one.events, two.events) == ([A], [B])
        source.committed(one.position)
        assert first.result(LONG).status_code == 200
        source.close()
        answer = second.result(LONG)
        assert answer.status_code == 503
        assert "may be kept" in answer.json()["error"]
        assert answer.headers["retry-after"]


def test_what_is_not_committed_in_time_is_not_acknowledged():
    """The client is told to send it again; the events may be kept."""
    with listening(limits=HttpLimits(seconds=0.05)) as source:
        assert post(source, json.dumps(A)).status_code == 503
        arrived = source.read(timeout=LONG)
        assert arrived is not None
        assert arrived.events == [A]
        source.committed(arrived.position)
        assert source.queue_length == 0


def test_positions_go_on_where_the_state_was():
    """So a position always means later requests than one before."""
    with ThreadPoolExecutor() as pool, listening() as source:
        source._waiting.start(41)
        answer = pool.submit(post, source, json.dumps(A))
        arrived = source.read(timeout=LONG)
        assert arrived is not None
        assert arrived.position == 42
        source.committed(41)
        source.committed(42)
        assert answer.result(LONG).status_code == 200


def test_a_full_queue_says_when_to_come_again():
    """What was read and is not committed counts; there is room again after the commit."""
    limits = HttpLimits(events=2, queue_events=3)
    with ThreadPoolExecutor() as pool, listening(limits=limits) as source:
        waiting = pool.submit(post, source, json.dumps([A, B]))
        arrived = source.read(timeout=LONG)
        assert arrived is not None
        refused = post(source, json.dumps([A, B]))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        source.committed(arrived.position)
        assert waiting.result(LONG).status_code == 200
        again = pool.submit(post, source, json.dumps([A, B]))
        arrived = source.read(timeout=LONG)
        assert arrived is not None
        source.committed(arrived.position)
        assert again.result(LONG).status_code == 200


def test_bytes_are_bounded_as_events_are():
    """Many large bodies are no way around the queue's length."""
    limits = HttpLimits(body_bytes=1000, queue_bytes=1500)
    body = json.dumps({"a": "x" * 900})
    with ThreadPoolExecutor() as pool, listening(limits=limits) as source:
        waiting = pool.submit(post, source, body)
        arrived = source.read(timeout=LONG)
        assert arrived is not None
        assert post(source, body).status_code == 429
        source.committed(arrived.position)
        assert waiting.result(LONG).status_code == 200


def test_a_client_that_goes_away_leaves_its_events(taker: Taker):
    """Nobody can take back what was sent whole: at least once."""
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((taker.source.address.host, taker.source.address.port)) as one:
        one.sendall(head + b"Content-Length: 2\r\n\r\n{}")
    with socket.create_connection((taker.source.address.host, taker.source.address.port)) as two:
        two.sendall(head + b"Content-Length: 9\r\n\r\n{}")  # and never the rest
    assert post(taker.source, json.dumps(A)).status_code == 200
    assert taker.events in ([{}, A], [A, {}])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"POST /ev", b""),
        (b"POST /events HTTP/1.1\r\nHost: x\r\n", b""),
        (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", b"408"),
        (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n{", b"415"),
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half a refused body"],
)  # fmt: skip
def test_a_slow_client_is_let_go(sent: bytes, status: bytes):
    """A client that does not send what it began holds its connection for the limit and no longer."""
    with listening(limits=HttpLimits(seconds=0.1)) as source:
        place = (source.address.host, source.address.port)
        with socket.create_connection(place, LONG) as connection:
            connection.sendall(sent)
            answer = read_all(connection)
        assert answer.partition(b" ")[2][:3] == status
        assert httpx.get(f"http://{source.address}/healthz").status_code == 200


def test_connections_are_bounded():
    """One too many is told to come again, and there is room again when another one has left."""
    with taking(limits=HttpLimits(connections=1)) as taker:
        place = (taker.source.address.host, taker.source.address.port)
        with socket.create_connection(place, LONG) as first:
            request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            first.sendall(request)
            assert first.recv(100).startswith(b"HTTP/1.1 200")  # it is counted by now
            assert post(taker.source, json.dumps(A)).status_code == 503
        for _ in range(1000):
            if post(taker.source, json.dumps(A)).status_code == 200:
                break
        else:
            pytest.fail("the connection that was closed counts for ever")


def test_off_loopback_a_token_is_needed():
    """Else everybody who reaches the port could make messages go out."""
    for address in ("0.0.0.0:0", "[::]:0"):
        with pytest.raises(EventsError, match="could send events") as caught:
            HttpSource(address)
        assert caught.value.code == "no-token"
    with listening(address="0.0.0.0:0", token=SESAME) as source:
        port = source.address.port
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_only_who_knows_the_token_sends_events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Plain, from the environment or from a file; the same answer to all other headers."""
    monkeypatch.setenv("EVENTS_TOKEN", "s3cret")
    (tmp_path / "token").write_text("s3cret\n")
    for reference in ("s3cret", "env:EVENTS_TOKEN", f"file:{tmp_path / 'token'}"):
        with taking(token=reference) as taker:
            for header in (
                "",
                "s3cret",
                "Bearer",
                "Bearer s3cre",
                "Bearer s3cret2",
                "Basic s3cret",
            ):
                answer = post(taker.source, "{}", authorization=header)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
            assert post(taker.source, "{}", authorization="bearer s3cret").status_code == 200


def test_a_token_shows_nowhere(caplog: pytest.LogCaptureFixture):
    """Not in a repr, not in an error, and not in a log at any level; nor do events."""
    caplog.set_level(logging.DEBUG)
    with taking(token=SESAME) as taker:
        post(taker.source, '{"name": "Ada"}', authorization="Bearer s3cret")
        post(taker.source, '{"name": "Ada"', authorization="Bearer s3cret")
        assert "s3cret" not in repr(taker.source)
        assert "s3cret" not in repr(vars(taker.source))
    assert "s3cret" not in caplog.text
    assert "Ada" not in caplog.text


@pytest.mark.parametrize(
    "token", ["", "env:NO_SUCH_VARIABLE", "file:/no/such/file", "two words", "ä"]
)
def test_a_token_that_cannot_be_is_refused(token: str):
    """Before anything listens, and without saying it."""
    with pytest.raises(StreamkitError) as caught:
        HttpSource("127.0.0.1:0", token=token)
    assert caught.value.code in ("unresolved-secret", "bad-token")
    assert caught.value.hint


def test_the_command_line_names_the_token(streams: Path, schema_file: Path):
    """Every program of the machine sees the words of a command."""
    words = ["live", streams, "--schema", schema_file, "--matches", "out.ndjson"]
    words += ["--listen", "127.0.0.1:0", "--token", SESAME]
    command = [sys.executable, "-m", "streamkit", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--token env:NAME" in done.stderr
    assert SESAME not in done.stderr


def test_a_web_page_sends_nothing_without_a_token():
    """A browser on the machine reaches loopback too, for whatever page is open in it."""
    with taking() as taker:
        assert post(taker.source, "{}", origin="https://example.org").status_code == 403
    with taking(token=SESAME) as taker:
        answer = post(taker.source, "{}", origin="https://a.org", authorization="Bearer s3cret")
        assert answer.status_code == 200


def test_ipv6_and_names_are_addresses():
    """Every address that a name stands for is listened on."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with taking(address="[::1]:0") as taker:
            assert post(taker.source, json.dumps(A)).status_code == 200
            assert str(taker.source.address).startswith("[::1]:")
    except EventsError:
        pytest.skip("this machine has no IPv6 loopback")
    with taking(address="localhost:0") as taker:
        assert post(taker.source, json.dumps(A)).status_code == 200


@pytest.mark.parametrize(
    "address", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000", "::1:80",
                "no host:1", "http://127.0.0.1:80", "no-such-host.invalid:80", None],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: Any):
    """With the form that is right."""
    with pytest.raises(EventsError) as caught:
        HttpSource(address, token=SESAME)
    assert caught.value.code == "bad-address"


def test_a_port_that_is_taken_is_said():
    """One line, and not a traceback of a server."""
    with listening() as source:
        other = HttpSource(str(source.address))
        with pytest.raises(EventsError, match=r"cannot listen on 127\.0\.0\.1") as caught:
            other.open(None)
        assert caught.value.code == "cannot-listen"
        other.close()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """The library does not need a web server until somebody listens."""
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(EventsError, match=r"streamkit\[listen\]"):
        HttpSource("127.0.0.1:0")


def test_limits_that_take_nothing_are_refused():
    """A queue smaller than one request would never take that request."""
    for wrong in ({"events": 0}, {"seconds": -1}, {"queue_events": 5}, {"queue_bytes": 5}):
        with pytest.raises(ValueError, match=r"positive|queue"):
            HttpLimits(**wrong)


def test_after_closing_nothing_is_taken():
    """A second close does nothing, and a source that was never open closes too."""
    HttpSource("127.0.0.1:0").close()
    with listening() as source:
        source.close()
        assert source.read(timeout=0) is None
        with pytest.raises(httpx.ConnectError):
            post(source, "{}")


def test_requests_behind_each_other_in_one_connection_are_all_answered(taker: Taker):
    """Keep-alive and pipelining."""
    request = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    last = request.replace(b"Host: x", b"Host: x\r\nConnection: close")
    place = (taker.source.address.host, taker.source.address.port)
    with socket.create_connection(place, LONG) as connection:
        connection.sendall(request * 2 + last)
        assert read_all(connection).count(b"200 OK") == 3
    assert taker.events == [{}] * 3
    with httpx.Client() as client:
        for _ in range(3):
            url = f"http://{taker.source.address}/events"
            sent = client.post(url, content="{}", headers={"content-type": JSON})
            assert sent.status_code == 200
