"""`send`, its command line and the live sink, against a real endpoint on loopback."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import History, Ledger, LedgerSink, Matcher, Schema, Stream, send
from streamkit.cli import run
from streamkit.delivery.ledger.streams import identity, read_known
from streamkit.delivery.ledger.tables import DESTINATIONS, MATCHES
from streamkit.delivery.routes import Route
from streamkit.delivery.settings import Settings
from streamkit.errors import DeliveryError
from streamkit.times import format_time, from_microseconds, to_microseconds
from tests.delivery.offers import Clock, candidate, offer, rows, states, stream
from tests.delivery.receiver import Receiver, Reply

NOW = datetime.now().astimezone().replace(microsecond=0)
SECRET = "canary-8d1f0c"  # noqa: S105 # a marker
FORGOTTEN = "u-forget-me-5512"


def events(count: int, *, begin: int = 0) -> pl.DataFrame:
    """An event a minute, the last of them now; two sessions take turns."""
    numbers = range(begin, begin + count)
    return pl.DataFrame(
        {
            "time": [NOW - timedelta(minutes=100 - number) for number in numbers],
            "event": ["A"] * count,
            "session_id": [f"s{number % 2}" for number in numbers],
            "user_id": [f"u{number % 2}" for number in numbers],
        }
    )


def history(frame: pl.DataFrame) -> History:
    return History(frame, Schema(time="time", name="event", session="session_id", user="user_id"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def to(receiver: Receiver, **changed: Any) -> Stream:
    destination = {"url": receiver.url + "/hook", "rate": 1000, **changed.pop("destination", {})}
    return stream(destination=destination, **changed)


def test_runs_go_on_where_the_last_one_ended(receiver: Receiver, place: str):
    """`since_last` looks through `late` again; what came late is found, nothing is sent twice."""
    of = to(receiver)
    first = send(of, history(events(10)), place, from_start=True)
    assert (first.streams[0].delivered, first.exit_code) == (10, 0)
    again = send(of, history(events(12)), place, since_last=True, late="3m")
    assert (again.streams[0].found, again.streams[0].known, again.streams[0].delivered) == (6, 4, 2)
    ids = [request.header("Idempotency-Key") for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 12
    assert again.to_dict()["streams"][0]["delivered"] == 2
    assert "Delivered 2" in repr(again)
    assert "Delivered 2" in again._repr_html_()


def test_a_wait_that_is_open_is_sent_by_a_later_run(receiver: Receiver, sqlite_place: str):
    """Pendings are never sent before their time."""
    of = to(receiver, steps=[{"event": "A"}, {"exclude": {"event": "B"}, "for": "10m"}])
    one = send(of, history(events(11)), sqlite_place, from_start=True)
    assert (one.streams[0].delivered, one.streams[0].pending) == (0, 11)
    two = send(of, history(events(15)), sqlite_place, since_last=True, late="0s")
    assert two.streams[0].delivered == 4


def test_a_dry_run_writes_and_sends_nothing(receiver: Receiver, tmp_path: Path):
    """It makes no ledger either, and says what would happen."""
    of = to(receiver, destination={"rate": 2})
    report = send(of, history(events(20)), tmp_path / "l.db", from_start=True, dry_run=True)
    assert report.streams[0].added == {"waiting": 20}
    assert report.seconds_to_send == 10
    assert "Sending would take about 10 seconds." in repr(report)
    assert len(report.samples["s"]) == 3
    assert (receiver.requests, list(tmp_path.iterdir())) == ([], [])
    with Ledger(tmp_path / "l.db") as ledger:
        send(of, history(events(20)), ledger, from_start=True, dry_run=True)
        assert rows(ledger) == {}


def test_a_dry_run_says_what_to_do_about_matches_that_are_too_old(
    receiver: Receiver, sqlite_place: str
):
    """Most of a past that nobody ever sent is older than `max_age`; the hint is for when most are."""
    of = to(receiver, destination={"max_age": "82m"})
    trial = partial(send, from_start=True, dry_run=True, clock=lambda: NOW)
    report = trial(of, history(events(20)), sqlite_place)
    assert report.streams[0].added == {"skipped: stale": 18, "waiting": 2}
    text = " ".join(repr(report).split())
    assert "18 would be skipped (18 too old)" in text
    assert "max_age: raise it to send them, or count them as sent with --mark-sent" in text
    assert "Sending would take less than a second." in text
    young = to(receiver, destination={"max_age": "90m"})
    assert "--mark-sent" not in repr(trial(young, history(events(20)), sqlite_place))


def test_a_run_that_would_send_too_much_is_refused_before_the_first_request(
    receiver: Receiver, sqlite_place: str
):
    """Nothing is written; the number is in the message."""
    with pytest.raises(DeliveryError, match="would send 20 matches") as caught:
        send(to(receiver), history(events(20)), sqlite_place, from_start=True, max_sends=19)
    assert caught.value.code == "too-many-sends"
    assert receiver.requests == []
    with Ledger(sqlite_place) as ledger:
        assert rows(ledger) == {}


def test_a_new_ledger_can_count_the_past_as_sent(receiver: Receiver, sqlite_place: str):
    """Then a run sends only what is new, and the cooldown knows the past."""
    of = to(receiver, cooldown={"for": "3m", "by": "session"})
    marked = send(of, history(events(10)), sqlite_place, from_start=True, mark_sent=True)
    assert marked.streams[0].added == {"delivered": 6, "skipped: cooldown": 4}
    assert receiver.requests == []
    report = send(of, history(events(14)), sqlite_place, since_last=True)
    assert report.streams[0].added == {"skipped: cooldown": 2, "waiting": 2}
    assert len(receiver.requests) == 2


def test_one_beginning_is_said(receiver: Receiver, sqlite_place: str):
    """Sending everything by accident is what nobody wants."""
    for given in ({}, {"since_last": True, "from_start": True}):
        with pytest.raises(DeliveryError) as caught:
            send(to(receiver), history(events(1)), sqlite_place, **given)  # type: ignore[arg-type]
        assert caught.value.code == "no-range"
    with pytest.raises(DeliveryError, match="no last time"):
        send(to(receiver), history(events(1)), sqlite_place, since_last=True)


def test_streams_need_a_destination_and_must_be_enabled(receiver: Receiver, sqlite_place: str):
    """All that lack one are named; a disabled one is left out and said so."""
    with pytest.raises(DeliveryError, match="no destination"):
        send(stream(), history(events(1)), sqlite_place, from_start=True)
    report = send(to(receiver, enabled=False), history(events(1)), sqlite_place, from_start=True)
    assert receiver.requests == []
    assert "not enabled" in report.notes[0]


def test_changed_ids_are_said_before_anything_is_sent(receiver: Receiver, sqlite_place: str):
    """A new name or another `per` would send everything again."""
    send(to(receiver), history(events(4)), sqlite_place, from_start=True)
    for changed in (to(receiver, per="user"), to(receiver, name="renamed")):
        with pytest.raises(DeliveryError) as caught:
            send(changed, history(events(4)), sqlite_place, from_start=True)
        assert caught.value.code == "new-ids"
    assert len(receiver.requests) == 4
    send(to(receiver, per="user"), history(events(4)), sqlite_place, from_start=True, accept_new_ids=True)  # fmt: skip
    assert len(receiver.requests) == 8


def test_bodies_that_wait_keep_their_bytes_when_the_payload_is_edited(
    receiver: Receiver, sqlite_place: str
):
    """And a notice says so, which goes to a webhook of its own as well."""
    receiver.script("/hook", Reply(503))
    before = to(receiver, payload={"json": {"v": 1}}, destination={"retry": ["1s"] * 30})
    send(before, history(events(2)), sqlite_place, from_start=True, time_budget="200ms")
    receiver.script("/hook", Reply(204, body=b""))
    after = to(receiver, payload={"json": {"v": 2}}, destination={"retry": ["1s"] * 30})
    settings = Settings.from_dict({"notices": {"url": receiver.url + "/notices"}})
    send(after, history(events(3)), sqlite_place, from_start=True, settings=settings)
    bodies = sorted(request.body for request in receiver.received("/hook")[-3:])
    assert bodies == [b'{"v":1}', b'{"v":1}', b'{"v":2}']
    (notice,) = receiver.received("/notices")
    assert json.loads(notice.body)["kind"] == "changed"


def test_no_secret_is_in_the_ledger_or_the_report(
    receiver: Receiver, sqlite_place: str, monkeypatch: pytest.MonkeyPatch
):
    """Bodies are kept without their secrets, answers that repeat one are masked."""
    monkeypatch.setenv("CANARY", SECRET)
    monkeypatch.setenv("CANARY_URL", f"{receiver.url}/hook?key={SECRET}")
    receiver.script("/hook", Reply(422, body=f"who is {SECRET}?".encode()))
    of = to(
        receiver,
        payload={"json": {"token": ["secret", "env:CANARY"]}},
        destination={"url": "env:CANARY_URL", "headers": {"X-Key": "env:CANARY"}},
    )
    report = send(of, history(events(2)), sqlite_place, from_start=True)
    assert SECRET.encode() in receiver.requests[0].body
    with Ledger(sqlite_place) as ledger:
        letters = ledger.dead_letters()
        shown = json.dumps(ledger.why(letters[0]["match_id"])) + json.dumps(
            ledger.status().to_dict()
        )
    shown += repr(report) + report._repr_html_() + json.dumps(report.to_dict())
    kept = b"".join(path.read_bytes() for path in Path(sqlite_place).parent.iterdir())
    assert SECRET not in shown
    assert SECRET.encode() not in kept
    assert report.exit_code == 1


def test_fewer_sends_than_none_are_refused(receiver: Receiver, sqlite_place: str):
    """From Python as from the command line, before anything is read."""
    with pytest.raises(DeliveryError, match="max_sends is -1") as caught:
        send(to(receiver), history(events(1)), sqlite_place, from_start=True, max_sends=-1)
    assert caught.value.problems[0].hint is not None
    assert receiver.requests == []


def test_a_run_says_why_matches_wait(receiver: Receiver, sqlite_place: str):
    """A time that is over is never given as the next try."""
    of = to(receiver, destination={"retry": ["1m"] * 30})
    receiver.script("/hook", Reply(503))
    clock = Clock(NOW)
    with Ledger(sqlite_place, clock=clock) as ledger:
        again = partial(
            send, of, history(events(30)), ledger, from_start=True, clock=clock, time_budget="0s"
        )
        again()
        route = Route.of(of)
        fails = {"failures": 10, "opened_at": 1, "probe_at": to_microseconds(NOW) + 90_000_000}
        ledger.write(
            lambda each: each.execute(
                DESTINATIONS.update().where(DESTINATIONS.c.id == route.id).values(**fails)
            )
        )
        clock.advance(seconds=30)
        probe = format_time(from_microseconds(fails["probe_at"]))
        assert again().streams[0].waits_for == f"the destination fails, next probe {probe}"
        ledger.write(lambda each: each.execute(MATCHES.update().values(destination=route.label)))
        assert f"next probe {probe}" in " ".join(repr(ledger.status()).split())
        clock.advance(hours=1)
        assert "next probe with the next run" in " ".join(repr(ledger.status()).split())
        ledger.resume(route.label)
        assert ledger.status().streams["s"]["waits_for"] == "next try with the next run"
        ledger.pause(route.label)
        assert "the destination is paused" in again().streams[0].waits_for
        ledger.pause("s")
        report = again()
        assert "the stream is paused" in " ".join(repr(report).split())
        assert report.streams[0].delivered == 0


def test_a_run_says_that_it_waits_for_another_sender(
    receiver: Receiver, sqlite_place: str, caplog: pytest.LogCaptureFixture
):
    """It may be dead; then nothing is sent until its leases end."""
    of, clock = to(receiver), Clock(NOW)
    until = to_microseconds(NOW) + 120_000_000
    with Ledger(sqlite_place, clock=clock) as ledger:
        again = partial(
            send, of, history(events(3)), ledger, from_start=True, clock=clock, time_budget="0s"
        )
        again()
        assert caplog.messages == []
        held = {"lease": "dead", "leased_until": until}
        ledger.write(lambda each: each.execute(MATCHES.update().values(**held)))
        with caplog.at_level(logging.WARNING):
            report = again()
    when = format_time(from_microseconds(until))
    assert caplog.messages == [f"waits for 3 matches that another sender holds, until {when} at the latest"]  # fmt: skip
    assert report.streams[0].waits_for == f"a sender holds them, until {when} at the latest"


# What is kept and what is forgotten


def test_a_purge_takes_a_time_as_people_write_it(sqlite_place: str):
    """As text, a day or a time; anything else is an error of the ledger's."""
    of = stream()
    with Ledger(sqlite_place, clock=Clock()) as ledger:
        offer(ledger, of, [candidate(of, 1)], mark_sent=True)
        for early in ("2020-01-01", date(2020, 1, 1), "2020-01-01T00:00:00+01:00"):
            assert ledger.purge(early).tombstones == 0
        assert ledger.purge("2027-01-01").tombstones == 1
        for wrong in ("soon", "2027-02-30", 5):
            with pytest.raises(DeliveryError, match="is not a time"):
                ledger.purge(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("hashed", [False, True])
def test_tombstones_keep_every_rule(place: str, hashed: bool):
    """After a purge nothing is sent that was not to be sent before."""
    clock = Clock()
    made: list[tuple[Stream, list[Any]]] = []
    for frequency in ("once", "per_start", "non_overlapping", "every"):
        of = stream(
            frequency, steps=[{"event": "A"}, {"event": "B"}], within="1h", frequency=frequency,
            cooldown={"for": "5s", "by": "key"},
        )  # fmt: skip
        made.append((of, [candidate(of, at, first=at - 4) for at in (10, 12, 16)]))
    with Ledger(place, clock=clock) as ledger:
        for of, found in made:
            offer(ledger, of, found[:1], mark_sent=True)
        clock.advance(hours=1)
        purged = ledger.purge(clock(), hashed=hashed)
        assert purged.tombstones == 4
        for of, found in made:
            assert offer(ledger, of, found[:1]).counts["known"] == 1
            offer(ledger, of, found[1:])
        refused = [states(ledger, found[1:]) for _, found in made]
        texts = [row.key for row in rows(ledger).values() if row.is_purged]
    assert refused == [
        ["frequency", "frequency"], ["cooldown", "waiting"], ["frequency", "waiting"],
        ["cooldown", "waiting"],
    ]  # fmt: skip
    assert all(text.startswith("sha256:") for text in texts) is hashed


def test_a_user_is_forgotten(sqlite_place: str):
    """Not a byte is left, nothing of the user's is sent, and the sum still holds."""
    of = stream(per="user", frequency="once")
    with Ledger(sqlite_place) as ledger:
        own = [candidate(of, at, key=FORGOTTEN, user=FORGOTTEN) for at in (1, 2)]
        offer(ledger, of, [*own, candidate(of, 3, key="u2", user="u2")])
        assert FORGOTTEN.encode() in b"".join(p.read_bytes() for p in Path(sqlite_place).parent.iterdir())  # fmt: skip
        assert ledger.forget(FORGOTTEN) == 2
        status = ledger.status()
        assert (status.counts["waiting"], status.adds_up) == (1, True)
        assert offer(ledger, of, own).counts["known"] == 2
    kept = b"".join(path.read_bytes() for path in Path(sqlite_place).parent.iterdir())
    assert FORGOTTEN.encode() not in kept


# Command line

Answer = tuple[int, str, str]


@pytest.fixture
def ask(tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:  # fmt: skip
    """Run a command; `{}` stands for a folder with events and a stream."""
    events(10).write_parquet(tmp_path / "events.parquet")
    url = receiver.url + "/hook"
    (tmp_path / "s.yaml").write_text(
        "name: s\nsteps: [{event: A}]\nfrequency: every\n"
        f"payload: {{json: {{n: 1}}}}\ndestination: {{url: '{url}', retry: none}}\n"
    )

    def ask(*words: str) -> Answer:
        code = run([word.replace("{}", str(tmp_path)) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ask


SEND = ("send", "{}/s.yaml", "--events", "{}/events.parquet", "--ledger", "{}/l.db")


def test_the_commands_of_a_scheduled_job(ask: Callable[..., Answer], receiver: Receiver):
    """Send, look, mend, try again: exit codes say whether a person is needed."""
    receiver.script("/hook", Reply(422), Reply(204, body=b""))
    code, out, _ = ask(*SEND, "--from-start", "--json")
    assert (code, json.loads(out)["streams"][0]["dead"]) == (1, 1)
    code, out, _ = ask("status", "--ledger", "{}/l.db")
    assert (code, out.splitlines()[0]) == (1, "10 matched = 9 delivered + 1 dead + 0 skipped + 0 waiting")  # fmt: skip
    code, out, _ = ask("dead-letters", "list", "--ledger", "{}/l.db", "--json")
    (letter,) = json.loads(out)
    assert code == 1
    _, out, _ = ask("status", "--ledger", "{}/l.db", "--why", letter["match_id"])
    assert "422 Unprocessable" in out
    code, _, err = ask("dead-letters", "retry", "--ledger", "{}/l.db")
    assert (code, "1 dead letters would be sent again" in err) == (2, True)
    assert ask("dead-letters", "retry", "--ledger", "{}/l.db", "--yes")[0] == 0
    assert ask(*SEND, "--since-last")[0] == 0
    code, out, _ = ask("status", "--ledger", "{}/l.db", "--json")
    assert (code, json.loads(out)["delivered"]) == (0, 10)
    assert json.loads(out)["notices"] == [], "the dead letters are delivered"


def test_dead_letters_are_rendered_again_under_a_new_id(
    ask: Callable[..., Answer], receiver: Receiver, tmp_path: Path
):
    """The bytes of an id never change."""
    receiver.script("/hook", Reply(422), Reply(204, body=b""))
    ask(*SEND, "--from-start")
    before = (tmp_path / "s.yaml").read_text()
    (tmp_path / "s.yaml").write_text(before.replace("{n: 1}", "{n: 2}"))
    words = ("--rerender", "{}/s.yaml", "--events", "{}/events.parquet", "--yes")
    code, out, _ = ask("dead-letters", "retry", "--ledger", "{}/l.db", *words)
    assert (code, out) == (0, "1 of 1 dead letters wait again.\n")
    assert ask(*SEND, "--since-last")[0] == 0
    first, last = receiver.requests[0], receiver.requests[-1]
    assert (first.body, last.body) == (b'{"n":1}', b'{"n":2}')
    assert first.header("Idempotency-Key") != last.header("Idempotency-Key")
    code, out, _ = ask("status", "--ledger", "{}/l.db")
    assert (code, "skipped: sent again under a new id: 1\n" in out) == (0, True)


def test_fewer_sends_than_none_are_bad_input(ask: Callable[..., Answer]):
    """With a hint."""
    code, _, err = ask(*SEND, "--from-start", "--max-sends", "-1")
    assert (code, "0 or more" in err) == (2, True)


def test_an_interrupt_ends_sending_with_a_report(
    ask: Callable[..., Answer], receiver: Receiver, tmp_path: Path
):
    """Requests under way end and are written down, no more begin, and the rest waits."""
    events(60).write_parquet(tmp_path / "events.parquet")
    receiver.script("/hook", Reply(204, body=b"", delay=0.3))
    words = [word.replace("{}", str(tmp_path)) for word in (*SEND, "--from-start", "--json")]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamkit", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    receiver.wait(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    report = json.loads(out)
    (of,) = report["streams"]
    assert (process.returncode, report["interrupted"], err) == (130, True, b"")
    assert of["delivered"] == len(receiver.requests) < 60
    assert of["delivered"] + of["waiting"] == 60
    _, out, _ = ask("status", "--ledger", "{}/l.db", "--json")
    assert (json.loads(out)["delivered"], json.loads(out)["streams"]["s"]["leased"]) == (of["delivered"], 0)  # fmt: skip


def test_pause_and_resume(ask: Callable[..., Answer], receiver: Receiver):
    """A stream by its name; an unknown name is an error with the nearest one."""
    ask(*SEND, "--from-start", "--mark-sent")
    assert ask("pause", "s", "--ledger", "{}/l.db")[:2] == (0, "Paused: stream s. Its matches wait, and grow older.\n")  # fmt: skip
    code, _, err = ask("resume", "t", "--ledger", "{}/l.db")
    assert (code, "'t'" in err) == (2, True)
    assert ask("resume", "s", "--ledger", "{}/l.db", "--json")[1] == '{\n  "resumed": "stream s"\n}\n'  # fmt: skip


def test_commands_that_only_look_make_no_ledger(ask: Callable[..., Answer], tmp_path: Path):
    """A misspelt path is an error, not an empty ledger."""
    code, _, err = ask("status", "--ledger", "{}/no.db")
    assert (code, "there is no ledger" in err) == (2, True)
    assert not (tmp_path / "no.db").exists()


# Live


def test_matches_of_a_live_run_are_kept_and_sent(receiver: Receiver, sqlite_place: str):
    """A batch that comes again is known; a nightly `send` over the same events sends nothing."""
    of = to(receiver, cooldown={"for": "3m", "by": "session"})
    frame = events(20)
    schema = Schema(time="time", name="event", session="session_id", user="user_id")
    with Ledger(sqlite_place) as ledger:
        sink = LedgerSink(ledger, [of])
        try:
            matcher = Matcher([of], schema, needs=sink.needs)
            matches = [*matcher.push_many(frame.to_dicts()), *matcher.flush()]
            assert len(matches) > 3
            sink.put(1, matches)
            sink.put(1, matches)
            receiver.wait(len(matches))
        finally:
            sink.close()
        assert ledger.status().counts["delivered"] == len(matches)
        report = send(of, history(frame), ledger, from_start=True)
    assert report.streams[0].delivered == 0
    assert len(receiver.requests) == len(matches)


@pytest.mark.parametrize(("dedupe", "kept"), [("1m", 2), ("24h", 1)])
def test_the_schema_says_how_far_apart_an_event_may_come_twice(
    receiver: Receiver, sqlite_place: str, dedupe: str, kept: int
):
    """And what ids are made of, so that a later `send` notices when they change."""
    of = to(receiver, frequency="per_start", steps=[{"event": "A"}, {"event": "B"}], within="2m")
    roles = {"time": "time", "name": "event", "session": "session_id", "id": "id"}
    schema = Schema(**roles, dedupe=dedupe)
    came = [
        {"time": NOW + timedelta(minutes=late), "event": name, "session_id": "s", "id": id_}
        for late, name, id_ in ((-6, "A", "a"), (-5, "B", "b"), (-1, "A", "a"), (0, "B", "c"))
    ]
    matcher = Matcher([of], Schema(**roles, dedupe="1m"))
    with Ledger(sqlite_place) as ledger:
        sink = LedgerSink(ledger, [of], schema=schema, sends=False)
        sink.put(1, [*matcher.push_many(came), *matcher.flush()])
        sink.close()
        assert ledger.read(read_known)["s"].identity == identity(of, schema)
        found = [row.state for row in rows(ledger).values()]
    assert (len(found), found.count("waiting")) == (2, kept)


def test_a_state_and_a_ledger_in_one_file_agree(receiver: Receiver, sqlite_place: str):
    """Matches are handed over inside the state's transaction, or not at all."""
    of = to(receiver)
    schema = Schema(time="time", name="event", session="session_id", user="user_id")
    with Ledger(sqlite_place) as ledger:
        sink = LedgerSink(ledger, [of], sends=False)
        assert sink.path == Path(sqlite_place)
        matcher = Matcher([of], schema, needs=sink.needs)
        matches = [*matcher.push_many(events(5).to_dicts()), *matcher.flush()]

        def fails(connection: Any) -> None:
            sink.put_in(connection, matches)
            raise KeyError

        with pytest.raises(KeyError):
            ledger.write(fails)
        assert rows(ledger) == {}
        ledger.write(lambda connection: sink.put_in(connection, matches))
        assert len(rows(ledger)) == 5
        sink.close()
