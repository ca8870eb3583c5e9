"""One JupyterLab and one browser for all tests of a session that carry the marker `browser`.

    pytestmark = pytest.mark.browser

    def test_a_click_counts(lab: Lab) -> None:
        with lab.notebook(["1 + 1"]) as notebook:      # a page of its own, kernel ready
            notebook.run()                             # every cell, and waits until all are done
            expect(notebook.page.get_by_text("2")).to_be_visible()
            assert not notebook.violations(".jp-OutputArea")
            notebook.screenshot("sum")                 # out/screens/sum.png

`notebook.strangers` lists requests to other machines; leaving the block fails where there is one.
Playwright's event loop lives in a thread of its own, in which the marked tests run as well: a
loop that runs in the main thread would break every `asyncio.run` of the tests after them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.conftest import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # needed where the tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # containers have little shared memory
    "--force-prefers-reduced-motion",
]
TOKEN = "lab"  # noqa: S105 # of a server on loopback that lives as long as the tests
SCREENS = ROOT / "out" / "screens"
LOOPBACK = ("127.0.0.1", "localhost", "::1", "")
PATIENCE = 30_000
"""Milliseconds; machines are shared."""
expect.set_options(timeout=PATIENCE)


@dataclass
class Notebook:
    """One notebook open in a page of its own."""

    page: Page
    path: Path
    strangers: list[str] = field(default_factory=list)

    def run(self, seconds: float = 60) -> None:
        """Run every cell, and wait until the last one is done."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.widgets;
                return cells.filter(cell => cell.model.type === 'code')
                    .every(cell => cell.model.executionCount !== null
                                   && cell.promptNode.textContent !== '[*]:');
            }""",
            timeout=seconds * 1000,
        )

    def command(self, name: str) -> None:
        """Run a command of JupyterLab, as its menus do."""
        self.page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def save(self) -> dict[str, Any]:
        """Save as Ctrl+S does, until nothing more comes in; what the file holds then."""
        for _ in range(20):
            self.command("docmanager:save")
            if not self.page.evaluate(
                "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
            ):
                break
            self.page.wait_for_timeout(200)  # an output changed meanwhile
        return dict(json.loads(self.path.read_text()))

    def texts(self, selector: str = ".jp-OutputArea") -> str:
        """The text of the outputs."""
        return "\n".join(self.page.locator(selector).all_inner_texts())

    def violations(self, *selectors: str) -> list[str]:
        """What axe finds wrong in these parts of the page, one line each."""
        from axe_playwright_python.sync_playwright import Axe

        results = Axe().run(self.page, context={"include": [[each] for each in selectors]})
        return [
            f"{found['id']} ({found['impact']}): {node['html'][:200]}: {node['failureSummary']}"
            for found in results.response["violations"]
            for node in found["nodes"]
        ]

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """Keep a picture in the git-ignored out/screens: of the window, or of the whole of a part."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        file = SCREENS / f"{name}.png"
        if selector is None:
            self.page.screenshot(path=file)
        else:
            self.page.locator(selector).first.screenshot(path=file)
        return file


@dataclass
class Lab:
    """A running JupyterLab and a browser."""

    root: Path
    url: str
    browser: Browser
    opened: int = 0

    @property
    def folder(self) -> Path:
        """Where notebooks, and whatever their cells write, are."""
        return self.root / "work"

    @contextmanager
    def notebook(
        self,
        cells: Sequence[str] | Path,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        may_call: bool = False,
    ) -> Iterator[Notebook]:
        """Open a notebook in a page of its own, kernel ready and nothing run.

        Args:
            cells: Source of the code cells, or a notebook in `folder` to open (again).
            width: Of the window, in pixels.
            height: Of the window, in pixels.
            dark: Whether JupyterLab shows its dark theme.
            may_call: Whether requests to other machines are left to the test to judge.
        """
        if isinstance(cells, Path):
            path = cells
        else:
            self.opened += 1
            path = self.folder / f"notebook-{self.opened}.ipynb"
            path.write_text(json.dumps(notebook_file(cells)))
        self._choose_theme(dark=dark)
        context = self.browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        notebook = Notebook(page, path)

        def note(url: str) -> None:
            if urlsplit(url).scheme not in {"data", "blob"} and (
                (urlsplit(url).hostname or "") not in LOOPBACK
            ):
                notebook.strangers.append(url)

        context.on("request", lambda request: note(request.url))
        page.on("websocket", lambda websocket: note(websocket.url))
        try:
            page.goto(f"{self.url}/lab/tree/{path.name}?token={TOKEN}&reset")
            page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
            # The status bar's text is the only dependable sign: the toolbar's indicator says
            # "idle" before a kernel is attached.
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            yield notebook
            assert may_call or not notebook.strangers, notebook.strangers
        finally:
            self._shut_kernels(context)
            context.close()

    def _choose_theme(self, *, dark: bool) -> None:
        """JupyterLab reads its theme from this file when a page is loaded."""
        settings = self.root / "settings" / "@jupyterlab" / "apputils-extension"
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))

    def _shut_kernels(self, context: Any) -> None:
        """End the kernels: each holds a history's memory."""
        headers = {"Authorization": f"token {TOKEN}"}
        answer = context.request.get(f"{self.url}/api/sessions", headers=headers)
        for session in answer.json():
            context.request.delete(f"{self.url}/api/sessions/{session['id']}", headers=headers)


def notebook_file(cells: Sequence[str]) -> dict[str, Any]:
    """A notebook with these code cells."""
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for index, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def start_server(root: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a JupyterLab that reads and writes nothing outside `root`."""
    (root / "work").mkdir()
    settings = root / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # without this a pop-up with news covers the bottom right corner
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(root / "config"),
        "JUPYTER_DATA_DIR": str(root / "data"),
        "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
        "IPYTHONDIR": str(root / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root / 'work'}",
        "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (root / "lab.log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)


def wait_for_server(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended early:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"{url}/api?token={TOKEN}", timeout=1):  # noqa: S310 # loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail("JupyterLab did not answer within 60 s")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_lab(root: Path) -> Iterator[Lab]:
    """A JupyterLab and a browser, for a script or for `lab`; all Playwright calls in one thread."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = start_server(root, port)
    try:
        with sync_playwright() as playwright:
            browser = start_browser(playwright)
            wait_for_server(server, url, root / "lab.log")
            try:
                yield Lab(root, url, browser)
            finally:
                browser.close()
    finally:
        server.terminate()  # by its own handle: nothing else is ended
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def start_browser(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[ThreadPoolExecutor]:
    """The one thread that talks to the browser."""
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        yield thread


@pytest.fixture(scope="session")
def lab(
    browser_thread: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """One JupyterLab and one browser for the whole session."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    running = running_lab(tmp_path_factory.mktemp("lab"))
    yield browser_thread.submit(running.__enter__).result()
    browser_thread.submit(running.__exit__, None, None, None).result()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked `browser` in the browser's thread."""
    if pyfuncitem.get_closest_marker("browser") is None:
        return None
    thread: ThreadPoolExecutor = pyfuncitem._request.getfixturevalue("browser_thread")
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    thread.submit(pyfuncitem.obj, **arguments).result()
    return True
