"""The builder as people use it: a real JupyterLab, a real browser, a mouse or only keys."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copy

import pytest
from playwright.sync_api import Locator, Page, expect

from streamkit import Stream
from tests.conftest import ROOT
from tests.notebook.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DATA = ROOT / "data"
START = f"""
from streamkit import Builder, History
history = History({str(DATA / "shop")!r}, {str(DATA / "schema.yaml")!r})
"""
BUILDER = ".sk-builder"
EVIL = "<img src=x onerror=window.evil=1><script>window.evil=1</script>"


def folder_of(lab: Lab, name: str, *, stream: str | None = None) -> Path:
    """A folder with named conditions, and a stream if it is asked for."""
    folder = lab.folder / name
    folder.mkdir()
    copy(DATA / "streams" / "events.yaml", folder)
    if stream is not None:
        (folder / "checkout-rescue.yaml").write_text(stream)
    return folder


def shipped() -> Stream:
    return Stream.from_file(DATA / "streams" / "checkout-rescue.yaml")


def definition(stream: Stream) -> dict[str, object]:
    """The stream without what the definition's part does not make."""
    return {k: v for k, v in stream.to_dict().items() if k not in ("payload", "destination")}


@contextmanager
def opened(lab: Lab, cell: str, **options: object) -> Iterator[Notebook]:
    """A notebook with a builder in it."""
    with lab.notebook([START, cell], **options) as notebook:  # type: ignore[arg-type]
        notebook.command("application:toggle-left-area")
        notebook.run()
        notebook.page.locator(BUILDER).wait_for()
        yield notebook


def field(page: Page, label: str) -> Locator:
    return page.locator(BUILDER).get_by_label(label, exact=True)


def button(page: Page, words: str) -> Locator:
    return page.locator(BUILDER).get_by_role("button", name=words, exact=True)


def part(page: Page, name: str) -> None:
    page.locator(BUILDER).get_by_role("radio", name=name).click()


def status(page: Page) -> Locator:
    """The live region with the sentence, in the summary above the fields."""
    return page.locator(".jp-RenderedHTML [role=status]").first


def test_built_with_the_mouse(lab: Lab) -> None:
    """From nothing to the saved file of checkout-rescue, by clicking and filling in."""
    folder = folder_of(lab, "mouse")
    with opened(lab, f"Builder(history, {str(folder / 'checkout-rescue.yaml')!r})") as notebook:
        page = notebook.page
        notebook.screenshot("builder-empty")
        field(page, "Name").fill("checkout-rescue")
        field(page, "Description").fill(str(shipped().description))
        button(page, "Add step").click()
        field(page, "Step 1: Event").fill("add_to_cart")
        page.locator(BUILDER).get_by_title("Step 1: add a criterion").click()
        field(page, "Step 1: Property").fill("price")
        field(page, "Step 1: Test").select_option("is above")
        field(page, "Step 1: as").select_option("number")
        field(page, "Step 1: Value").fill("20")
        button(page, "Add step").click()
        field(page, "Step 2: Event").fill("defined: in_checkout")
        field(page, "Step 2: Within, of the step before").fill("20m")
        button(page, "Exclude between 1 and 2").click()
        field(page, "Exclude between steps 1 and 2: Event").fill("remove_from_cart")
        button(page, "Add step").click()
        field(page, "Step 3: Event").fill("checkout_error")
        field(page, "Step 3: At least, times").fill("2")
        button(page, "Exclude after step 3").click()
        field(page, "Exclude after step 3: Event").fill("purchase")
        field(page, "Exclude after step 3: For how long after the last step").fill("30m")
        field(page, "Within, first to last event").fill("1h")
        field(page, "Cooldown (empty: none)").fill("24h")
        field(page, "Cooldown by").fill("user")
        expect(status(page)).to_contain_text("at least 2 times checkout_error")
        expect(page.locator(BUILDER)).not_to_contain_text("Problem")
        part(page, "Review and save")
        button(page, "Save to YAML").click()
        expect(page.locator(BUILDER)).to_contain_text("Saved to")
        saved = folder / "checkout-rescue.yaml"
        assert definition(Stream.from_file(saved)) == definition(shipped())
        assert saved.read_text() == Stream.from_file(saved).to_yaml()
        assert (
            "where: {price: {gt: 20}}\n  - exclude: {event: remove_from_cart}" in saved.read_text()
        )


class Keys:
    """Somebody without a mouse: Tab to what is wanted, then type."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def focused(self) -> str:
        return str(
            self.page.evaluate(
                """() => { const e = document.activeElement;
                           const label = e.labels && e.labels[0];
                           return (label ? label.textContent : e.textContent || '').trim(); }"""
            )
        )

    def to(self, name: str, *, back: bool = False) -> None:
        for _ in range(150):
            if self.focused() == name:
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{name!r} cannot be reached with Tab")

    def type(self, name: str, text: str, *, back: bool = False) -> None:
        self.to(name, back=back)
        self.page.keyboard.type(text)

    def choose(self, name: str, words: str) -> None:
        """Go down a list to what is wanted."""
        self.to(name)
        for _ in range(30):
            chosen = "document.activeElement.selectedOptions[0].value"
            if self.page.evaluate(chosen) == words:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{words!r} cannot be chosen")

    def press(self, name: str, *, back: bool = False, then: str = "") -> None:
        """Press a button, and wait for the field it leads to."""
        self.to(name, back=back)
        self.page.keyboard.press("Enter")
        if then:
            self.wait(then)

    def wait(self, name: str) -> None:
        self.page.wait_for_function(
            """name => { const e = document.activeElement;
                         const label = e.labels && e.labels[0];
                         return label && label.textContent.trim() === name; }""",
            arg=name,
        )


def test_built_with_keys_alone(lab: Lab) -> None:
    """The same without a mouse: everything is reached with Tab, in an order that makes sense."""
    folder = folder_of(lab, "keys")
    with opened(lab, f"Builder(history, {str(folder / 'checkout-rescue.yaml')!r})") as notebook:
        keys = Keys(notebook.page)
        keys.type("Name", "checkout-rescue")
        keys.type("Description", str(shipped().description))
        keys.press("Add step", then="Step 1: Event")
        keys.type("Step 1: Event", "add_to_cart")
        keys.press("Add criterion", then="Step 1: Property")
        keys.type("Step 1: Property", "price")
        keys.choose("Step 1: Test", "is above")
        keys.choose("Step 1: as", "number")
        keys.type("Step 1: Value", "20", back=True)
        keys.press("Add step", then="Step 2: Event")
        keys.type("Step 2: Event", "defined: in_checkout")
        keys.type("Step 2: Within, of the step before", "20m")
        event = "Exclude between steps 1 and 2: Event"
        keys.press("Exclude between 1 and 2", back=True, then=event)
        keys.type(event, "remove_from_cart")
        keys.press("Add step", then="Step 3: Event")
        keys.type("Step 3: Event", "checkout_error")
        keys.type("Step 3: At least, times", "2")
        keys.press("Exclude after step 3", then="Exclude after step 3: Event")
        keys.type("Exclude after step 3: Event", "purchase")
        keys.type("Exclude after step 3: For how long after the last step", "30m")
        keys.type("Within, first to last event", "1h")
        keys.type("Cooldown (empty: none)", "24h")
        expect(field(notebook.page, "Cooldown by")).to_be_enabled()
        keys.type("Cooldown by", "user")
        keys.to("Definition", back=True)
        for _ in range(4):
            notebook.page.keyboard.press("ArrowRight")
        keys.press("Save to YAML")
        expect(notebook.page.locator(BUILDER)).to_contain_text("Saved to")
        assert definition(Stream.from_file(folder / "checkout-rescue.yaml")) == definition(
            shipped()
        )


def test_an_open_stream_is_edited(lab: Lab) -> None:
    """A criterion is changed and taken back; problems come and go; the preview keeps up."""
    text = (DATA / "streams" / "checkout-rescue.yaml").read_text()
    folder = folder_of(lab, "open", stream=text)
    file = str(folder / "checkout-rescue.yaml")
    with opened(lab, f"builder = Builder(history, {file!r})\nbuilder") as notebook:
        page = notebook.page
        preview = page.locator(".sk-preview")
        expect(preview).to_contain_text("Would have fired 304 times")
        expect(preview).to_contain_text("320,000 rows in")
        value = field(page, "Step 1: Value")
        value.fill("150")
        expect(status(page)).to_contain_text("price is above 150")
        expect(preview).not_to_contain_text("Would have fired 304 times")
        button(page, "Undo").click()
        expect(value).to_have_value("20")
        expect(status(page)).to_contain_text("price is above 20")
        expect(preview).to_contain_text("Would have fired 304 times")
        field(page, "Within, first to last event").fill("soon")
        expect(page.locator(BUILDER)).to_contain_text("'soon' is no duration")
        expect(status(page)).to_contain_text("Not complete yet: 1 problem.")
        notebook.screenshot("builder-problem")
        field(page, "Within, first to last event").fill("1h")
        expect(page.locator(BUILDER)).not_to_contain_text("is no duration")
        for name in ("Definition", "Destination", "Field mapping", "Send test",
                     "Review and save", "YAML"):  # fmt: skip # in their order
            part(page, name)
            page.wait_for_timeout(300)  # let it be drawn, so that all of it is looked at
            notebook.screenshot(f"builder-{name.lower().replace(' ', '-')}", BUILDER)
            assert not notebook.violations(BUILDER, ".jp-RenderedHTML")
        editor = field(page, "The stream's file, as YAML")
        assert editor.input_value() == text
        editor.fill(text.replace("gt: 20", "gt: 30"))
        expect(status(page)).to_contain_text("price is above 30")
        part(page, "Definition")
        expect(field(page, "Step 1: Value")).to_have_value("30")


def test_a_preview_is_cancelled_and_comes_again(lab: Lab) -> None:
    """Cancel stops what runs and leaves what was found; the next one is asked for by a button."""
    slow = """
import streamkit.notebook.preview as preview
import threading
gate = threading.Event()
find = preview.Preview._find
def slowly(self, stream, history, ticket):
    while not gate.wait(0.05):
        if self._ticket != ticket:
            raise preview._Overtaken
    return find(self, stream, history, ticket)
preview.Preview._find = slowly
"""  # the gate stands for a history that takes long to read
    stream = 'Builder(history, __import__("streamkit").Stream("all", [{"event": "purchase"}]))'
    with opened(lab, f"{slow}\nbuilder = {stream}\nbuilder") as notebook:
        page = notebook.page
        button(page, "Cancel preview").click()
        expect(page.locator(".sk-preview")).to_contain_text("Cancelled.")
        page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
                .requestExecute({code: 'gate.set()'}).done"""
        )
        button(page, "Preview again").click()
        expect(page.locator(".sk-preview")).to_contain_text("Would have fired")


class Receiver(BaseHTTPRequestHandler):
    """Takes everything and keeps it."""

    taken: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thank you")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    handler = type("Kept", (Receiver,), {"taken": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", handler.taken
        server.shutdown()
        thread.join()


def test_a_test_is_sent(lab: Lab) -> None:
    """The request reaches the receiver with its secret; the page and the notebook never hold it."""
    secret = "s3cr3t-" + "x" * 12
    file = lab.root / "token"
    file.write_text(secret)
    with receiver() as (url, taken):
        cell = """
from streamkit import Stream
stream = Stream("orders", [{"event": "purchase"}], frequency="every")
builder = Builder(history, stream)
builder
"""
        with opened(lab, cell, dark=True) as notebook:
            page = notebook.page
            part(page, "Destination")
            field(page, "URL, or a reference such as env:HOOK_URL").fill(url)
            field(page, "New connection: Name").fill("crm")
            field(page, "New connection: Token").fill(secret)
            button(page, "Add connection").click()
            expect(page.locator(BUILDER)).to_contain_text("secret in plain text")
            field(page, "New connection: Token").fill(f"file:{file}")
            button(page, "Add connection").click()
            expect(page.locator(BUILDER)).to_contain_text("crm can be chosen above")
            field(page, "Connection").select_option("crm")
            button(page, "Look behind the references").click()
            expect(page.locator(BUILDER)).to_contain_text("something is there")
            part(page, "Field mapping")
            field(page, "The body is made from").select_option("fields: step, property, name")
            field(page, "Field 1: Property").fill("price")
            expect(page.locator(".sk-preview")).to_contain_text('"price":')
            assert not notebook.violations(BUILDER)
            part(page, "Send test")
            expect(field(page, "Body to send; edit it as you like")).to_have_value(
                re.compile('"price"')
            )
            button(page, "Send test").click()
            expect(page.locator(BUILDER)).to_contain_text("Delivered in")
            expect(page.locator(BUILDER)).to_contain_text("thank you")
            notebook.screenshot("builder-sent", BUILDER)
            assert not notebook.violations(BUILDER)
            assert secret not in page.content()
            assert secret not in json.dumps(notebook.save())
    headers, body = taken[0]
    assert len(taken) == 1
    assert headers["Authorization"] == f"Bearer {secret}"
    assert set(json.loads(body)) == {"price"}


def test_the_summary_stays_and_markup_stays_text(lab: Lab) -> None:
    """Saved, closed and opened again the summary is there; an event's name never runs."""
    cell = f"""
import polars as pl
evil = {EVIL!r}
events = pl.DataFrame({{"time": ["2026-03-01T10:00:00Z"], "event": [evil], "session_id": [evil],
                       evil: [evil]}})
from streamkit import Stream
builder = Builder(events, Stream(evil, [{{"event": evil, "where": {{'"' + evil + '"': evil}}}}]))
builder
"""
    with opened(lab, cell) as notebook:
        page = notebook.page
        expect(page.locator(".sk-preview")).to_contain_text("Would have fired 1 time")
        for name in ("Review and save", "Field mapping", "Destination", "Definition"):
            part(page, name)
        expect(field(page, "Step 1: Event")).to_have_value(EVIL)
        assert page.evaluate("window.evil") is None
        notebook.save()
    with lab.notebook(notebook.path) as again:
        summary = again.page.locator(".jp-RenderedHTML").first
        expect(summary).to_contain_text("Would have fired 1 time")
        expect(summary).to_contain_text("<img src=x")
        expect(summary.locator("pre")).to_contain_text("steps:")
        assert again.page.evaluate("window.evil") is None
