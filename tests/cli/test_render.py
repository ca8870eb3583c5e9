"""`streamkit render`: bodies on the command line, and nothing sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from streamkit.cli import run

STREAM = """\
name: rescue
steps: [{event: cart}, {event: error}]
within: 1h
payload:
  json: {price: [var, event.0.price], token: [secret, env:RENDER_TOKEN]}
  missing: error
"""
Answer = tuple[int, str, str]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run `render` over two sessions, the second without a price."""
    pl.DataFrame(
        {
            "time": [f"2026-03-01T10:0{n}:00Z" for n in range(4)],
            "event": ["cart", "error"] * 2,
            "session_id": ["s1", "s1", "s2", "s2"],
            "price": [25.5, None, None, None],
        }
    ).write_parquet(tmp_path / "events.parquet")
    (tmp_path / "rescue.yaml").write_text(STREAM)

    def ask(*words: str) -> Answer:
        stream, events = str(tmp_path / "rescue.yaml"), str(tmp_path / "events.parquet")
        code = run(["render", stream, "--events", events, *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ask


def test_bodies_are_printed(ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a match; the secret is a mark, whether or not it is set; a match without a body is a finding."""
    monkeypatch.setenv("RENDER_TOKEN", "canary")
    code, out, err = ask()
    first, second, third = out.splitlines()
    assert first == "rescue: 2 of 2 matches"
    assert second.endswith('{"price":25.5,"token":"<secret env:RENDER_TOKEN>"}')
    assert "payload.json.price" in third
    assert "canary" not in out + err
    assert code == 1


def test_as_json(ask: Callable[..., Answer]) -> None:
    """The same as data."""
    code, out, _ = ask("--json", "--limit", "1")
    (stream,) = json.loads(out)["streams"]
    (body,) = stream.pop("bodies")
    assert stream == {"name": "rescue", "matches": 2, "sample": False}
    assert body["body"] == {"price": 25.5, "token": "<secret env:RENDER_TOKEN>"}
    assert (body["secrets"], body["problem"]) == (["env:RENDER_TOKEN"], None)
    assert code == 0


def test_one_match(ask: Callable[..., Answer]) -> None:
    """By its id; an id that is none is bad input, in one line."""
    match_id = ask("--limit", "1")[1].splitlines()[1].split()[0]
    assert ask("--match-id", match_id)[0] == 0
    code, out, err = ask("--match-id", "0")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_a_sample_says_so(ask: Callable[..., Answer]) -> None:
    """Where nothing matched in the range."""
    code, out, _ = ask("--until", "2026-03-01T10:00:30Z")
    assert "no match; a sample" in out
    assert code == 0


def test_the_schema_of_the_bodies(ask: Callable[..., Answer]) -> None:
    """As JSON, of the types that the events have."""
    code, out, _ = ask("--body-schema")
    assert json.loads(out)["properties"]["price"] == {"type": "number"}
    assert code == 0


def test_templates_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without any stream or event: names, what each was checked against, and what it asks for."""
    with pytest.raises(SystemExit) as caught:
        run(["render", "--templates"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "pagerduty: PagerDuty Events API v2" in out
    assert "  routing_key (needed):" in out
    assert out.count("checked: ") == 9
