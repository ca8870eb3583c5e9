"""The command line: its answers, and one readable line for everything that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from streamkit.cli import run
from streamkit.cli.main import COMMANDS
from streamkit.sample import generate

EVENTS = pl.DataFrame(
    {
        "time": [datetime(2026, 3, 1, 10, minute, tzinfo=UTC) for minute in (0, 5, 9)],
        "event": ["cart", "error", "error"],
        "session_id": ["s1", "s1", "s2"],
        "price": [25.0, None, 3.5],
    }
)
STREAM = """\
name: rescue
steps:
  - event: cart
  - event: error
within: 1h
"""
Answer = tuple[int, str, str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a stream and some events."""
    EVENTS.write_parquet(tmp_path / "events.parquet")
    (tmp_path / "rescue.yaml").write_text(STREAM)
    return tmp_path


@pytest.fixture
def ask(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command; `{}` stands for the folder."""

    def ask(*words: str) -> Answer:
        code = run([word.replace("{}", str(folder)) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ask


def test_backtest_prints_a_report(ask: Callable[..., Answer]) -> None:
    """The answer comes first, in a sentence."""
    code, out, err = ask("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet")
    assert (code, err) == (0, "")
    assert "Would have fired 1 time, in 1 of 2 sessions (50 %)." in out


def test_json_has_the_shape_that_scripts_rely_on(ask: Callable[..., Answer]) -> None:
    """Keys of `--json` are part of the interface."""
    code, out, _ = ask("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--json")
    answer = json.loads(out)
    assert code == 0
    assert set(answer) >= {"streams", "rows", "skipped", "horizon"}
    (stream,) = answer["streams"]
    assert stream["name"] == "rescue"
    assert stream["matches"] == stream["matched_keys"] == stream["activations"] == 1
    assert (stream["keys"], stream["pending"]) == (2, 0)
    assert stream["first"] == stream["last"] == "2026-03-01T10:05:00Z"
    assert (answer["rows"], answer["horizon"]) == (3, "2026-03-01T10:09:00Z")
    assert not any(answer["skipped"].values())


def test_matches_are_written_as_a_table(ask: Callable[..., Answer], folder: Path) -> None:
    """`--matches` writes the columns that are documented, with their types."""
    code, *_ = ask(
        "backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--matches", "{}/m.parquet"
    )
    table = pl.read_parquet(folder / "m.parquet")
    assert code == 0
    assert table.columns == [
        "stream", "version", "match_id", "key", "session", "user", "started_at", "matched_at",
        "fired_at", "events",
    ]  # fmt: skip
    assert table["fired_at"].dtype == pl.Datetime("us", "UTC")
    assert table["key"].to_list() == [["s1"]]
    assert [event["name"] for event in table["events"][0]] == ["cart", "error"]


def test_sql_is_printed_with_named_steps(ask: Callable[..., Answer]) -> None:
    """`--sql` shows what was asked, values apart from the text."""
    code, out, _ = ask("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--sql")
    assert code == 0
    assert "WITH input AS NOT MATERIALIZED (" in out
    assert "-- $p0 = " in out


def test_check_says_what_streams_mean(ask: Callable[..., Answer]) -> None:
    """`check` prints the sentence and the version."""
    code, out, _ = ask("check", "{}/rescue.yaml")
    assert code == 0
    assert out.startswith("rescue (")
    assert "error" in out


def test_check_against_events_finds_every_unknown_column(
    ask: Callable[..., Answer], folder: Path
) -> None:
    """All of them at once, each with its place and the nearest name."""
    (folder / "rescue.yaml").write_text(
        "name: rescue\nsteps:\n  - event: cart\n    where: {prise: {gt: 1}, sesion_id: a}\n"
    )
    code, _, err = ask("check", "{}/rescue.yaml", "--events", "{}/events.parquet")
    assert code == 2
    assert err.count("\n") == 2
    assert "steps[0].where.prise" in err
    assert "did you mean 'price'?" in err
    assert "did you mean 'session_id'?" in err


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no such events": (("backtest", "{}/rescue.yaml", "--events", "{}/none"), "no-such-file"),
    "no file matches": (("backtest", "{}/rescue.yaml", "--events", "{}/*.pq"), "no-such-file"),
    "an empty folder": (("backtest", "{}/rescue.yaml", "--events", "{}/empty"), "empty-folder"),
    "not Parquet": (("backtest", "{}/rescue.yaml", "--events", "{}/text.parquet"), "not-parquet"),
    "an empty file": (("backtest", "{}/rescue.yaml", "--events", "{}/zero.parquet"), "not-parquet"),
    "cut short": (("backtest", "{}/rescue.yaml", "--events", "{}/cut.parquet"), "truncated-file"),
    "no such stream": (("backtest", "{}/none.yaml", "--events", "{}"), "no-such-file"),
    "no such schema": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/none"),
        "no-such-file",
    ),
    "a schema with an unknown column": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s1.yaml"),
        "did you mean 'time'?",
    ),
    "a schema with an unknown key": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s2.yaml"),
        "did you mean 'session'?",
    ),
    "a schema without the time": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s3.yaml"),
        "missing-role",
    ),
    "a time that is none": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--since", "soon"),
        "bad-time",
    ),
    "times that are none": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s4.yaml"),
        "unparsable-time",
    ),
    "wrong YAML": (("check", "{}/yaml.yaml"), "yaml.yaml:3"),
    "an unknown key": (("check", "{}/key.yaml"), "did you mean 'event'?"),
    "an unknown operator": (("check", "{}/operator.yaml"), "did you mean 'gt'?"),
    "an impossible duration": (("check", "{}/duration.yaml"), "bad-duration"),
    "two streams of one name": (("check", "{}/twice"), "'rescue'"),
    "a folder that is not there": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--matches", "{}/no/m.p"),
        "not-writable",
    ),
    "an unknown command": (("backtst",), "did you mean 'backtest'?"),
    "an unknown option": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--mtches", "x"),
        "did you mean '--matches'?",
    ),
    "an option in place of a command": (("--sql",), "options come behind a command"),
    "an empty path": (("backtest", "{}/rescue.yaml", "--events", ""), "--events is empty"),
    "matches over an input": (
        (
            "backtest",
            "{}/rescue.yaml",
            "--events",
            "{}/events.parquet",
            "--matches",
            "{}/rescue.yaml",
        ),
        "is one of the inputs",
    ),
    "matches over the events": (
        (
            "backtest",
            "{}/rescue.yaml",
            "--events",
            "{}/events.parquet",
            "--matches",
            "{}/events.parquet",
        ),
        "is one of the inputs",
    ),
    "matches over events that are text": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/e.csv", "--matches", "{}/e.csv"),
        "is one of the inputs",
    ),
    "matches over a device": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--matches", "/dev/null"),
        "is not a file",
    ),
    "a sessionizer that is no mapping": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s5.yaml"),
        "bad-sessionizer",
    ),
    "a role without a column": (
        ("backtest", "{}/rescue.yaml", "--events", "{}/events.parquet", "--schema", "{}/s6.yaml"),
        "missing-role",
    ),
    "a range that ends before it begins": (
        (
            "backtest",
            "{}/rescue.yaml",
            "--events",
            "{}/events.parquet",
            "--since",
            "2026-03-02",
            "--until",
            "2026-03-01",
        ),
        "is not before",
    ),
    "a missing option": (("backtest", "{}/rescue.yaml"), "--events"),
}


@pytest.fixture
def wrongs(folder: Path) -> None:
    """Files that are wrong, each in its own way."""
    (folder / "empty").mkdir()
    (folder / "twice").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (folder / "twice" / name).write_text(STREAM)
    (folder / "text.parquet").write_text("time,event\n")
    (folder / "zero.parquet").touch()
    whole = (folder / "events.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "s1.yaml").write_text("time: tim\nname: event\nsession: session_id\n")
    (folder / "s2.yaml").write_text("time: time\nname: event\nsesion: session_id\n")
    (folder / "s3.yaml").write_text("name: event\nsession: session_id\n")
    (folder / "s4.yaml").write_text("time: event\nname: event\nsession: session_id\n")
    (folder / "e.csv").write_text("time,event,session_id\n2026-03-01T10:00:00Z,cart,s1\n")
    (folder / "s5.yaml").write_text("time: time\nname: event\nsessionizer: user_id\n")
    (folder / "s6.yaml").write_text("time:\nname: event\nsession: session_id\n")
    (folder / "yaml.yaml").write_text("name: rescue\nsteps: [event: cart\n")
    (folder / "key.yaml").write_text(STREAM.replace("event: cart", "evnt: cart"))
    (folder / "operator.yaml").write_text(
        STREAM.replace("event: cart", "{event: cart, where: {price: {gtt: 1}}}")
    )
    (folder / "duration.yaml").write_text(STREAM.replace("1h", "one hour"))


@pytest.mark.parametrize(("words", "expected"), WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("wrongs")
def test_wrong_input_is_one_readable_message(
    ask: Callable[..., Answer], words: tuple[str, ...], expected: str
) -> None:
    """Exit code 2, nothing on standard output, no traceback, and what to do about it."""
    code, out, err = ask(*words)
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


HOSTILE = [
    "x" * 100_000,
    "'); DROP TABLE streamkit_events; --",
    '"; SELECT 1; --',
    "a\0b",
    "\u202eabc",
]


@pytest.mark.parametrize("name", HOSTILE, ids=["long", "injection", "quotes", "nul", "rtl"])
def test_hostile_names_and_values_are_only_text(folder: Path, name: str) -> None:
    """Names of events, columns and streams, and values, reach SQL as text and nothing else."""
    import streamkit

    column = name[:1000].replace("\0", "")
    events = EVENTS.with_columns(pl.Series(column, [name, None, None]), event=pl.lit(name))
    events.write_parquet(folder / "hostile.parquet")
    path = '"' + column.replace('"', '""') + '"'
    stream = streamkit.Stream(
        "hostile", [{"event": name, "where": {path: {"eq": name}}}], frequency="every"
    )
    result = streamkit.backtest(
        stream,
        streamkit.History(
            folder / "hostile.parquet",
            schema=streamkit.Schema(time="time", name="event", session="session_id"),
        ),
    )
    assert result.matches.height == 1
    assert "\0" not in repr(result)
    assert max(map(len, repr(result).splitlines())) < 2500


def test_hostile_file_names_are_only_names(folder: Path) -> None:
    """Quotes, brackets and stars in a path stand for themselves."""
    import streamkit

    strange = folder / "it's [1] *?.parquet"
    EVENTS.write_parquet(strange)
    history = streamkit.History(strange)
    assert streamkit.backtest(streamkit.Stream("any", [{"event": "cart"}]), history).matches.height


def test_version_is_told() -> None:
    """`streamkit --version` is what a newcomer asks first."""
    command = [sys.executable, "-m", "streamkit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("streamkit ")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its help has its own options, although only the command that is asked is loaded."""
    with pytest.raises(SystemExit) as ended:
        run([name, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert text.startswith(f"usage: streamkit {name} [-h] ")
    assert COMMANDS[name] in " ".join(text.split())
    assert "--json" in text
    assert "--debug" in text


def test_help_lists_every_module_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """None is left out of the list, and each is listed with its summary, in that order."""
    import streamkit.cli

    files = Path(streamkit.cli.__file__).parent.glob("*.py")
    modules = {file.stem for file in files} - {"__init__", "inputs", "main"}
    assert {name.replace("-", "_") for name in COMMANDS} == modules
    with pytest.raises(SystemExit):
        run(["--help"])
    listed = " ".join(capsys.readouterr().out.split())
    assert " ".join(f"{name} {summary}" for name, summary in COMMANDS.items()) in listed


def test_events_may_be_given_more_than_once(ask: Callable[..., Answer], folder: Path) -> None:
    """All of them are read."""
    EVENTS.with_columns(session_id=pl.lit("s3")).write_parquet(folder / "more.parquet")
    words = ("--events", "{}/events.parquet", "--events", "{}/more.parquet", "--json")
    code, out, _ = ask("backtest", "{}/rescue.yaml", *words)
    assert code == 0
    assert json.loads(out)["rows"] == 6


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_is_no_error(folder: Path, encoding: str) -> None:
    """What it cannot show is shown as an escape."""
    words = ["backtest", str(folder / "rescue.yaml"), "--events", str(folder / "events.parquet")]
    done = subprocess.run(
        [sys.executable, "-m", "streamkit", *words],
        capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert b"Would have fired 1 time" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is full is Linux's")
def test_a_full_disk_is_one_line(folder: Path) -> None:
    """Standard output that takes nothing more ends in a message, not in a traceback."""
    words = ["backtest", str(folder / "rescue.yaml"), "--events", str(folder / "events.parquet")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "streamkit", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(folder: Path) -> None:
    """`--debug` is for those who mend the library."""
    command = [sys.executable, "-m", "streamkit", "check", str(folder / "none.yaml"), "--debug"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" in done.stderr


@pytest.mark.slow
def test_interrupt_ends_a_backtest_and_writes_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends the process soon, with one line, and leaves no half-written file."""
    generate(tmp_path / "events", events=1_500_000, days=3, profile="bench")
    slow = [f"(a|b)+{number}.*(c|d)+x" for number in range(150)]  # many seconds of patterns
    criteria = ", ".join(f"{{properties: {{matches: '{pattern}'}}}}" for pattern in slow)
    (tmp_path / "stream.yaml").write_text(
        f"name: busy\nsteps: [{{where: {{any: [{criteria}]}}}}]\nfrequency: every\n"
    )
    (tmp_path / "schema.yaml").write_text(
        "{time: event_time, name: event_name, session: session_id}\n"
    )
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "streamkit", "backtest", str(tmp_path / "stream.yaml"),
            "--events", str(tmp_path / "events"), "--schema", str(tmp_path / "schema.yaml"),
            "--matches", str(out / "m.parquet"),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    time.sleep(1.5)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "streamkit: interrupted, nothing was written\n"
    assert list(out.iterdir()) == []
