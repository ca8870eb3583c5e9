"""Events that come too late are left out of the matching, and not lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamkit import EventsError, Schema, Stream, live

SCHEMA = Schema(time="at", name="event", session="sid")
STREAM = Stream("any", [{"event": "a"}], frequency="every")


def arrival(count: int) -> list[dict[str, str]]:
    """One event at eleven, then as many of ten o'clock."""
    late = [{"at": "2026-03-01T10:00:00Z", "event": "a", "sid": f"s{n}"} for n in range(count)]
    return [{"at": "2026-03-01T11:00:00Z", "event": "a", "sid": "first"}, *late]


@pytest.mark.parametrize("with_state", [False, True])
def test_every_late_event_is_in_the_log(tmp_path: Path, with_state: bool) -> None:
    """However many there are between two commits; what is in it did not match."""
    found: list[str] = []
    run = live(
        STREAM,
        iter(arrival(12_000)),
        SCHEMA,
        sink=lambda match: found.append(match.key[0]),
        state=tmp_path / "state.db" if with_state else None,
        late_log=tmp_path / "late.ndjson",
    )
    run.wait()
    lines = [json.loads(line) for line in (tmp_path / "late.ndjson").read_text().splitlines()]
    assert [line["event"]["sid"] for line in lines] == [f"s{n}" for n in range(12_000)]
    assert {line["watermark"] for line in lines} == {"2026-03-01T10:59:55.000000Z"}
    assert found == ["first"]
    assert run.stats.matcher.late == 12_000


def test_events_that_came_as_text_are_json_in_the_log(tmp_path: Path) -> None:
    """And not text inside of JSON."""
    first, late = arrival(1)
    events = [json.dumps(first), json.dumps(late).encode()]
    live(STREAM, iter(events), SCHEMA, sink=lambda _: None, late_log=tmp_path / "late").wait()
    assert json.loads((tmp_path / "late").read_bytes())["event"] == late


def test_a_log_that_cannot_be_written_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    """With a hint, and the source untouched."""
    events = iter(arrival(1))
    with pytest.raises(EventsError, match="cannot be written") as caught:
        live(STREAM, events, SCHEMA, sink=lambda _: None, late_log=tmp_path / "no" / "late")
    assert caught.value.hint
    assert len(list(events)) == 2
