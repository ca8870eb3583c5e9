"""The notebook that sends on a schedule, under each scheduler that its text names.

Each run is a process of its own, as a scheduler starts it, and sends to a real server on loopback.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.delivery.canaries import Canaries
from tests.delivery.receiver import Received, Receiver, Reply
from tests.notebook.lab import TOKEN, free_port, start_server, wait_for_server

pytestmark = pytest.mark.slow

NOTEBOOK = ROOT / "notebooks" / "06_scheduled_send.ipynb"
SCHEMA = {"time": "at", "name": "event", "session": "sid", "user": "user", "id": "id"}
PATIENCE = 180
"""Seconds for a run; machines are shared."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def write_events(folder: Path, day: int, sessions: range) -> None:
    """A file of a day in which each of these sessions has one error."""
    rows = [
        {"at": f"2026-03-{day:02}T10:{n:02}:00Z", "event": "error", "sid": f"s{n}", "user": f"u{n}",
         "id": f"e{n}"}
        for n in sessions
    ]  # fmt: skip
    (folder / "shop").mkdir(exist_ok=True)
    pl.DataFrame(rows).write_parquet(folder / "shop" / f"{day:02}.parquet")


def make_folder(folder: Path, url: str, **destination: Any) -> Path:
    """What the job needs, laid out as its default parameters say."""
    (folder / "streams").mkdir(parents=True)
    write_events(folder, 1, range(3))
    stream = {
        "name": "checkout-rescue",
        "steps": [{"event": "error"}],
        "payload": {"json": {"user": ["var", "user.id"], "key": ["secret", "env:BODY_KEY"]}},
        "destination": {"url": url, "connection": "mail", "retry": "none", "max_age": "36500d",
                        **destination},
    }  # fmt: skip
    connections = {"mail": {"type": "bearer", "token": "env:MAIL_TOKEN"}}
    yaml = YAML()
    yaml.dump(stream, folder / "streams" / "checkout-rescue.yaml")
    yaml.dump(connections, folder / "streams" / "connections.yaml")
    yaml.dump(SCHEMA, folder / "schema.yaml")
    return folder


def environment(canaries: Canaries, **more: str) -> dict[str, str]:
    """What a scheduler starts a job with; secrets come from here."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MAIL_TOKEN": canaries.make("token"),
        "BODY_KEY": canaries.make("body"),
        **more,
    }


def papermill(
    output: Path, parameters: dict[str, Any], env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    given = [part for name, value in parameters.items() for part in ("-p", name, str(value))]
    return subprocess.run(
        [sys.executable, "-m", "papermill", str(NOTEBOOK), str(output), *given],
        cwd=output.parent, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def shown(notebook: Path) -> str:
    """The plain text of all outputs."""
    cells = nbformat.read(notebook, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue", "")
        for output in outputs
    )


def users(receiver: Receiver) -> list[str]:
    """Whose matches arrived, in any order."""
    return sorted(json.loads(each.body)["user"] for each in receiver.requests)


def commands() -> dict[str, str]:
    """The shell commands in the notebook's text, by their first word."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    blocks = re.findall(r"```sh\n(.*?)```", "\n".join(texts), re.DOTALL)
    return {block.split()[0]: block for block in blocks}


def test_papermill_and_the_command_share_a_ledger(tmp_path: Path, receiver: Receiver) -> None:
    """The first run delivers, and those after it, by the notebook or the command, only what is new.

    The commands are those of the notebook's text, run by a shell as cron does.
    """
    folder = make_folder(tmp_path / "data", receiver.url + "/hook")
    env = environment(Canaries())
    (tmp_path / "runs").mkdir()
    (tmp_path / "notebooks").symlink_to(NOTEBOOK.parent)
    first = {"folder": folder, "since": "2026-03-01", "dry_run": False}
    done = papermill(tmp_path / "runs" / "first.ipynb", first, env)
    assert done.returncode == 0, done.stderr
    assert users(receiver) == ["u0", "u1", "u2"]
    assert "Delivered 3" in shown(tmp_path / "runs" / "first.ipynb")
    sent = {each.header("Idempotency-Key") for each in receiver.requests}

    def cron(name: str) -> subprocess.CompletedProcess[str]:
        line = commands()[name].replace("/srv/data", str(folder))
        return subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, env=env,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    for name in ("papermill", "streamkit"):
        done = cron(name)
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").glob("????-??-??.ipynb"))) == 1
    assert len(receiver.requests) == 3
    write_events(folder, 2, range(3, 5))
    assert cron("streamkit").returncode == 0
    assert users(receiver) == ["u0", "u1", "u2", "u3", "u4"]
    assert len({each.header("Idempotency-Key") for each in receiver.requests} - sent) == 2


def repeat(request: Received) -> Reply:
    """Refuse, and repeat whatever was sent."""
    return Reply(422, body=request.raw_head + request.body)


def test_a_dead_letter_fails_the_job_and_the_report_stays(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Exit code not 0; the executed notebook says what died, and holds no secret at all."""
    canaries = Canaries()
    hook = receiver.script("/hook", repeat) + "?key=" + canaries.make("url")
    env = environment(canaries, HOOK=hook)
    folder = make_folder(tmp_path / "data", "env:HOOK")
    output = tmp_path / "run.ipynb"
    parameters = {"folder": folder, "since": "start", "dry_run": False}
    done = papermill(output, parameters, env)
    assert done.returncode != 0
    assert users(receiver) == ["u0", "u1", "u2"]
    first = receiver.requests[0]
    assert set(canaries.found_in(first.raw_head + first.body)) == {"token", "body", "url"}
    said = shown(output)
    assert "3 died" in said
    assert "0 delivered + 3 dead" in said
    assert said.count("422") >= 3
    assert "a person is needed" in said
    canaries.assert_absent(done.stdout + done.stderr, "what papermill prints")
    canaries.assert_absent_from_files(tmp_path)


def test_a_parked_destination_fails_the_job(tmp_path: Path, receiver: Receiver) -> None:
    """And the run after it is mended sends what waited."""
    hook = receiver.script("/hook", Reply(401))
    folder = make_folder(tmp_path / "data", hook)
    env = environment(Canaries())
    parameters = {"folder": folder, "since": "2026-03-01", "dry_run": False}
    assert papermill(tmp_path / "one.ipynb", parameters, env).returncode != 0
    assert "Parked: " in shown(tmp_path / "one.ipynb")
    receiver.requests.clear()
    receiver.script("/hook", Reply(204))
    assert papermill(tmp_path / "two.ipynb", parameters, env).returncode == 0
    assert users(receiver) == ["u0", "u1", "u2"]


class Scheduler:
    """jupyter-scheduler behind its REST interface, as JupyterLab's form uses it."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/scheduler/jobs"

    def _ask(self, path: str, data: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 # loopback
            self._url + path,
            None if data is None else json.dumps(data).encode(),
            {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 # loopback
            return json.load(answer)

    def run(self, notebook: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Run a notebook to its end; the job as it is then."""
        job = {
            "name": "nightly",
            "input_uri": notebook,
            "runtime_environment_name": "python",
            "output_formats": ["ipynb"],
            "parameters": parameters,
        }
        name = self._ask("", job)["job_id"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found: dict[str, Any] = self._ask(f"/{name}")
            if found["status"] in ("COMPLETED", "FAILED"):
                return found
            time.sleep(0.3)
        raise AssertionError(f"the job did not end: {found}")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a JupyterLab whose jobs have an environment of the test's."""
    started: list[Any] = []

    def start(env: dict[str, str]) -> Scheduler:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        port = free_port()
        (tmp_path / "lab").mkdir()
        process = start_server(tmp_path / "lab", port)
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_for_server(process, url, tmp_path / "lab" / "lab.log")
        return Scheduler(url)

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_jupyter_scheduler_runs_it(tmp_path: Path, receiver: Receiver, server: Any) -> None:
    """A copy in a folder of its own, parameters pasted as source: the ledger is the same one.

    A job that needs a person is FAILED, and its executed notebook is kept with the report.
    """
    canaries = Canaries()
    hook = receiver.script("/hook", Reply(200), Reply(200), Reply(200), repeat)
    folder = make_folder(tmp_path / "data", hook)
    env = environment(canaries)
    scheduler: Scheduler = server(env)
    shutil.copy(NOTEBOOK, tmp_path / "lab" / "work" / NOTEBOOK.name)
    parameters = {"folder": repr(str(folder)), "since": '"2026-03-01"', "dry_run": "False"}
    first = scheduler.run(NOTEBOOK.name, parameters)
    assert first["status"] == "COMPLETED", first
    assert users(receiver) == ["u0", "u1", "u2"]
    again = scheduler.run(NOTEBOOK.name, {**parameters, "since": '"last"'})
    assert again["status"] == "COMPLETED", again
    assert len(receiver.requests) == 3
    write_events(folder, 2, range(3, 5))
    refused = scheduler.run(NOTEBOOK.name, {**parameters, "since": '"last"'})
    assert refused["status"] == "FAILED", refused
    assert "a person is needed" in refused["status_message"]
    assert users(receiver) == ["u0", "u1", "u2", "u3", "u4"]
    staged = (tmp_path / "lab" / "data" / "scheduler_staging_area" / refused["job_id"]).glob(
        "*.ipynb"
    )
    (executed,) = [file for file in staged if file.name != NOTEBOOK.name]
    assert "2 died" in shown(executed)
    canaries.assert_absent(json.dumps([first, again, refused]), "what the scheduler answers")
    canaries.assert_absent_from_files(tmp_path)
