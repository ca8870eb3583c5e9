"""The builder compares costs with the budget that sending would go by, and says which that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamkit import Stream, backtest
from streamkit.notebook.preview import Previewed
from streamkit.notebook.summary import report_html
from tests.notebook.test_window import EVENTS, Shown

STREAM = Stream("carts", [{"event": "add_to_cart"}])
"""Fires once: a hundredth of an activation."""


def review(stream: Stream | Path) -> str:
    """What the part for looking over and saving says."""
    shown = Shown(stream)
    try:
        shown.builder.previewed = Previewed("done", "the whole", backtest(STREAM, EVENTS), (), True)
        shown.open("Review and save")
        return shown.html
    finally:
        shown.builder.close()


@pytest.mark.parametrize(
    ("settings", "share", "says"),
    [
        pytest.param(None, "0.0%", "1,000 a month, the default: there is no streamkit.yaml", id="none"),
        pytest.param("budget: 0.5", "2.0%", "0.5 a month, as streamkit.yaml says", id="here"),
        pytest.param("budget: 0", "0.0%", "1,000 a month, the default: streamkit.yaml gives nothing", id="nothing"),
        pytest.param("budget: <much>", "0.0%", "1,000 a month, the default: streamkit.yaml cannot be used", id="wrong"),
    ],
)  # fmt: skip
def test_the_review_goes_by_the_settings(
    settings: str | None, share: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the folder one works in; without usable ones by the default."""
    monkeypatch.chdir(tmp_path)
    if settings is not None:
        (tmp_path / "streamkit.yaml").write_text(settings)
    html = review(STREAM)
    assert says in html
    assert f">{share}<" in html


def test_settings_beside_the_stream_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for `streamkit send`: those here come first."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "streams"
    folder.mkdir()
    (folder / "carts.yaml").write_text(STREAM.to_yaml())
    (folder / "streamkit.yaml").write_text("budget: 2")
    assert f"2 a month, as {folder / 'streamkit.yaml'} says" in review(folder / "carts.yaml")
    (tmp_path / "streamkit.yaml").write_text("budget: 4")
    assert "4 a month, as streamkit.yaml says" in review(folder / "carts.yaml")


def test_the_report_beside_the_fields_goes_by_the_same_budget() -> None:
    """Its shares and its words."""
    html = report_html(backtest(STREAM, EVENTS), budget=0.5)
    assert "the budget is 0.5 a calendar month" in html
    assert "of 0.5" in html
    assert "2 %" in html
    assert "the budget is 1,000 a calendar month" in report_html(backtest(STREAM, EVENTS))
