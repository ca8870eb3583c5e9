"""A Kafka cluster on loopback that lives in the test's process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer

from streamkit.streaming.kafka import KafkaSource
from streamkit.streaming.source import Arrived

PARTITIONS = 4
"""Of every topic; topics are made when they are first asked for."""
QUICK = {"session.timeout.ms": 4000, "heartbeat.interval.ms": 300}
"""A member that was killed is missed soon; less than the 3 s in which a group forms is too little."""
READS = 60


class Cluster:
    """librdkafka's own mock of a broker, and a producer."""

    def __init__(self) -> None:
        self._producer: Producer | None = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.servers = f"{broker.host}:{broker.port}"

    def send(self, topic: str, messages: Iterable[tuple[int, Any]]) -> None:
        """Append messages, each to its partition: bytes and None as they are, else as JSON."""
        assert self._producer is not None
        for partition, message in messages:
            is_raw = message is None or isinstance(message, bytes)
            value = message if is_raw else json.dumps(message).encode()
            self._producer.produce(topic, value, partition=partition)
        assert self._producer.flush(10) == 0

    def source(self, topic: str, **arguments: Any) -> KafkaSource:
        given = {"group": f"group-of-{topic}", "config": QUICK, **arguments}
        return KafkaSource(topic, servers=self.servers, **given)

    def stop(self) -> None:
        """The cluster is gone for good."""
        self._producer = None


@contextmanager
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    try:
        yield made
    finally:
        made.stop()


def read_to_end(source: KafkaSource) -> list[Arrived]:
    """All batches until every partition has nothing more."""
    found: list[Arrived] = []
    for _ in range(READS):
        arrived = source.read(timeout=0.5)
        if arrived is None:
            return found
        found.append(arrived)
    raise AssertionError(f"no end after {READS} reads: {found[-3:]}")
