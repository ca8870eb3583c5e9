"""The report in every state, as one file, and with hostile text in every field."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import Backtest, EventsError, History, Schema, Stream, backtest
from streamkit.backtesting.html import FEW_STREAMS, report_html
from streamkit.backtesting.page import page_html
from streamkit.backtesting.report import MOST_ROWS_READ_AGAIN, overview_parts, stream_parts
from streamkit.charting import Chart
from tests.backtesting.test_result import START, history

AB = Stream("ab", [{"event": "A"}, {"event": "B"}], within="10h", frequency="every")
WAIT = Stream("wait", [{"event": "A"}, {"exclude": {"event": "B"}, "for": "5h"}])
ALLOWED = {
    "div", "h2", "h3", "p", "strong", "em", "span", "table", "thead", "tbody", "tr", "th", "td",
    "details", "summary", "pre", "ul", "li", "img",
}  # fmt: skip
"""What a saved and untrusted notebook keeps."""
PAYLOADS = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(1)>' onmouseover='alert(1)",
    "</style></title></pre><svg onload=alert(1)>{{constructor}} ${alert(1)} datum.x javascript:1",
)


class Parts(HTMLParser):
    """The elements and attributes of a text, and the words between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def many(count: int) -> Backtest:
    streams = [
        Stream(f"stream-{place}", [{"event": "A"}, {"event": "B"}], within="10h")
        for place in range(count)
    ]
    return backtest(streams, history("1A0 1B1 2A30 2B31"))


STATES = {
    "matches": lambda: backtest(AB, history("1A0 1B1 1B2 2A30 2B31 3A0 3B20")),
    "one match": lambda: backtest(AB, history("1A0 1B1")),
    "single event": lambda: backtest(Stream("a", [{"event": "A"}]), history("1A0 2A3")),
    "no match": lambda: backtest(AB, history("1A0 2A3")),
    "no first step": lambda: backtest(AB, history("1C0")),
    "only pendings": lambda: backtest(WAIT, history("1A0")),
    "matches and pendings": lambda: backtest(WAIT, history("1A0 2A8 1C10")),
    "instant": lambda: backtest(
        Stream("aa", [{"event": "A"}, {"event": "A"}], within="1s"), history("1A0 1A0")
    ),
    "unbounded": lambda: backtest(
        Stream("ab", [{"event": "A"}, {"event": "B"}], within="unbounded"), history("1A0 1B999")
    ),
    "few streams": lambda: many(FEW_STREAMS),
    "5 streams": lambda: many(5),
    "range": lambda: backtest(AB, history("1A0 1B1 1B2"), since=START + timedelta(hours=2)),
    "years": lambda: backtest(AB, history(f"1A0 1B1 2A{24 * 900}")),
}


@pytest.mark.parametrize(
    "state", [pytest.param(s, marks=pytest.mark.slow if "5 streams" in s else ()) for s in STATES]
)
def test_every_state_has_a_report_and_a_page(state: str) -> None:
    """Only elements that survive; the headline, the numbers and what was run are in it."""
    result = STATES[state]()
    parts = Parts(report_html(result))
    assert parts.tags <= ALLOWED
    assert "What was run" in parts.words
    assert f"{result.summary['rows']:,} rows" in parts.words
    page = Parts(page_html(result))
    for name in [each.name for each in result.streams]:
        assert name in page.words
    assert ("Matches over time" in page.words) == bool(result.matches.height)
    assert ("Still waiting" in page.words) == bool(result.pending.height)
    assert page.words.count("How far the") == len(result.streams)


def test_a_stream_that_ended_early_says_where() -> None:
    """The first stage that nothing reached."""
    assert "No session came as far as step 2 (B); 2 came" in report_html(STATES["no match"]())
    assert "No event met the first step (A)" in report_html(STATES["no first step"]())


def test_many_streams_are_shown_beside_one_another() -> None:
    """And one of them in full, on request: an output of a notebook stays small."""
    result = many(25)
    charts = [part for part in overview_parts(result) if isinstance(part, Chart)]
    assert [len(chart.spec["layer"]) for chart in charts] == [2]
    html = report_html(result)
    assert "result.only(&#x27;stream-0&#x27;)" in html
    assert html.count("How far the") == 0
    assert len(html) < 150_000


def test_long_histories_are_not_read_again_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A report of a long history says how to ask what each rule removed."""
    result = STATES["matches"]()
    assert "matches removed" in report_html(result)
    monkeypatch.setattr("streamkit.backtesting.report.MOST_ROWS_READ_AGAIN", 1)
    assert MOST_ROWS_READ_AGAIN > 1
    html = report_html(result)
    assert "matches removed" not in html
    assert "result.effects()" in html


def hostile_result(payload: str, folder: Path) -> Backtest:
    """A payload as stream, description, event, key, user, property, value and file name."""
    path = f'"{payload.replace(chr(34), chr(34) * 2)}"'
    frame = pl.DataFrame(
        {
            "time": [START, START + timedelta(minutes=5), START + timedelta(days=2)],
            "event": [payload, payload + "2", payload],
            "session": [payload] * 3,
            "user": [payload] * 3,
            payload: [payload] * 3,
            "json": [json.dumps({payload: payload})] * 3,
        }
    )
    place = folder / (payload.replace("/", "∕") + ".parquet")
    frame.write_parquet(place)
    where = {path: payload, f"json.{path}": payload}
    first = {"event": payload, "where": where}
    second = {"event": payload + "2", "where": where}
    gone = {"exclude": {"event": payload + "3", "where": where}}
    stream = Stream(
        payload,
        [first, gone, second],
        within="1h",
        description=payload,
        cooldown={"for": "1h", "by": path},
    )
    last = {"exclude": gone["exclude"], "for": "1h"}
    wait = Stream(payload + " waits", [first, last], frequency="every")
    schema = Schema(time="time", name="event", session="session", user="user", json=["json"])
    return backtest([stream, wait], History(str(folder), schema))


@pytest.mark.slow
@pytest.mark.parametrize("payload", PAYLOADS, ids=["elements", "templates"])
def test_hostile_text_is_text_everywhere(payload: str, tmp_path: Path) -> None:
    """In reports, pages and charts: no element, no attribute and no address comes from it."""
    result = hostile_result(payload, tmp_path)
    assert (result.matches.height, result.pending.height) == (2, 1)
    for html, allowed in (
        (report_html(result), ALLOWED),
        (report_html(result.only(payload)), ALLOWED),
        (page_html(result), None),
    ):
        parts = Parts(html)
        assert payload[:20] in parts.words
        if allowed:
            assert parts.tags <= allowed
        assert not parts.tags & {"script", "iframe", "object", "embed", "link", "form", "a"}
        assert not [name for name, _ in parts.attributes if name.startswith("on")]
        sources = [value for name, value in parts.attributes if name in ("src", "href")]
        assert all(value.startswith("data:image/png;base64,") for value in sources)
    for part in stream_parts(result, payload):
        if isinstance(part, Chart):
            assert "<script" not in part.svg()
            assert "<img" not in part.svg()


def test_a_page_fetches_nothing_and_runs_nothing() -> None:
    """By its own policy, whatever stands in it."""
    page = page_html(STATES["matches"]())
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "<script" not in page
    assert page.count("http://www.w3.org/") == page.count("http:")  # names of SVG, not addresses
    assert "https:" not in page


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A folder that is not there is a message; what was there stays."""
    target = tmp_path / "report.html"
    target.write_text("old")
    STATES["one match"]().save_html(target)
    assert target.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(EventsError, match="cannot be written"):
        STATES["one match"]().save_html(tmp_path / "nowhere" / "report.html")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_outside_a_notebook_a_result_shows_itself_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """IPython in a terminal asks in the same way as a notebook."""
    result = STATES["one match"]()
    result._ipython_display_()
    assert capsys.readouterr().out == f"{result!r}\n"
