"""`streamkit live` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from streamkit.cli import run
from streamkit.streaming.definition_files import DefinitionFiles
from tests.running.examples import a_then_b, event
from tests.streaming.examples import as_line, read_lines

PAIR = as_line(event("A", 0)) + as_line(event("B", 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(a_then_b().to_yaml())
    (tmp_path / "schema.yaml").write_text("{time: at, name: event, session: sid}")
    (tmp_path / "in").mkdir()
    return tmp_path


def words(folder: Path, *more: str) -> list[str]:
    return ["live", str(folder / "s.yaml"), "--schema", str(folder / "schema.yaml"), *more]


def until(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.slow
def test_standard_input_is_matched_to_its_end(folder: Path):
    """Bad lines are counted, the counts are printed, and it says that nothing survives."""
    done = subprocess.run(
        [sys.executable, "-m", "streamkit", *words(folder, "--stdin", "--matches", str(folder / "m.ndjson"), "--json")],
        input="odd\n\n" + PAIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["skipped"] == {"not_an_object": 1}
    assert json.loads(done.stdout)["matches"] == {"s": 1}
    assert "without a state file" in done.stderr
    assert len(read_lines(folder / "m.ndjson")) == 1


@pytest.mark.slow
def test_signals_reload_and_end_it(folder: Path):
    """SIGHUP takes changed streams or keeps the old ones; SIGTERM ends with a last commit and 0."""
    command = [
        sys.executable, "-m", "streamkit",
        *words(folder, "--watch", str(folder / "in"), "--matches", str(folder / "m.ndjson"),
               "--state", str(folder / "s.db"), "--idle", "100ms", "--log-format", "json"),
    ]  # fmt: skip
    log = folder / "log"
    with log.open("w") as stderr, subprocess.Popen(command, stderr=stderr) as running:
        try:
            (folder / "in" / "1.ndjson").write_text(PAIR)
            until(
                lambda: (folder / "m.ndjson").exists() and len(read_lines(folder / "m.ndjson")) == 1
            )
            (folder / "s.yaml").write_text("name: [")
            running.send_signal(signal.SIGHUP)
            until(lambda: "the old ones go on" in log.read_text())
            (folder / "s.yaml").write_text(a_then_b(name="t").to_yaml())
            running.send_signal(signal.SIGHUP)
            until(lambda: "streams reloaded" in log.read_text())
            later = as_line(event("A", 60)) + as_line(event("B", 61))
            (folder / "in" / "2.ndjson").write_text(later)
            until(lambda: len(read_lines(folder / "m.ndjson")) == 2)
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=60) == 0
        finally:
            running.kill()
    assert [row["stream"] for row in read_lines(folder / "m.ndjson")] == ["s", "t"]
    assert any(
        json.loads(line)["message"] == "streams reloaded"
        for line in log.read_text().splitlines()
        if line.startswith("{")
    )


def test_a_run_that_ends_goes_on_next_time(folder: Path, capsys: pytest.CaptureFixture[str]):
    """`--once` as a scheduled job: what was read is not read again."""
    more = (
        "--watch",
        str(folder / "in"),
        "--matches",
        f"{folder}/m/",
        "--state",
        str(folder / "s.db"),
        "--once",
        "--json",
    )
    (folder / "in" / "1.ndjson").write_text(PAIR)
    assert run(words(folder, *more)) == 0
    assert json.loads(capsys.readouterr().out)["sent"] == 1
    (folder / "in" / "2.ndjson").write_text(as_line(event("A", 60)))
    assert run(words(folder, *more)) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["events"], counts["sent"]) == (1, 0)
    assert counts["total"]["events"] == 3


def test_a_run_tells_what_it_did_itself(folder: Path, capsys: pytest.CaptureFixture[str]):
    """What earlier runs over the same state did is told apart, where there is any."""
    ending = ("--watch", f"{folder}/in", "--matches", f"{folder}/m/", "--state", f"{folder}/s.db",
              "--once")  # fmt: skip
    (folder / "in" / "1.ndjson").write_text("odd\n" + PAIR)
    assert run(words(folder, *ending)) == 0
    assert capsys.readouterr().out == "3 events, 1 matches: s 1.\nSkipped: 1 not_an_object.\n"
    (folder / "in" / "2.ndjson").write_text(as_line(event("A", 60)) + as_line(event("A", 2)))
    assert run(words(folder, *ending)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 events, 0 matches."
    assert said[1].startswith("1 events came too late")
    assert said[2] == "With the earlier runs over this state: 5 events, 1 matches: s 1."
    assert run(words(folder, *ending, "--json")) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["total"] == {
        "events": 5, "late": 1, "skipped": {"not_an_object": 1}, "matches": {"s": 1}
    }  # fmt: skip
    assert {name: counts[name] for name in counts["total"]} == {
        "events": 0, "late": 0, "skipped": {}, "matches": {"s": 0}
    }  # fmt: skip


REFUSED = [
    pytest.param(("--stdin",), "matches have nowhere to go", id="no sink"),
    pytest.param(("--stdin", "--matches", "m/", "--ledger", "l.db"), "exclude each other", id="two"),
    pytest.param(("--matches", "m/"), "--watch", id="no source"),
    pytest.param(("--stdin", "--watch", "x", "--matches", "m/"), "not allowed with", id="two sources"),
    pytest.param(("--watch", "nothing", "--matches", "m.ndjson"), "not a folder", id="no folder"),
    pytest.param(("--listen", "127.0.0.1:0", "--once", "--matches", "m.ndjson"), "source that ends", id="endless"),
    pytest.param(("--kafka", "localhost:9092", "--matches", "m.ndjson"), "names no topic", id="no topic"),
    pytest.param(("--stdin", "--matches", "m.parquet"), "no telling", id="odd sink"),
    pytest.param(("--stdin", "--matches", "m.ndjson", "--idle", "soon"), "idle_after", id="odd idle"),
    pytest.param(("--stdin", "--matches", "m.ndjson", "--token", "env:T"), "--token needs --listen", id="no listen"),
    pytest.param(("--stdin", "--matches", "m.ndjson", "--group", "g"), "--group needs --kafka", id="no kafka"),
    pytest.param(("--stdin", "--matches", "m.ndjson", "--kafka-config", "k.yaml"), "--kafka-config needs --kafka", id="no kafka to set up"),
    pytest.param(("--stdin", "--matches", "m.ndjson", "--connections", "c.yaml"), "--connections needs --ledger", id="no ledger"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "words_"), REFUSED)
def test_what_makes_no_sense_is_refused(
    more: tuple[str, ...], words_: str, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """Exit code 2 and one line with what to do."""
    monkeypatch.chdir(folder)
    assert run(words(folder, *more)) == 2
    assert words_ in capsys.readouterr().err


def test_every_option_that_does_nothing_is_named_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """And none is repeated: a token may stand there in place of its name."""
    monkeypatch.chdir(folder)
    given = ("--token", "s3same", "--group", "g", "--stdin", "--matches", "m.ndjson")
    assert run(words(folder, *given)) == 2
    said = capsys.readouterr().err
    assert "--token needs --listen" in said
    assert "--group needs --kafka" in said
    assert "s3same" not in said
    assert not (folder / "m.ndjson").exists()


def test_nothing_says_what_the_columns_are(folder: Path, capsys: pytest.CaptureFixture[str]):
    """Live events cannot be looked at first, so a schema or a history is needed."""
    assert run(["live", str(folder / "s.yaml"), "--stdin", "--matches", f"{folder}/m/"]) == 2
    assert "--schema" in capsys.readouterr().err


def test_changed_files_count_when_they_are_left_alone(tmp_path: Path):
    """A file that is still being written is not taken; conditions beside a stream count too."""
    (tmp_path / "s.yaml").write_text("a")
    clock = [0.0]

    def changed(seconds: float = 1.5) -> bool:
        clock[0] += seconds
        return files.have_changed()

    files = DefinitionFiles([tmp_path / "s.yaml"], clock=lambda: clock[0])
    assert not changed()
    (tmp_path / "s.yaml").write_text("ab")
    assert not changed()
    (tmp_path / "s.yaml").write_text("abc")
    assert not changed()
    assert not changed(0.1)
    assert changed()
    assert not changed()
    (tmp_path / "events.yaml").write_text("x")
    assert [changed(), changed(), changed()] == [False, True, False]
    os.remove(tmp_path / "s.yaml")  # noqa: PTH107 # as an editor does
    assert [changed(), changed()] == [False, True]
