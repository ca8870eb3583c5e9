"""A live run's numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from streamkit.errors import EventsError
from streamkit.streaming.addresses import Address

if TYPE_CHECKING:
    import threading

    from prometheus_client.core import Metric

    from streamkit.streaming.live_stats import LiveStats

__all__ = ["MetricsServer", "serve_metrics"]


class HasStats(Protocol):
    """What has numbers: a live run."""

    @property
    def stats(self) -> LiveStats:
        """The numbers at this moment."""
        ...


def serve_metrics(run: HasStats, address: int | str) -> MetricsServer:
    """Let Prometheus scrape a live run's numbers at `/metrics`.

    They are numbers and the names of streams, no events; still, off loopback whoever reaches the
    port reads them.

    Args:
        run: The run.
        address: A port of loopback (0 for any that is free), or `HOST:PORT`.

    Returns:
        The server; close it when the run has ended.

    Raises:
        EventsError: The port is taken, or prometheus-client is not installed.

    Example:
        >>> from types import SimpleNamespace
        >>> serve_metrics(SimpleNamespace(), 0).close()
    """
    place = Address.parse(f"127.0.0.1:{address}" if isinstance(address, int) else address)
    if find_spec("prometheus_client") is None:
        raise EventsError(
            "metrics need prometheus-client",
            code="missing-extra",
            hint="pip install 'streamkit[metrics]'",
        )
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(_RunCollector(run))
    try:
        server, thread = start_http_server(place.port, place.host, registry)
    except OSError as error:
        raise EventsError(
            f"cannot serve metrics on {place}: {error.strerror or error}",
            code="cannot-listen",
            hint="another program has the port; take another one, or 0 for any",
        ) from None
    return MetricsServer(server, thread, Address(place.host, server.server_port, place.found))


class MetricsServer:
    """A server of metrics.

    Args:
        server: The web server.
        thread: Its thread.
        address: Where it listens.
    """

    def __init__(self, server: Any, thread: threading.Thread, address: Address) -> None:
        self._server = server
        self._thread = thread
        self.address = address
        """Where it listens, with the port that was taken."""

    def __repr__(self) -> str:
        return f"MetricsServer('http://{self.address}/metrics')"

    def close(self) -> None:
        """Stop; twice is no error."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _RunCollector:
    """Reads a run's numbers when they are asked for, so counting costs the run nothing.

    Args:
        run: The run.
    """

    def __init__(self, run: HasStats) -> None:
        self._run = run

    def describe(self) -> Iterator[Metric]:
        """Nothing: which names there will be need not be known before."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers at this moment."""
        stats = self._run.stats
        matcher = stats.matcher
        yield _counter("events", "Events that came.", matcher.events)
        yield _counter("events_decided", "Events that were held and decided.", matcher.decided)
        yield _counter("events_late", "Events older than what was decided.", matcher.late)
        yield _counter("events_duplicate", "Events with an id seen before.", matcher.duplicates)
        yield _counter(
            "events_skipped", "Events that take no part.", matcher.skipped, label="reason"
        )
        without_key = {name: sum(each.values()) for name, each in matcher.without_key.items()}
        yield _counter(
            "events_without_key", "Events that lack a part of the key.", without_key, label="stream"
        )
        yield _counter(
            "values_missing", "Values that could not be read.", matcher.missing, label="reason"
        )
        yield _counter("matches", "Matches found.", matcher.matches, label="stream")
        yield _counter(
            "matches_held_back",
            "Matches held back by the cooldown.",
            matcher.held_back,
            label="stream",
        )
        yield _counter(
            "wall_clock_firings", "Waits that ended by the wall clock.", matcher.wall_clock_firings
        )
        yield _counter("matches_sent", "Matches that the sink has taken.", stats.sent)
        yield _counter("commits", "Commits of the state.", stats.commits)
        yield _gauge("events_held", "Events that wait for the watermark.", matcher.held)
        yield _gauge("matches_pending", "Waits that have not ended.", matcher.pending)
        yield _gauge("keys_held", "Keys with a state.", matcher.keys, label="stream")
        if stats.watermark_lag is not None:
            yield _gauge(
                "watermark_lag_seconds",
                "How far decided time is behind the wall clock.",
                stats.watermark_lag,
            )
        if stats.queue is not None:
            yield _gauge("queue_length", "Events that wait in the source.", stats.queue)


def _counter(
    name: str, text: str, value: float | Mapping[str, float], label: str | None = None
) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    return _family(CounterMetricFamily, name, text, value, label)


def _gauge(
    name: str, text: str, value: float | Mapping[str, float], label: str | None = None
) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return _family(GaugeMetricFamily, name, text, value, label)


def _family(
    kind: Any, name: str, text: str, value: float | Mapping[str, float], label: str | None
) -> Metric:
    """A metric with one value, or with one for each value of its label."""
    family: Metric = kind(f"streamkit_{name}", text, labels=() if label is None else (label,))
    values = value.items() if isinstance(value, Mapping) else [(None, value)]
    for name_of_label, each in values:
        family.add_metric([] if name_of_label is None else [name_of_label], each)  # type: ignore[attr-defined] # both kinds have it
    return family
