"""A live run's numbers, as Prometheus scrapes them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamkit import EventsError
from streamkit.running import Stats
from streamkit.streaming.listening import HttpSource
from streamkit.streaming.live_run import live
from streamkit.streaming.live_stats import LiveStats
from streamkit.streaming.metrics import MetricsServer, serve_metrics
from tests.running.examples import NOW, SCHEMA, START, a_then_b, event, matcher
from tests.streaming.posting import post


@pytest.fixture
def run() -> SimpleNamespace:
    """Something with numbers, as a live run has them."""
    running = matcher(a_then_b(), a_then_b(name="waits", steps=[{"event": "A"}, {"exclude": {"event": "B"}, "for": "10m"}]))  # fmt: skip
    running.push_many([event("A", 0), event("B", 1), event("A", 2, session=None), 7, {}])
    running.push(event("A", 30))
    running.push(event("A", 1))
    return SimpleNamespace(stats=numbers(running.stats))


def numbers(stats: Stats) -> LiveStats:
    wall_time = START + timedelta(seconds=35.5)
    return LiveStats.of(stats, commits=3, sent=2, queue=11, wall_time=wall_time)


@pytest.fixture
def server(run: SimpleNamespace) -> Iterator[MetricsServer]:
    made = serve_metrics(run, 0)
    yield made
    made.close()


def scrape(server: MetricsServer) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    answer = httpx.get(f"http://{server.address}/metrics", trust_env=False)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_run(server: MetricsServer, run: SimpleNamespace):
    """Each by its name; one a stream or a reason where there are several."""
    stats = run.stats.matcher
    found = scrape(server)
    expected: dict[tuple[str, ...], Any] = {
        ("streamkit_events_total",): 7,
        ("streamkit_events_decided_total",): stats.decided,
        ("streamkit_events_late_total",): 1,
        ("streamkit_events_duplicate_total",): 0,
        ("streamkit_events_skipped_total", "not_an_object"): 1,
        ("streamkit_events_skipped_total", "null_time"): 1,
        ("streamkit_events_without_key_total", "s"): 1,
        ("streamkit_events_without_key_total", "waits"): 1,
        ("streamkit_values_missing_total", "unreadable_json"): 0,
        ("streamkit_values_missing_total", "failed_casts"): 0,
        ("streamkit_matches_total", "s"): 1,
        ("streamkit_matches_total", "waits"): 0,
        ("streamkit_matches_held_back_total", "s"): 0,
        ("streamkit_matches_held_back_total", "waits"): 0,
        ("streamkit_wall_clock_firings_total",): 0,
        ("streamkit_matches_sent_total",): 2,
        ("streamkit_commits_total",): 3,
        ("streamkit_events_held",): 1,
        ("streamkit_matches_pending",): stats.pending,
        ("streamkit_keys_held", "s"): 1,
        ("streamkit_keys_held", "waits"): stats.keys["waits"],
        ("streamkit_watermark_lag_seconds",): 10.5,
        ("streamkit_queue_length",): 11,
    }
    assert found == expected


def test_a_scrape_is_of_the_moment(server: MetricsServer, run: SimpleNamespace):
    """The next one sees what happened since."""
    assert scrape(server)["streamkit_events_total",] == 7
    running = matcher()
    run.stats = LiveStats.of(running.stats, commits=0, sent=0, queue=None, wall_time=NOW)
    found = scrape(server)
    assert found["streamkit_events_total",] == 0
    # what nobody knows yet is left out: no 0 and no NaN in its place
    assert ("streamkit_watermark_lag_seconds",) not in found
    assert ("streamkit_queue_length",) not in found
    assert not any(math.isnan(value) for value in found.values())


def test_a_live_run_is_scraped_while_it_works_and_after_its_end():
    """With a source that has a queue."""
    source = HttpSource("127.0.0.1:0")
    run = live(a_then_b(), source, SCHEMA, sink=lambda match: None, idle_after=None)
    server = serve_metrics(run, 0)
    assert post(source, '[{"at": "2026-01-01T00:00:00Z"}, 7]').status_code == 200
    found = scrape(server)
    assert found["streamkit_events_total",] == 2
    assert found["streamkit_events_skipped_total", "not_an_object"] == 1
    assert found["streamkit_queue_length",] == 0
    assert found["streamkit_commits_total",] == 1
    run.stop()
    assert scrape(server)["streamkit_events_total",] == 2
    server.close()


def test_names_of_streams_may_be_anything():
    """Quotes and line ends in a label are escaped."""
    name = 'a "b" \\ c'
    server = serve_metrics(SimpleNamespace(stats=numbers(matcher(a_then_b(name=name)).stats)), 0)
    assert scrape(server)["streamkit_matches_total", name] == 0
    server.close()


def test_it_listens_on_loopback_unless_told_otherwise(server: MetricsServer, run: SimpleNamespace):
    """A whole address is for a scraper on another machine."""
    assert server.address.is_loopback
    everywhere = serve_metrics(run, "0.0.0.0:0")
    assert not everywhere.address.is_loopback
    everywhere.close()


def test_a_port_that_is_taken_is_said(server: MetricsServer, run: SimpleNamespace):
    """One line that names it."""
    with pytest.raises(EventsError, match=f"metrics on 127.0.0.1:{server.address.port}"):
        serve_metrics(run, server.address.port)


def test_after_closing_the_port_is_free(run: SimpleNamespace):
    """So that a restart finds it."""
    server = serve_metrics(run, 0)
    server.close()
    again = serve_metrics(run, server.address.port)
    again.close()


def test_without_the_extra_it_says_what_to_install(
    run: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    """The library does not need Prometheus until somebody wants to be scraped."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(EventsError, match=r"streamkit\[metrics\]"):
        serve_metrics(run, 0)
