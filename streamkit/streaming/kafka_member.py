"""A member of a consumer group: what is read, and what the cluster says.

The only module that imports confluent-kafka; it is imported when a source is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from streamkit.errors import EventsError
from streamkit.streaming.partitions import Partition, Partitions

__all__ = ["End", "Member", "Record"]

log = logging.getLogger("streamkit.streaming")

BATCH = 1000
PATIENCE = 10.0
"""Seconds that the cluster may take to answer when a member joins."""
END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001 # public in librdkafka
OUT_OF_REACH = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 # same
FOR_GOOD = (
    KafkaError._AUTHENTICATION,  # noqa: SLF001 # same
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
"""Errors that do not go away by themselves, as most others do."""


End: TypeAlias = tuple[Partition, int]
"""A partition and the offset that its next message will have."""


class Record(NamedTuple):
    """A message.

    Args:
        topic: Its topic.
        partition: The number of its partition.
        offset: Its place there.
        value: What it says; None where it only deletes.
    """

    topic: str
    partition: int
    offset: int
    value: bytes | None


class Member:
    """Reads topics as a member of a group, each partition from where it was read to.

    Args:
        topics: The topics.
        settings: librdkafka's.
        partitions: How far each partition is read.

    Raises:
        EventsError: No server answers, there is no such topic, or a setting is wrong.
    """

    def __init__(
        self, topics: Sequence[str], settings: Mapping[str, Any], partitions: Partitions
    ) -> None:
        self._servers = settings["bootstrap.servers"]
        self._is_latest = settings["auto.offset.reset"] in ("latest", "largest", "end")
        self._partitions = partitions
        self._committed: Any = None
        self._failure: str | None = None
        self._is_cut_off = False
        self._told: set[int] = set()
        callbacks = {"error_cb": self._take_error, "on_commit": _tell_of_commit}
        try:
            self._consumer = Consumer({**settings, **callbacks}, logger=log)
        except KafkaException as error:
            raise self._problem(_words(error)) from None
        try:
            self._join(list(topics))
        except BaseException:
            self._consumer.close()
            raise

    def _join(self, topics: list[str]) -> None:
        """Make sure that there is what shall be read, and ask for it."""
        try:
            for topic in topics:
                found = self._consumer.list_topics(topic, timeout=PATIENCE).topics[topic]
                if found.error is not None:
                    raise self._problem(f"topic {topic!r}: {found.error.str()}")
            self._consumer.subscribe(
                topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
            )
        except KafkaException as error:
            raise self._problem(_words(error)) from None

    def poll(self, timeout: float) -> tuple[list[Record], list[End]]:
        """The messages that are there, or that come within so many seconds.

        Returns:
            The messages, and the ends that partitions have reached.

        Raises:
            EventsError: The cluster refuses to let the member read.
        """
        first = self._consumer.poll(timeout)
        messages = [] if first is None else [first, *self._consumer.consume(BATCH, timeout=0)]
        records: list[Record] = []
        ends: list[End] = []
        for message in messages:
            error = message.error()
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if error is not None and error.code() != END_OF_PARTITION:
                self._take_error(error)
            elif topic is not None and partition is not None and offset is not None:
                if error is None:
                    records.append(Record(topic, partition, offset, message.value()))
                else:
                    ends.append(((topic, partition), offset))
        if self._failure is not None:
            raise self._problem(self._failure)
        if records:
            self._told.clear()
        return records, ends

    def may_have_missed(self) -> bool:
        """Whether the cluster was out of reach, and there may be more since.

        Then silence is no idleness. Once it answers again, the partitions' ends are asked for.
        """
        if not self._is_cut_off:
            return False
        try:
            for partition in self._partitions.assigned:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=1)
                if end > (self._partitions.offset(partition) or 0):
                    self._partitions.await_more(partition)
        except KafkaException:
            return True
        self._is_cut_off = False
        return not self._partitions.are_at_end

    def commit(self, position: Mapping[str, Mapping[str, int]] | None) -> None:
        """Commit offsets to the group, of the partitions that are read here."""
        if position == self._committed:
            return
        self._committed = position
        offsets = [
            TopicPartition(topic, int(number), offset)
            for topic, numbers in (position or {}).items()
            for number, offset in numbers.items()
            if (topic, int(number)) in self._partitions.assigned
        ]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _tell_of_commit(error.args[0], offsets)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _assign(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        for each in given:
            known = self._partitions.offset((each.topic, each.partition))
            if known is None:
                each.offset = OFFSET_END if self._is_latest else OFFSET_BEGINNING
            else:
                each.offset = known
                _tell_of_gap(consumer, each, known)
        consumer.assign(given)
        self._partitions.assign((each.topic, each.partition) for each in given)
        log.info("partitions assigned", extra={"partitions": _names(given)})

    def _revoke(self, consumer: Consumer, taken: list[TopicPartition]) -> None:
        consumer.unassign()
        self._partitions.revoke((each.topic, each.partition) for each in taken)
        log.info("partitions revoked", extra={"partitions": _names(taken)})

    def _take_error(self, error: KafkaError) -> None:
        if error.code() == OUT_OF_REACH:
            self._is_cut_off = True
        if error.fatal() or error.code() in FOR_GOOD:
            self._failure = error.str()
        elif error.code() not in self._told:  # once, until messages come again
            self._told.add(error.code())
            log.warning("kafka: %s", error.str(), extra={"kafka_error": error.name()})

    def _problem(self, message: str) -> EventsError:
        return EventsError(
            f"Kafka at {self._servers}: {message}",
            code="source-failed",
            hint="check the servers, the topics and the settings; the state is where it was",
        )


def _words(error: KafkaException) -> str:
    return str(error.args[0].str())


def _names(partitions: Sequence[TopicPartition]) -> list[str]:
    return [f"{each.topic}/{each.partition}" for each in partitions]


def _tell_of_gap(consumer: Consumer, partition: TopicPartition, offset: int) -> None:
    """Say it when the cluster has not kept what comes next: then events are lost."""
    try:
        first, end = consumer.get_watermark_offsets(partition, timeout=5)
    except KafkaException:
        return
    if not first <= offset <= end:
        log.error(
            "kafka: partition %s/%d holds offsets %d to %d, and the state is at %d:"
            " what lies between is lost",
            *(partition.topic, partition.partition, first, end, offset),
        )


def _tell_of_commit(error: KafkaError | None, offsets: list[TopicPartition]) -> None:
    """A failed commit hurts nobody but those who watch the lag."""
    if error is not None:
        names = _names(offsets)
        log.warning("kafka: offsets not committed: %s", error.str(), extra={"partitions": names})
