"""Nothing is lost, doubled or changed: endpoints that do anything, senders killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from streamkit.delivery.ledger import Ledger
from streamkit.errors import DeliveryError
from tests.delivery import killed_sender
from tests.delivery.offers import candidate, offer, rows, stream
from tests.delivery.postgres import Postgres
from tests.delivery.receiver import Received, Receiver, Reply

MATCHES = 120
FIRE = (
    Reply(500),
    Reply(503, close=True),
    Reply(429, headers={"Retry-After": "0"}),
    Reply(302, headers={"Location": "http://127.0.0.1:1/"}),
    Reply(401),
    Reply(404),
    Reply(410),
    Reply(hang=True),
    Reply(cut="request", reset=True),
    Reply(cut="half"),
    Reply(cut="body"),
    Reply(size=50_000_000, close=True),
    Reply(body=b"x" * 40, drip=0.05),
    Reply(raw=b"no HTTP at all\r\n\r\n"),
)
REFUSALS = (Reply(422), Reply(301, headers={"Location": "/"}))


def under_fire(chance: random.Random) -> Callable[[Received], Reply]:
    """Mostly taken, often trouble, now and then refused for good."""

    def answer(_: Received) -> Reply:
        number = chance.random()
        if number < 0.55:
            return Reply(204, body=b"")
        return chance.choice(FIRE) if number < 0.98 else chance.choice(REFUSALS)

    return answer


def fill(place: str, count: int = MATCHES) -> dict[str, bytes]:
    """Hand matches over; gives their bodies by id."""
    of = stream()
    with Ledger(place) as ledger:
        found = [candidate(of, -number, key=f"k{number}") for number in range(count)]
        offer(ledger, of, found)
        return {match_id: bytes(row.body) for match_id, row in rows(ledger).items()}


def start(place: str, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.delivery.killed_sender", place, url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def check(place: str, bodies: dict[str, bytes], receiver: Receiver) -> dict[str, str]:
    """What must hold whatever has happened; gives the states."""
    with Ledger(place, create=False) as ledger:
        status, found = ledger.status(), rows(ledger)
    assert status.adds_up
    assert set(found) == set(bodies)
    for row in found.values():
        assert row.state in ("delivered", "dead", "waiting", "skipped")
        assert row.reason or row.state in ("delivered", "waiting")
    sent: dict[str, set[bytes]] = defaultdict(set)
    for request in list(receiver.requests):
        sent[str(request.header("Idempotency-Key"))].add(request.body)
    delivered = {match_id for match_id, row in found.items() if row.state == "delivered"}
    assert delivered <= set(sent) <= set(bodies)
    assert all(sent[match_id] == {bodies[match_id]} for match_id in sent)
    return {match_id: row.state for match_id, row in found.items()}


def resume(place: str) -> None:
    """What a person does when a destination is parked."""
    with Ledger(place) as ledger:
        for label in ledger.status().destinations:
            ledger.resume(label)


def wait(receiver: Receiver, more: int, senders: list[subprocess.Popen[bytes]]) -> None:
    """Wait for more requests, or until the senders have nothing left that they may try."""
    wanted, end = len(receiver.requests) + more, time.monotonic() + 20
    while len(receiver.requests) < wanted and time.monotonic() < end:
        if all(sender.poll() is not None for sender in senders):
            return
        time.sleep(0.005)


def finish(place: str, url: str) -> None:
    """Send the rest to an endpoint that is well again."""
    resume(place)
    killed_sender.run(place, url, 60)


KILLS = (
    pytest.param(5, id="always"),
    pytest.param(100, id="soak", marks=[pytest.mark.soak, pytest.mark.slow]),
)


@pytest.mark.parametrize("kills", KILLS)
def test_senders_killed_at_random_points_lose_and_change_nothing(place: str, kills: int):
    """Two at a time on one ledger, killed by SIGKILL, under fire; in the end all is settled."""
    bodies = fill(place, MATCHES if kills < 10 else 20 * MATCHES)
    chance = random.Random(kills)
    with Receiver() as receiver:
        url = receiver.script("/hook", under_fire(chance))
        senders = [start(place, url), start(place, url)]
        try:
            for _ in range(kills):
                wait(receiver, chance.randrange(1, 25), senders)
                victim = senders.pop(0)
                victim.send_signal(signal.SIGKILL)
                victim.communicate()
                check(place, bodies, receiver)
                resume(place)  # or parking ends the fire early
                senders.append(start(place, url))
        finally:
            for sender in senders:
                sender.kill()
                sender.communicate()
        receiver.script("/hook", Reply(204, body=b""))
        finish(place, url)
        states = check(place, bodies, receiver)
    assert set(states.values()) <= {"delivered", "dead"}
    assert list(states.values()).count("delivered") > len(bodies) * 0.8


def test_a_database_that_restarts_in_the_middle_is_waited_for(postgres: Postgres):
    """The sender goes on, and nothing is lost or sent under another id."""
    place = postgres.new_database()
    bodies = fill(place, 100)
    with Receiver() as receiver:
        url = receiver.script("/hook", Reply(204, body=b"", delay=0.05))
        sender = start(place, url)
        receiver.wait(10)
        postgres.restart()
        _, complaint = sender.communicate(timeout=60)
        assert sender.returncode == 0, complaint.decode()
        finish(place, url)
        states = check(place, bodies, receiver)
    assert set(states.values()) == {"delivered"}


def limit_pages(ledger: Ledger, pages: int) -> None:
    """Make the disk full at so many pages, as SQLite sees it."""

    def set_limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    event.listen(ledger.engine, "begin", set_limit)


def test_a_full_disk_is_an_error_and_nothing_committed_is_lost(sqlite_place: str):
    """One line that says so; with room again the rest is handed over."""
    of = stream()
    found = [candidate(of, number, key=f"k{number}") for number in range(3000)]
    with Ledger(sqlite_place) as ledger:
        offer(ledger, of, found[:10])
        with ledger.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        limit_pages(ledger, pages + 10)
        with pytest.raises(DeliveryError, match="is full") as caught:
            offer(ledger, of, found[10:])
        assert caught.value.code == "ledger-full"
        assert ledger.status().counts["matched"] == 10
    with Ledger(sqlite_place) as ledger:
        offer(ledger, of, found)
        assert ledger.status().counts["waiting"] == 3000


def test_a_disk_that_fills_while_sending_is_an_error(sqlite_place: str):
    """What was taken and could not be written down is sent again, under the same ids."""
    bodies = fill(sqlite_place, 60)
    answer = "x" * 2000
    with Receiver() as receiver:
        url = receiver.script("/hook", Reply(200, body=answer.encode()))
        real = Ledger._set_up

        def small(ledger: Ledger, *, create: bool) -> None:
            real(ledger, create=create)
            with ledger.engine.connect() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            limit_pages(ledger, pages + 2)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Ledger, "_set_up", small)
            with pytest.raises(DeliveryError, match="full"):
                killed_sender.run(sqlite_place, url, 60)
        check(sqlite_place, bodies, receiver)
        finish(sqlite_place, url)
        assert set(check(sqlite_place, bodies, receiver).values()) == {"delivered"}


def test_a_ledger_that_cannot_be_written_is_an_error(sqlite_place: str):
    """Before anything is sent."""
    fill(sqlite_place, 3)
    with Ledger(sqlite_place) as ledger:
        event.listen(
            ledger.engine, "begin", lambda found: found.exec_driver_sql("PRAGMA query_only = ON")
        )
        of = stream()
        with pytest.raises(DeliveryError, match="cannot be written") as caught:
            offer(ledger, of, [candidate(of, 1)])
        assert caught.value.code == "ledger-read-only"
        assert ledger.status().counts["waiting"] == 3


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_a_file_that_is_no_ledger_is_an_error(tmp_path: Path, content: bytes):
    """And it is left as it was."""
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(DeliveryError) as caught:
        Ledger(path)
    assert caught.value.code in ("ledger-damaged", "ledger-unusable")
    assert path.read_bytes() == content


def test_a_ledger_of_a_later_form_is_refused(place: str):
    """Its tables may mean something else."""
    with Ledger(place) as ledger:
        ledger.write(lambda found: found.exec_driver_sql("UPDATE ledger_meta SET value = '99'"))
    with pytest.raises(DeliveryError) as caught:
        Ledger(place)
    assert caught.value.code == "other-ledger-version"


def test_a_commit_is_on_the_disk_when_it_returns(place: str):
    """SIGKILL cannot show it, because the page cache survives: the settings are asserted."""
    with Ledger(place) as ledger, ledger.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            settings = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous")
            ]
            assert settings == ["wal", 2]
            assert Path(place).stat().st_mode & 0o777 == 0o600
            assert Path(place + "-wal").stat().st_mode & 0o777 == 0o600
        else:
            for name in ("synchronous_commit", "fsync"):
                assert connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "on"


def test_deliveries_share_commits(sqlite_place: str):
    """Commits are counted, each of them is a sync: many deliveries cost one."""
    fill(sqlite_place, 400)
    commits = 0

    def count(_: sa.Connection) -> None:
        nonlocal commits
        commits += 1

    real = Ledger.__init__

    def counted(ledger: Ledger, *words: object, **named: object) -> None:
        real(ledger, *words, **named)  # type: ignore[arg-type] # as they came
        event.listen(ledger.engine, "commit", count)

    with Receiver() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "__init__", counted)
        url = receiver.script("/hook", Reply(204, body=b""))
        sent = killed_sender.run(sqlite_place, url, 60)
    assert sent.of("s", "delivered") == 400
    assert commits < 200
