"""Results, the catalogue and saved pages as a person sees them: a real JupyterLab, a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from playwright.sync_api import expect

from streamkit import History, Schema, Stream, backtest
from tests.backtesting.test_report import PAYLOADS, hostile_result
from tests.backtesting.test_result import START
from tests.conftest import ROOT
from tests.notebook.lab import notebook_file

if TYPE_CHECKING:
    from tests.notebook.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RESCUE = f"""\
from streamkit import History, backtest, load
history = History({str(ROOT / "data" / "shop" / "events_2026-03-0*.parquet")!r},
                  schema={str(ROOT / "data" / "schema.yaml")!r})
backtest(load({str(ROOT / "data" / "streams" / "checkout-rescue.yaml")!r}), history)"""
CATALOG = RESCUE.replace(RESCUE.splitlines()[-1], "history.catalog()")
OUTPUT = ".jp-OutputArea"


def untrusted(notebook: dict[str, Any], path: Path) -> Path:
    """A saved notebook as somebody else receives it."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("trusted", None)
    path.write_text(json.dumps(notebook))
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_a_result_is_drawn_and_axe_finds_nothing(lab: Lab, width: int, *, dark: bool) -> None:
    """Charts are drawn by JupyterLab itself, offline, with names; in both themes and widths."""
    with lab.notebook([RESCUE], width=width, height=2600, dark=dark) as notebook:
        if width == 800:
            notebook.command("application:toggle-left-area")
        notebook.run()
        page = notebook.page
        expect(page.get_by_text("Would have fired")).to_be_visible()
        charts = page.locator(".vega-embed canvas, .vega-embed svg")
        expect(charts).to_have_count(2)
        expect(
            page.locator("[aria-label^='Matches a day (UTC), 2026-03-01']").first
        ).to_be_visible()
        assert not notebook.violations(OUTPUT)
        notebook.screenshot(f"result-{'dark' if dark else 'light'}-{width}")


def test_a_result_survives_saving_and_distrust(lab: Lab) -> None:
    """Opened again by somebody else: headline, tables, charts and the folded queries are there."""
    with lab.notebook([RESCUE], height=2600) as notebook:
        notebook.run()
        expect(notebook.page.locator(".vega-embed canvas, .vega-embed svg")).to_have_count(2)
        saved = notebook.save()
    assert all(len(json.dumps(output)) < 60_000 for output in saved["cells"][0]["outputs"])
    with lab.notebook(untrusted(saved, lab.folder / "received.ipynb"), height=2600) as received:
        page = received.page
        expect(page.get_by_text("Would have fired")).to_be_visible()
        expect(page.locator(".vega-embed canvas, .vega-embed svg")).to_have_count(2)
        expect(
            page.get_by_role("cell", name="86").or_(page.get_by_text("30 min wait")).first
        ).to_be_visible()
        page.get_by_text("SQL: what was asked, as queries").click()
        expect(page.get_by_text("WITH input AS").first).to_be_visible()
        assert not received.violations(OUTPUT)
        received.screenshot("result-untrusted")


@pytest.mark.parametrize("payload", PAYLOADS, ids=["elements", "templates"])
def test_a_hostile_event_does_nothing(lab: Lab, payload: str, tmp_path: Path) -> None:
    """Trusted output, chart and its tooltip: no dialog opens, nothing is asked of anybody."""
    result = hostile_result(payload, tmp_path)
    result.save_html(lab.folder / "hostile.html")
    frame = pl.DataFrame({"time": [START] * 2, "event": [payload] * 2, "session": ["1", "2"]})
    frame.write_parquet(lab.folder / "hostile.parquet")
    cell = (
        "from streamkit import History, Stream, backtest\n"
        "history = History('hostile.parquet', {'time': 'time', 'name': 'event', 'session': 'session'})\n"
        f"streams = [Stream(name, [{{'event': {payload!r}}}]) for name in ({payload!r}, 'b')]\n"
        "backtest(streams, history)"
    )
    with lab.notebook([cell, "history.catalog()"], height=2000) as notebook:
        opened: list[str] = []
        notebook.page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        notebook.run()
        chart = notebook.page.locator(".vega-embed canvas, .vega-embed svg").first
        box = chart.bounding_box()
        assert box is not None
        for share in (0.4, 0.6, 0.8):  # the only bars stand somewhere here
            notebook.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 12)
            notebook.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 40)
        assert payload[:20] in notebook.texts()
        notebook.screenshot("hostile")
        asked: list[str] = []
        page = notebook.page.context.new_page()
        page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((lab.folder / "hostile.html").as_uri())
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.querySelectorAll('script, [onload], [onerror]').length") == 0
        assert not opened
        assert [url for url in asked if not url.startswith("data:")] == [page.url]


def test_a_saved_page_opens_without_a_network_and_prints(lab: Lab) -> None:
    """Axe finds nothing, charts are there, nothing is asked for; on paper the queries are left out."""
    from axe_playwright_python.sync_playwright import Axe

    events = pl.DataFrame(
        {"time": [START, START], "event": ["A", "B"], "session": ["1", "1"], "n": [1, 2]}
    )
    schema = Schema(time="time", name="event", session="session")
    stream = Stream("ab", [{"event": "A"}, {"event": "B"}], within="1h")
    backtest(stream, History(events, schema)).save_html(lab.folder / "report.html")
    context = lab.browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((lab.folder / "report.html").as_uri())
    expect(page.get_by_text("Would have fired 1 time, in 1 of 1 sessions")).to_be_visible()
    expect(page.locator("figure[role=img]")).to_have_count(2)
    results = Axe().run(page)
    found = [each["id"] for each in results.response["violations"]]
    assert found == []
    page.emulate_media(media="print")
    expect(page.get_by_text("SQL: what was asked, as queries")).to_be_hidden()
    assert asked == [page.url]
    context.close()


def test_the_catalogue_is_searched_and_gives_a_step(lab: Lab) -> None:
    """Search, choose, take; by names that a screen reader hears; the table survives saving."""
    with lab.notebook([CATALOG], height=1500) as notebook:
        notebook.run()
        page = notebook.page
        expect(page.get_by_role("rowheader", name="page_view").first).to_be_visible()
        assert not notebook.violations(OUTPUT)
        page.get_by_role("textbox", name="Search").fill("gateway_unav")
        expect(page.get_by_text("'gateway_unav': met 1 times")).to_be_visible()
        page.get_by_role("combobox", name="Event").select_option(index=1)
        expect(page.get_by_text("checkout_error: ")).to_be_visible()
        path = "properties.error.code"
        choose = page.get_by_role("combobox", name="Property")
        choose.select_option(
            index=choose.locator("option")
            .all_inner_texts()
            .index(
                next(
                    text
                    for text in choose.locator("option").all_inner_texts()
                    if text.startswith(path)
                )
            )
        )
        page.get_by_role("combobox", name="Value").fill("gateway_unavailable")
        page.get_by_role("button", name="Use in a stream").click()
        expect(page.get_by_text(f"where: {{{path}: gateway_unavailable}}")).to_be_visible()
        assert not notebook.violations(OUTPUT)
        notebook.screenshot("catalogue")
        saved = notebook.save()
    with lab.notebook(untrusted(saved, lab.folder / "catalogue.ipynb")) as received:
        expect(received.page.get_by_role("rowheader", name="page_view").first).to_be_visible()
        assert f"where: {{{path}: gateway_unavailable}}" in received.texts()


def test_a_live_run_is_watched_and_stopped_while_a_cell_runs(lab: Lab) -> None:
    """The card goes on beside a running cell; its last state stays in the saved notebook."""
    begin = (
        "import time\n"
        "from streamkit import Schema, Stream\n"
        "from streamkit.notebook.monitors import watch_live\n"
        "from streamkit.streaming import live\n"
        "def events():\n"
        "    for n in range(100_000):\n"
        "        time.sleep(0.01)\n"
        "        yield {'at': 1_750_000_000 + n, 'event': 'ab'[n % 2], 'sid': f's{n // 4}'}\n"
        "found = []\n"
        "schema = Schema(time='at', name='event', session='sid', time_unit='s')\n"
        "stream = Stream('<b>ab</b>', [{'event': 'a'}, {'event': 'b'}], within='1h')\n"
        "run = live(stream, events(), schema, sink=found.append, allowed_lateness='1s')\n"
        "watch_live(run).show();"
    )
    wait = (
        "while run.running and len(found) < 2_000:\n    time.sleep(0.1)\nprint('over', run.running)"
    )
    with lab.notebook([begin, wait]) as notebook:
        page = notebook.page
        # not waited for: the second cell goes on until the run is stopped
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        expect(page.get_by_text("Live: running")).to_be_visible()
        expect(page.get_by_role("rowheader", name="<b>ab</b>").first).to_be_visible()
        assert not notebook.violations(OUTPUT)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Live: ended")).to_be_visible()
        expect(page.get_by_text("over False")).to_be_visible()
        notebook.screenshot("live")
        saved = notebook.save()
    with lab.notebook(untrusted(saved, lab.folder / "live.ipynb")) as received:
        expect(received.page.get_by_text("Live: ended")).to_be_visible()


def test_a_file_for_a_notebook_is_valid() -> None:
    """What the tests above open is what JupyterLab saves."""
    import nbformat

    nbformat.validate(nbformat.from_dict(notebook_file(["1"])))
