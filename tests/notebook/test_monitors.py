"""Status cards of what runs, over real live runs and a real ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamkit import Schema, Stream
from streamkit.delivery.ledger import Ledger
from streamkit.notebook.monitors import (
    MOST_MATCHES,
    SECONDS,
    Card,
    Monitor,
    card_html,
    ledger_card,
    live_card,
    watch_ledger,
    watch_live,
)
from streamkit.streaming import live

HOSTILE = "<img src=x onerror=alert(1)>"
SCHEMA = Schema(time="at", name="event", session="sid")
STREAM = Stream("ab", [{"event": "a"}, {"event": "b"}], within="1h")


def events(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {
            "at": f"2026-03-01T10:{number:02}:00Z",
            "event": "ab"[number % 2],
            "sid": f"s{number // 2}",
        }


class Handle:
    """A display handle that keeps what it was given."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, html: Any) -> None:
        self.shown.append(html.data)


def test_a_card_shows_hostile_text_as_text() -> None:
    """In the title, the state, notes and matches."""
    found: list[Any] = []
    live(Stream(HOSTILE, STREAM.steps, within="1h"), events(2), SCHEMA, sink=found.append).wait()
    html = card_html(Card(HOSTILE, HOSTILE, ((HOSTILE, "1"),), tuple(found), (HOSTILE,)))
    assert "<img" not in html
    assert html.count("&lt;img") == 5


def test_a_live_card_counts_and_names_the_last_matches() -> None:
    """The newest first, and once the run has ended the card is over."""
    run = live(STREAM, events(20), SCHEMA, sink=lambda _: None)
    run.wait()
    card = live_card(run)
    assert (card.state, card.is_over) == ("ended", True)
    assert (
        dict(card.numbers)["matches"]
        == dict(card.numbers)["taken by the sink, this process"]
        == "10"
    )
    assert [match.key for match in card.matches] == [(f"s{n}",) for n in (9, 8, 7, 6, 5)]
    assert len(card.matches) == MOST_MATCHES


def test_a_run_that_failed_says_why() -> None:
    """The error is on the card, as nobody waits for it."""

    def fail(_: Any) -> None:
        raise RuntimeError(HOSTILE)

    run = live(STREAM, events(4), SCHEMA, sink=fail)
    with pytest.raises(RuntimeError):
        run.wait()
    card = live_card(run)
    assert card.is_over
    assert card.state == f"ended by an error: {HOSTILE}"
    assert "<img" not in card_html(card)


def test_bad_events_are_shown() -> None:
    """What could not be used, and why."""
    run = live(STREAM, iter([{"at": "yesterday", "event": "a", "sid": "s"}]), SCHEMA, sink=print)
    run.wait()
    card = live_card(run)
    assert dict(card.numbers)["skipped events"] == "1"
    assert any("yesterday" in note for note in card.notes)


def test_a_monitor_looks_at_most_four_times_a_second() -> None:
    """However often it was asked to."""
    assert SECONDS == 0.25
    assert Monitor(lambda: Card("a", "b"), {}, seconds=0.001)._seconds == SECONDS
    assert Monitor(lambda: Card("a", "b"), {}, seconds=3)._seconds == 3


def test_a_monitor_shows_only_what_changed_and_ends_when_it_is_over() -> None:
    """The last state is shown before the thread ends, and the buttons rest."""
    cards = [Card("run", "running")] * 3 + [Card("run", "ended", is_over=True)]
    left = iter(cards)
    monitor = Monitor(lambda: next(left), {"Stop": lambda: "Stopped."}, seconds=0)
    monitor._seconds = 0  # only the number of looks matters here
    monitor._handle = handle = Handle()
    monitor._thread.start()
    monitor._thread.join()
    assert [("running" in html, "ended" in html) for html in handle.shown] == [
        (True, False),
        (False, True),
    ]
    assert monitor.buttons["Stop"].disabled
    assert next(left, None) is None


def test_a_monitor_that_cannot_read_says_so() -> None:
    """And ends, instead of failing again and again."""

    def fail() -> Card:
        raise OSError("gone")

    monitor = Monitor(fail, {})
    monitor._handle = handle = Handle()
    assert monitor._look()
    assert "cannot be read: gone" in handle.shown[0]


def test_the_stop_button_ends_the_run() -> None:
    """As if `stop` were called; an error is shown beside the button."""

    def forever() -> Iterator[dict[str, Any]]:
        while True:
            yield from events(2)

    run = live(STREAM, forever(), SCHEMA, sink=lambda _: None)
    monitor = watch_live(run)
    monitor.buttons["Stop"].click()
    assert not run.running
    assert "Stopped." in monitor._said.value


def test_the_pause_button_holds_the_run_until_resume() -> None:
    """No event is taken meanwhile, and what comes then matches as ever."""
    paused, found = threading.Event(), []

    def slow() -> Iterator[dict[str, Any]]:
        yield from events(1)
        paused.wait(10)
        yield from list(events(2))[1:]

    run = live(STREAM, slow(), SCHEMA, sink=found.append)
    monitor = watch_live(run)
    monitor.buttons["Pause"].click()
    assert (live_card(run).state, run.paused) == ("paused", True)
    paused.set()
    assert not run.wait(0.5)
    assert found == []
    monitor.buttons["Resume"].click()
    assert run.wait(10)
    assert [match.key for match in found] == [("s0",)]
    assert [match.key for match in run.last] == [("s0",)]


def test_a_ledger_card_adds_up_and_streams_are_paused(tmp_path: Path) -> None:
    """The counts of `status`; Pause and Resume are those of the ledger."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    with Ledger(tmp_path / "ledger.db", clock=lambda: moment) as ledger:
        card = ledger_card(ledger)
        assert dict(card.numbers) | {"matched": "0", "delivered": "0"} == dict(card.numbers)
        assert "activations in 2026-03" in dict(card.numbers)
        monitor = watch_ledger(ledger, streams=["ab"])
        assert list(monitor.buttons) == ["Pause ab", "Resume ab"]
        monitor.buttons["Pause ab"].click()
        assert monitor._said.value  # what the ledger answered, or why it could not
