"""A real process, killed at random points: over all its runs the matches are the backtest's."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamkit import backtest
from tests.streaming.examples import (
    SCHEMA,
    STREAMS,
    event_rows,
    read_lines,
    write_files,
)

KILLS = [
    pytest.param(5, id="5", marks=pytest.mark.slow),
    pytest.param(50, id="50", marks=[pytest.mark.slow, pytest.mark.soak]),
]
ROWS_A_KILL = 1500


def command(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "streamkit", "live", str(folder / "streams"),
        "--watch", str(folder / "landing"), "--schema", str(folder / "schema.yaml"),
        "--state", str(folder / "state.db"), "--matches", str(folder / "out.ndjson"),
        "--allowed-lateness", "45m", "--idle", "never", *more,
    ]  # fmt: skip


def prepare(folder: Path) -> None:
    (folder / "streams").mkdir()
    for stream in STREAMS:
        (folder / "streams" / f"{stream.name}.yaml").write_text(stream.to_yaml())
    (folder / "schema.yaml").write_text("{time: at, name: event, session: sid, user: uid, id: id}")
    (folder / "landing").mkdir()


@pytest.mark.parametrize("kills", KILLS)
def test_killed_at_random_points_it_loses_and_repeats_nothing(kills: int, tmp_path: Path):
    """Files go on landing, one of them in pieces, while runs are killed and started again."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 # shown when the test fails
    chance = random.Random(seed)
    prepare(tmp_path)
    waiting = write_files(event_rows(ROWS_A_KILL * kills, seed), tmp_path / "made")
    landing = tmp_path / "landing"
    grown = []
    for _ in range(kills):
        before = length(tmp_path / "out.ndjson")
        running = subprocess.Popen(command(tmp_path), stderr=subprocess.DEVNULL)
        try:
            for path in (waiting.pop(0) for _ in range(chance.randrange(5, 13))):
                land_in_pieces(path, landing)
                time.sleep(chance.random() * 0.05)
            end = time.monotonic() + 60
            while length(tmp_path / "out.ndjson") == before and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.3)
        finally:
            running.kill()
        assert running.wait() == -signal.SIGKILL
        grown.append(length(tmp_path / "out.ndjson") > before)
    for path in waiting:
        shutil.copy(path, landing)
    subprocess.run(command(tmp_path, "--once"), check=True, capture_output=True)
    found = read_lines(tmp_path / "out.ndjson")
    expected = backtest(STREAMS, landing_history(landing)).matches.to_dicts()
    assert sorted(row["match_id"] for row in found) == sorted(row["match_id"] for row in expected)
    assert sorted(shown(row) for row in found) == sorted(shown(row) for row in expected)
    assert any(grown)
    assert {row["stream"] for row in found} == {stream.name for stream in STREAMS}


def landing_history(landing: Path):
    import streamkit

    return streamkit.History(landing, schema=SCHEMA)


def land_in_pieces(path: Path, landing: Path) -> None:
    """A file appears half-written under its own name, as a careless writer makes it."""
    content = path.read_bytes()
    with (landing / path.name).open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(0.005)
        file.write(content[len(content) // 2 :])


def length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def shown(row: dict) -> tuple:
    return row["stream"], row["match_id"], tuple(row["key"]), [each["id"] for each in row["events"]]


def test_a_second_process_on_one_state_file_is_refused(tmp_path: Path):
    """With a line that says so and the other's number, and exit code 2."""
    prepare(tmp_path)
    with subprocess.Popen(command(tmp_path), stderr=subprocess.DEVNULL) as first:
        try:
            while not (tmp_path / "state.db.lock").exists() or not length(
                tmp_path / "state.db.lock"
            ):
                time.sleep(0.02)
            second = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False)
            assert second.returncode == 2
            assert f"in use by process {first.pid}" in second.stderr
        finally:
            first.send_signal(signal.SIGTERM)
        assert first.wait() == 0
