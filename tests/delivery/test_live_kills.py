"""A real `streamkit live --ledger`, killed at random points: the ledger has what the backtest has."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamkit import History, Stream, backtest
from streamkit.delivery.ledger import Ledger
from streamkit.delivery.ledger.tables import MATCHES
from streamkit.delivery.own_loop import run_in_own_loop
from streamkit.delivery.quota import Budget
from streamkit.delivery.routes import Route
from streamkit.delivery.sender import Sender
from streamkit.delivery.wire import Wire
from tests.delivery.offers import rows
from tests.delivery.receiver import Receiver, Reply
from tests.delivery.test_under_fire import resume, under_fire
from tests.streaming.examples import DEFINITIONS, SCHEMA, event_rows, write_files

KILLS = [
    pytest.param(5, id="5", marks=pytest.mark.slow),
    pytest.param(50, id="50", marks=[pytest.mark.slow, pytest.mark.soak]),
]
ROWS_A_KILL = 600
PLACES = [
    pytest.param("state.db", id="one file with the state"),
    pytest.param("ledger.db", id="a file of its own"),
]


def prepare(folder: Path, url: str) -> list[Stream]:
    """Streams that send to a URL, and what else a run reads."""
    destination = {"url": url, "rate": 1000, "max_age": "36500d", "retry": [0.05] * 30}
    streams = [Stream.from_dict({**each, "destination": destination}) for each in DEFINITIONS]
    (folder / "streams").mkdir()
    for stream in streams:
        (folder / "streams" / f"{stream.name}.yaml").write_text(stream.to_yaml())
    (folder / "schema.yaml").write_text("{time: at, name: event, session: sid, user: uid, id: id}")
    (folder / "streamkit.yaml").write_text("budget: 1000000")
    (folder / "landing").mkdir()
    return streams


def start(folder: Path, place: str, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "streamkit", "live", "streams", "--watch", "landing",
        "--schema", "schema.yaml", "--state", "state.db", "--ledger", place,
        "--allowed-lateness", "45m", "--idle", "never", *more,
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end_leases(place: Path) -> None:
    """What two minutes do: claims of the killed are free again, and need not be waited for."""
    with Ledger(place, create=False) as ledger:
        ledger.write(
            lambda connection: connection.execute(
                MATCHES.update().where(MATCHES.c.lease.is_not(None)).values(leased_until=1)
            )
        )


def send_the_rest(ledger: Ledger, streams: list[Stream]) -> None:
    """What a `send` does an hour later: leases of the killed have ended, the endpoint is well."""
    later = lambda: datetime.now(UTC) + timedelta(hours=1)  # noqa: E731 # a clock
    routes = [Route.of(stream) for stream in streams]

    async def work() -> None:
        async with Wire() as wire:
            await Sender(ledger, routes, wire, budget=Budget(1e6), clock=later).run()

    run_in_own_loop(work)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_live_run_sends_exactly_what_the_backtest_finds(
    kills: int, place: str, tmp_path: Path
):
    """None is missing, doubled or changed, whatever the endpoint did meanwhile."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 # shown when the test fails
    chance = random.Random(seed)
    waiting = write_files(event_rows(ROWS_A_KILL * kills, seed), tmp_path / "made")
    landing = tmp_path / "landing"
    with Receiver() as receiver:
        url = receiver.script("/hook", under_fire(chance))
        streams = prepare(tmp_path, url)
        grown = []
        for _ in range(kills):
            before = len(receiver.requests)
            running = start(tmp_path, place)
            try:
                for path in (waiting.pop(0) for _ in range(chance.randrange(3, 6))):
                    shutil.copy(path, landing)
                    time.sleep(chance.random() * 0.05)
                end = time.monotonic() + 20
                while len(receiver.requests) == before and time.monotonic() < end:
                    time.sleep(0.01)
                time.sleep(chance.random() * 0.3)
            finally:
                running.kill()
                running.communicate()
            assert running.returncode == -signal.SIGKILL
            grown.append(len(receiver.requests) > before)
            resume(str(tmp_path / place))  # or parking ends the fire early
        for path in waiting:
            shutil.copy(path, landing)
        receiver.script("/hook", Reply(204, body=b""))
        end_leases(tmp_path / place)
        last = start(tmp_path, place, "--once")
        _, complaint = last.communicate(timeout=120)
        assert last.returncode in (0, 1), complaint.decode()  # 1 tells of dead letters
        expected = backtest(streams, History(landing, schema=SCHEMA)).matches["match_id"].to_list()
        assert any(grown)
        resume(str(tmp_path / place))
        with Ledger(tmp_path / place, create=False) as ledger:
            send_the_rest(ledger, streams)
            found = rows(ledger)
        sent = defaultdict(set)
        for request in receiver.requests:
            sent[request.header("Idempotency-Key")].add(request.body)
    assert sorted(found) == sorted(expected)
    assert {row.stream for row in found.values()} == {stream.name for stream in streams}
    dead = {match_id for match_id, row in found.items() if row.state == "dead"}
    delivered = {match_id for match_id, row in found.items() if row.state == "delivered"}
    assert dead | delivered == set(expected) == set(sent)
    assert all(sent[match_id] == {bytes(row.body)} for match_id, row in found.items())
    assert len(delivered) > len(expected) * 0.8
