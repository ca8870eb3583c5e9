"""`streamkit live --ledger` as a job that ends, and files that are not what they are taken for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamkit.cli import run
from tests.delivery.receiver import Receiver, Reply
from tests.delivery.test_live_kills import prepare
from tests.streaming.examples import event_rows, write_files

LIVE = ["live", "streams", "--watch", "landing", "--schema", "schema.yaml", "--once",
        "--allowed-lateness", "45m"]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where commands find streams and events; the log is put back as it was."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield tmp_path
    root.handlers[:], root.level = before


def test_a_run_that_ends_sends_everything_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its report is the ledger's."""
    with Receiver() as receiver:
        prepare(folder, receiver.url)
        write_files(event_rows(300), folder / "landing")
        assert run([*LIVE, "--state", "state.db", "--ledger", "ledger.db", "--json"]) == 0
        ledger = json.loads(capsys.readouterr().out)["ledger"]
        assert ledger["waiting"] == 0
        assert 0 < ledger["delivered"] == len(receiver.received("/"))


def test_a_run_that_ends_says_when_a_person_is_needed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its exit code and in its report."""
    with Receiver() as receiver:
        prepare(folder, receiver.script("/", Reply(401)))
        write_files(event_rows(300), folder / "landing")
        assert run([*LIVE, "--state", "state.db", "--ledger", "ledger.db"]) == 1
        assert "parked" in capsys.readouterr().out


def test_neither_file_is_taken_for_the_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state file is no ledger and a ledger no state file; one for both has to be meant."""
    with Receiver() as receiver:
        prepare(folder, receiver.url)
        write_files(event_rows(300), folder / "landing")
        assert run([*LIVE, "--state", "state.db", "--matches", "matches.ndjson"]) == 0
        send = ["send", "streams", "--events", "landing", "--schema", "schema.yaml"]
        assert run([*send, "--from-start", "--ledger", "state.db"]) == 2
        assert "no ledger" in capsys.readouterr().err
        assert run([*LIVE, "--state", "other.db", "--ledger", "ledger.db"]) == 0
        assert run([*LIVE, "--state", "ledger.db", "--matches", "matches.ndjson"]) == 2
        assert "no state file" in capsys.readouterr().err
        count = len(receiver.received("/"))
        assert run([*LIVE, "--state", "both.db", "--ledger", "both.db"]) == 0
        assert run([*LIVE, "--state", "both.db", "--ledger", "both.db"]) == 0
        assert len(receiver.received("/")) == 2 * count


def test_connections_lie_beside_the_streams(folder: Path) -> None:
    """As for `send`."""
    with Receiver() as receiver:
        prepare(folder, receiver.url)
        for file in (folder / "streams").iterdir():
            file.write_text(file.read_text().replace("rate: 1000", "rate: 1000\n  connection: crm"))
        (folder / "streams" / "connections.yaml").write_text("crm: {type: none, headers: {X-T: a}}")
        write_files(event_rows(300), folder / "landing")
        assert run([*LIVE, "--state", "state.db", "--ledger", "ledger.db"]) == 0
        assert {each.header("X-T") for each in receiver.received("/")} == {"a"}
