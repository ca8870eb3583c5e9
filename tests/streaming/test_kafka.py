"""Events from Kafka: the state's position is the truth, and the slowest partition tells the time."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Consumer, TopicPartition

from streamkit import EventsError, History, Matcher, Stream, StreamkitError, backtest
from streamkit.running import match_table
from streamkit.streaming.kafka import KafkaSource
from tests.streaming.brokers import PARTITIONS, READS, Cluster, cluster, read_to_end

SCHEMA = {"time": "at", "name": "event", "session": "sid"}
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


def event(name: str, seconds: float, session: str = "s1") -> dict[str, Any]:
    at = START + timedelta(seconds=seconds)
    return {"at": at.isoformat(), "event": name, "sid": session}


def micros(seconds: float) -> int:
    return int((START + timedelta(seconds=seconds)).timestamp() * 1_000_000)


def committed_offsets(kafka: Cluster, topic: str) -> list[int]:
    consumer = Consumer({"bootstrap.servers": kafka.servers, "group.id": f"group-of-{topic}"})
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    offsets = [each.offset for each in consumer.committed(places, timeout=10)]
    consumer.close()
    return offsets


def test_messages_become_events_with_their_places(kafka: Cluster):
    """What is no object goes on as it came, so that the matcher counts it."""
    bad = [None, b"", b"{", b"\xff", b"[1]", b'{"at": NaN}']
    far = {"at": "9999-01-01T00:00:00Z", "event": "A"}
    good = [event("A", 10), event("B", 20), event("A", 30), event("B", 40)]
    kafka.send("places", [*enumerate(good), *((0, each) for each in bad), (1, far)])
    source = kafka.source("places", schema=SCHEMA, now=lambda: NOW)
    source.open(None)
    batches = read_to_end(source)
    source.close()
    events = {
        place: each
        for batch in batches
        for place, each in zip(batch.positions or (), batch.events, strict=True)
    }
    assert [events["places", number, 0] for number in range(4)] == good
    assert [events["places", 0, 1 + n] for n in range(6)] == bad
    assert events["places", 1, 1] == far
    assert batches[-1].position == {"places": {"0": 7, "1": 2, "2": 1, "3": 1}}
    assert batches[-1].watermark == micros(10) - 5_000_000  # neither bad ones nor the far future


def test_it_goes_on_where_the_state_is(kafka: Cluster):
    """Not where the group is; what the state does not know begins at its beginning."""
    kafka.send("goes-on", [(n % PARTITIONS, event("A", n)) for n in range(12)])
    source = kafka.source("goes-on", schema=SCHEMA)
    source.open(None)
    batches = read_to_end(source)
    source.committed(batches[-1].position)
    source.close()
    assert committed_offsets(kafka, "goes-on") == [3] * PARTITIONS
    position = {"goes-on": {"0": 1, "1": 3, "2": 0}}
    again = kafka.source("goes-on", schema=SCHEMA)
    again.open(position)
    batches = read_to_end(again)
    again.close()
    read = sorted(place for batch in batches for place in batch.positions or ())
    wanted = {0: range(1, 3), 2: range(3), 3: range(3)}
    assert read == [("goes-on", number, n) for number, each in wanted.items() for n in each]


def test_offsets_are_committed_with_the_state_and_not_before(kafka: Cluster):
    """What was read and is not committed stays the group's to read."""
    kafka.send("commits", [(0, event("A", 1))])
    source = kafka.source("commits", schema=SCHEMA)
    source.open(None)
    batches = read_to_end(source)
    source.close()
    assert batches[-1].position == {"commits": {"0": 1}}
    assert all(offset < 0 for offset in committed_offsets(kafka, "commits"))


def test_matches_are_those_of_the_backtest(kafka: Cluster):
    """Out of order within the lateness, spread over partitions, with many equal times."""
    random_ = random.Random(7)
    stream = Stream.from_dict(
        {"name": "s", "steps": [{"event": "A"}, {"exclude": {"event": "X"}}, {"event": "B"}],
         "within": "20s", "frequency": "every"}
    )  # fmt: skip
    sent: list[list[dict[str, Any]]] = [[] for _ in range(PARTITIONS)]
    for second in range(300):
        for _ in range(2):
            session = random_.randrange(20)
            late = second - random_.choice([0, 0, 0, 1, 2, 4])
            sent[session % PARTITIONS].append(
                event(random_.choice("AABX"), max(late, 0), f"s{session}")
            )
    rows = [each for partition in sent for each in partition]
    expected = backtest(stream, History(pl.DataFrame(rows), SCHEMA), now=NOW)
    kafka.send("parity", [(n, each) for n, part in enumerate(sent) for each in part])

    matcher = Matcher(stream, SCHEMA, allowed_lateness=None, now=lambda: NOW)
    source = kafka.source("parity", schema=SCHEMA, allowed_lateness="5s", now=lambda: NOW)
    source.open(None)
    found = []
    for batch in read_to_end(source):
        found += matcher.push_many(batch.events, batch.positions)
        if batch.watermark is not None:
            found += matcher.advance_watermark(batch.watermark)
    source.close()
    assert found, "the source's watermark decides before the end"
    found += matcher.flush()
    assert matcher.stats.late == 0
    assert expected.matches.height > 50
    assert match_table(found).sort("match_id").equals(expected.matches.sort("match_id"))


@pytest.mark.slow
def test_members_of_a_group_share_the_partitions(kafka: Cluster):
    """What is given away holds nobody any more, and each event is read by one of them."""
    kafka.send("shared", [(n, event("A", n)) for n in range(PARTITIONS)])
    first = kafka.source("shared", schema=SCHEMA)
    second = kafka.source("shared", schema=SCHEMA)
    first.open(None)
    read_to_end(first)
    second.open(None)
    seen: set[Any] = set()
    for _ in range(READS):
        first.read(timeout=0.1)
        if len(first.partitions.assigned) == PARTITIONS // 2:
            break
        early = second.read(timeout=0.1)
        seen |= set(early.positions or ()) if early is not None else set()
    mine = {number for _, number in first.partitions.assigned}
    others = set(range(PARTITIONS)) - mine
    kafka.send("shared", [(n, event("A", 10 + n)) for n in range(PARTITIONS)])
    assert read_some(first, 2) == {("shared", n, 1) for n in mine}
    assert first.partitions.watermark(NOW) == micros(10 + min(mine)) - 5_000_000
    # its state has never seen these partitions: it reads them from their beginning
    seen |= read_some(second, 4 - len(seen))
    assert seen == {("shared", n, offset) for n in others for offset in (0, 1)}
    second.close()
    # what comes back goes on where this state is
    assert read_some(first, 2) == {("shared", n, 1) for n in others}
    assert len(first.partitions.assigned) == PARTITIONS
    first.close()


def read_some(source: KafkaSource, events: int) -> set[Any]:
    """The places of the next events, of which there are so many."""
    found: list[Any] = []
    for _ in range(READS):
        batch = source.read(timeout=0.5)
        found += (batch.positions or ()) if batch is not None else ()
        if len(found) >= events:
            break
    assert len(found) == len(set(found)) == events
    return set(found)


def test_out_of_reach_is_not_idle(caplog: pytest.LogCaptureFixture):
    """While no server answers nobody knows whether there is more, and waits must not end.

    It is told once, and not for each of the tries to reach it.
    """
    with cluster() as kafka:
        kafka.send("gone", [(0, event("A", 1))])
        source = kafka.source("gone", schema=SCHEMA)
        source.open(None)
        read_to_end(source)
        assert source.read(timeout=0) is None
        kafka.stop()
        for _ in range(READS):
            if source.read(timeout=0.2) is not None:
                break
        batch = source.read(timeout=0.2)
        source.close()
    assert batch is not None
    assert batch.events == []
    told = [record.kafka_error for record in caplog.records if hasattr(record, "kafka_error")]
    assert "_ALL_BROKERS_DOWN" in told
    assert len(told) == len(set(told))


def test_offsets_that_the_cluster_has_not_are_said(
    kafka: Cluster, caplog: pytest.LogCaptureFixture
):
    """A topic that was made anew, or kept too short, has lost events; nobody may miss that."""
    kafka.send("gap", [(0, event("A", 1))])
    source = kafka.source("gap", schema=SCHEMA)
    source.open({"gap": {"0": 100}})
    read_to_end(source)
    source.close()
    assert "partition gap/0 holds offsets 0 to 1, and the state is at 100" in caplog.text


def test_settings_that_would_break_it_are_refused(tmp_path: Path):
    """All at once, each with the reason; from a file with its name."""
    arguments: dict[str, Any] = {"servers": "127.0.0.1:9092", "group": "g", "schema": SCHEMA}
    wrong = {"enable.auto.commit": True, "group.id": "other", "client.id": ["x"]}
    (tmp_path / "kafka.yaml").write_text(json.dumps(wrong))
    for config in (wrong, tmp_path / "kafka.yaml"):
        with pytest.raises(EventsError, match="offsets are committed with the state") as caught:
            KafkaSource("t", **arguments, config=config)
        assert [each.path for each in caught.value.problems] == list(wrong)
    assert caught.value.problems[0].file == str(tmp_path / "kafka.yaml")
    (tmp_path / "kafka.yaml").write_text("- client.id")
    with pytest.raises(EventsError, match="Kafka setting"):
        KafkaSource("t", **arguments, config=tmp_path / "kafka.yaml")
    with pytest.raises(EventsError, match="no-such"):
        KafkaSource("t", **arguments, config=tmp_path / "no-such.yaml")
    with pytest.raises(EventsError, match="partition_idle"):
        KafkaSource("t", **arguments, partition_idle="soon")
    with pytest.raises(EventsError, match="No such configuration property"):
        KafkaSource("t", **arguments, config={"no.such": "setting"}).open(None)


def test_secrets_of_settings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And show nowhere."""
    arguments: dict[str, Any] = {"servers": "127.0.0.1:9092", "group": "g", "schema": SCHEMA}
    with pytest.raises(StreamkitError, match="NO_SUCH_VARIABLE"):
        KafkaSource("t", **arguments, config={"sasl.password": "env:NO_SUCH_VARIABLE"})
    monkeypatch.setenv("KAFKA_PASSWORD", "s3cret")
    (tmp_path / "kafka.yaml").write_text("sasl.password: env:KAFKA_PASSWORD\nlinger.ms: 5\n")
    source = KafkaSource("t", **arguments, config=tmp_path / "kafka.yaml")
    assert source._config == {"sasl.password": "s3cret", "linger.ms": 5}
    assert "s3cret" not in repr(source)


def test_a_topic_that_is_not_there_is_said(kafka: Cluster):
    """At once, and not by waiting for ever."""
    with pytest.raises(EventsError, match=r"topic 'shopp'.*Unknown topic") as caught:
        kafka.source("shopp", schema=SCHEMA).open(None)
    assert caught.value.code == "source-failed"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """The library does not need a Kafka client until somebody reads Kafka."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(EventsError, match=r"streamkit\[kafka\]"):
        KafkaSource("t", servers="127.0.0.1:9092", group="g", schema=SCHEMA)
