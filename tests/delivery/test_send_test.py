"""Send test: one request, shown as it was sent, and why it was not taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import Connections, History, Stream, Trial, send_test
from streamkit.cli import run
from streamkit.delivery.wire import Limits, Wire
from streamkit.errors import DeliveryError, PayloadError
from streamkit.payload import Body

from .receiver import Receiver, Reply
from .sending import SHORT

SECRET = "s3cr3t-t0ken"  # noqa: S105 # a canary
EVENTS = pl.DataFrame(
    {
        "time": [datetime(2026, 3, 1, 10, minute, tzinfo=UTC) for minute in (0, 5, 9)],
        "event": ["order"] * 3,
        "session_id": ["s1", "s2", "s3"],
        "total": [10.5, 10.5, 99.0],
    }
)
PAYLOAD = {"json": {"id": ["var", "match.id"], "total": ["var", "event.0.total"]}}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)


CONNECTIONS = Connections({"crm": {"type": "bearer", "token": "env:TOKEN"}})


def stream(url: str, **more: Any) -> Stream:
    destination = {"url": url, "connection": "crm", **more}
    return Stream("orders", [{"event": "order"}], payload=PAYLOAD, destination=destination)


def test_it_shows_what_was_sent(receiver: Receiver) -> None:
    """Request line, headers with secrets hidden, body, status, answer and time."""
    url = receiver.script("/hook", Reply(201, f"thanks, {SECRET}".encode()))
    trial = send_test(stream(url), CONNECTIONS, body={"a": 1}, headers={"X-Extra": "more"})
    request = receiver.requests[-1]
    assert request.header("Authorization") == f"Bearer {SECRET}"
    assert request.header("X-Extra") == "more"
    assert trial.request == f"POST {url}"
    assert dict(trial.headers)["Authorization"] == "Bearer ***"
    assert dict(trial.headers)["X-Extra"] == "more"
    assert json.loads(trial.body) == {"a": 1}
    assert (trial.delivered, trial.status, trial.answer) == (True, 201, "thanks, ***")
    assert trial.seconds > 0
    for shown in (str(trial), trial._repr_html_(), json.dumps(trial.to_dict())):
        assert "201 Created" in shown
        assert "Idempotency-Key" in shown


def test_a_test_is_known_as_one(receiver: Receiver) -> None:
    """Its key starts with `test-` and is another each time, so no endpoint drops the second."""
    url = receiver.script("/key")
    for _ in range(2):
        send_test(stream(url), CONNECTIONS, body="{}")
    keys = [str(each.header("Idempotency-Key")) for each in receiver.received("/key")]
    assert all(key.startswith("test-") for key in keys)
    assert len(set(keys)) == 2


def test_a_made_up_match_or_a_real_one(receiver: Receiver) -> None:
    """Without a body one is made of the catalogue's values, or taken from a match."""
    from streamkit import backtest

    history, there = History(EVENTS), stream(receiver.script("/events"))
    send_test(there, CONNECTIONS, history=history)
    made_up = json.loads(receiver.requests[-1].body)
    assert made_up["total"] == 10.5
    match_id = backtest(there, history).matches["match_id"][2]
    trial = send_test(there, CONNECTIONS, history=history, match_id=match_id)
    assert json.loads(receiver.requests[-1].body) == {"id": match_id, "total": 99.0}
    assert dict(trial.headers)["Idempotency-Key"] != match_id
    with pytest.raises(PayloadError, match="no match"):
        send_test(there, CONNECTIONS, history=history, match_id="f" * 32)


def test_a_body_is_edited_and_sent_again(receiver: Receiver) -> None:
    """What was shown can be changed and sent, as text, bytes, plain data or a rendered body."""
    there = stream(receiver.script("/edit"))
    first = send_test(there, CONNECTIONS, body={"total": 1})
    for body in (first.body, first.body.encode(), json.loads(first.body), Body(b'{"total": 1}')):
        assert send_test(there, CONNECTIONS, body=body).delivered
        assert json.loads(receiver.requests[-1].body) == {"total": 1}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"a": 1,\n}', "no JSON in UTF-8 in line 2"),
        (b"\xff", "no JSON in UTF-8"),
        ({"a": float("nan")}, "no JSON"),
        ({"a": {1, 2}}, "no JSON"),
        (None, "nothing to send"),
    ],
)
def test_a_body_that_is_none(receiver: Receiver, body: Any, message: str) -> None:
    """A typo is found before anything is sent."""
    before = len(receiver.requests)
    with pytest.raises(DeliveryError, match=message):
        send_test(stream(receiver.url), CONNECTIONS, body=body)
    assert len(receiver.requests) == before


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "a"}, "header-form"),
        ({"authorization": "env:TOKEN"}, "header-form"),
        ({"X-Token": "plain"}, "plain-secret"),
        ({"X-A": "a\nb"}, "header-form"),
    ],
)
def test_headers_of_a_test_keep_the_rules(
    receiver: Receiver, headers: dict[str, str], code: str
) -> None:
    """They cannot break the request, override the connection or hold a secret in plain text."""
    with pytest.raises(DeliveryError) as caught:
        send_test(stream(receiver.url), CONNECTIONS, body={}, headers=headers)
    assert caught.value.code == code


def test_headers_of_a_test_replace_the_streams(receiver: Receiver) -> None:
    """Of two with one name the test's is sent, whatever its capital letters; also a secret."""
    there = stream(receiver.script("/replace"), headers={"X-Source": "stream"})
    trial = send_test(there, CONNECTIONS, body={}, headers={"x-source": "env:TOKEN"})
    assert receiver.requests[-1].header("X-Source") == SECRET
    assert ("x-source", "***") in trial.headers


@pytest.mark.parametrize(
    ("reply", "outcome", "cause"),
    [
        (Reply(400), "dead", "does not understand the body"),
        (Reply(401), "parked", "does not accept the credentials"),
        (Reply(403), "parked", "ask for the permission"),
        (Reply(404), "parked", "check the path"),
        (Reply(405), "dead", "check `method`"),
        (Reply(410), "parked", "gone for good"),
        (Reply(413), "dead", "too large"),
        (Reply(415), "dead", "Content-Type"),
        (Reply(422), "dead", "names and types"),
        (Reply(429), "retry", "slow down"),
        (Reply(500), "retry", "trouble of its own"),
        (Reply(301), "dead", "moved for good"),
        (Reply(307), "retry", "not followed"),
        (Reply(hang=True), "retry", "no answer from 127.0.0.1 within 0.5 s"),
        (Reply(cut="request"), "retry", "broke the connection"),
    ],
)
def test_likely_causes(receiver: Receiver, reply: Reply, outcome: str, cause: str) -> None:
    """Each failure has a sentence that says what to look at."""
    url = receiver.script("/cause", reply)
    limits = SHORT if reply.hang else Limits()
    trial = send_test(stream(url), CONNECTIONS, body={}, wire=lambda: Wire(limits=limits))
    assert (trial.outcome, trial.delivered) == (outcome, False)
    assert cause in trial.reason
    assert trial.verdict.startswith("Not delivered")


def test_likely_causes_before_any_answer(receiver: Receiver) -> None:
    """Names, addresses and secrets have their sentences too."""

    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    def attempt(url: str, **more: Any) -> str:
        there = stream(url, **more)
        return send_test(there, CONNECTIONS, body={}, wire=lambda: Wire(resolver=nowhere)).reason

    assert "leads to no address" in attempt("https://crm.example/")
    assert "leads to a private address" in attempt("https://10.0.0.1/")
    assert "NO_SUCH_HOOK is not set" in attempt("env:NO_SUCH_HOOK")
    assert "may not speak TLS" in attempt(f"https://127.0.0.1:{plain_server(receiver)}/")


def plain_server(receiver: Receiver) -> int:
    """A port that answers in plain text at once."""
    import socket
    import threading

    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with server:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    return int(server.getsockname()[1])


def test_it_runs_inside_a_running_loop(receiver: Receiver) -> None:
    """As in a notebook, whose thread has a loop of its own."""

    async def cell() -> Trial:
        return send_test(stream(receiver.script("/loop")), CONNECTIONS, body={})

    assert asyncio.run(cell()).delivered


def test_what_a_server_says_cannot_steer_a_terminal_or_a_page(receiver: Receiver) -> None:
    """Escape codes are made visible, HTML is escaped."""
    reply = Reply(400, b"\x1b[31mred\x1b[0m <script>alert(1)</script>\nnext")
    trial = send_test(stream(receiver.script("/evil", reply)), CONNECTIONS, body={})
    assert "\x1b" not in str(trial)
    assert "\\x1b[31mred" in str(trial)
    assert "<script>" not in trial._repr_html_()


STREAM = """\
name: orders
steps: [{event: order}]
payload: {json: {id: [var, match.id], total: [var, event.0.total]}}
destination: {url: URL, connection: crm}
"""
Answer = tuple[int, str, str]


@pytest.fixture
def ask(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run the command in a folder with a stream, a connection and events."""
    EVENTS.write_parquet(tmp_path / "events.parquet")
    (tmp_path / "orders.yaml").write_text(STREAM.replace("URL", receiver.url + "/cli"))
    (tmp_path / "connections.yaml").write_text("crm: {type: bearer, token: env:TOKEN}\n")
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "body.json").write_text('{"total": 5}')

    def ask(*words: str) -> Answer:
        code = run([word.replace("{}", str(tmp_path)) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ask


def test_the_command(ask: Callable[..., Answer], receiver: Receiver) -> None:
    """Exit code 0 if the endpoint took it, 1 if not; connections.yaml beside the stream is used."""
    receiver.script("/cli", Reply(200), Reply(401, b"who?"))
    code, out, err = ask("send-test", "{}/orders.yaml", "--events", "{}/events.parquet")
    assert (code, err) == (0, "")
    assert "Authorization: Bearer ***" in out
    assert '"total": 10.5' in out
    assert "Delivered in" in out
    words = ("send-test", "{}/orders.yaml", "--body", "{}/bodies/body.json", "--json")
    code, out, err = ask(*words, "--header", "X-Source: test: yes")
    answer = json.loads(out)
    assert (code, err) == (1, "")
    assert (answer["status"], answer["outcome"], answer["answer"]) == (401, "parked", "who?")
    assert ["X-Source", "test: yes"] in answer["headers"]
    assert receiver.requests[-1].body == b'{"total": 5}'
    assert SECRET not in out


def test_the_command_with_bad_input(ask: Callable[..., Answer], tmp_path: Path) -> None:
    """Exit code 2 and one readable line for what cannot be sent at all."""
    other = STREAM.replace("orders", "other").replace("URL", "env:HOOK")
    (tmp_path / "other.yaml").write_text(other)
    (tmp_path / "bodies" / "bad.json").write_text("{")
    for words, message in (
        (("{}/orders.yaml",), "nothing to send"),
        (("{}", "--body", "{}/bodies/body.json"), "2 streams"),
        (("{}/orders.yaml", "--body", "{}/bodies/bad.json"), "no JSON"),
        (("{}/orders.yaml", "--body", "{}/none.json"), "no such file"),
        (("{}/orders.yaml", "--body", "{}/bodies/body.json", "--header", "X"), "no colon"),
        (("{}/orders.yaml", "--body", "{}/bodies/body.json", "--connections", "{}/x.yaml"), "no such file"),
    ):  # fmt: skip
        code, out, err = ask("send-test", *words)
        assert (code, out) == (2, "")
        assert message in err


def test_check_tells_which_references_lead_somewhere(
    ask: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of connections and destinations, never what is there; exit code 1 if one does not."""
    words = ("check", "{}/orders.yaml", "--connections", "{}/connections.yaml")
    code, out, _ = ask(*words)
    assert code == 0
    assert "crm: token: env:TOKEN: found" in out
    assert SECRET not in out
    text = STREAM.replace("URL", "env:NO_SUCH_HOOK").replace(
        "{json: {", "{json: {k: [secret, env:K], "
    )
    (tmp_path / "orders.yaml").write_text(text)
    code, out, _ = ask(*words, "--json")
    references = {each["reference"]: each["found"] for each in json.loads(out)["references"]}
    assert (code, references) == (1, {"env:TOKEN": True, "env:NO_SUCH_HOOK": False, "env:K": False})
    assert SECRET not in out
    (tmp_path / "connections.yaml").write_text("crn: {type: none}\n")
    code, out, err = ask(*words)
    assert (code, out) == (2, "")
    assert "did you mean 'crn'?" in err
