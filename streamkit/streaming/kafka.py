"""`KafkaSource`: events from the topics of a Kafka cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING, Any

from streamkit.arguments import read_length
from streamkit.document import read_document
from streamkit.duration import Duration
from streamkit.errors import EventsError, Problem
from streamkit.events.values import FIRST_TIME
from streamkit.matching.find import DAY_AHEAD
from streamkit.matching.row_documents import parse_document
from streamkit.matching.row_paths import Faults, RowReaders
from streamkit.references import is_reference, resolve
from streamkit.running.event_types import EventTypes, SchemaLike
from streamkit.running.facts import time_reader
from streamkit.streaming.partitions import Partitions
from streamkit.streaming.source import Arrived
from streamkit.times import to_microseconds

if TYPE_CHECKING:
    from streamkit.streaming.kafka_member import Member, Record

__all__ = ["KafkaSource"]

OURS = {
    "bootstrap.servers": "it is the argument `servers`",
    "group.id": "it is the argument `group`",
    "enable.auto.commit": "offsets are committed with the state",
    "enable.auto.offset.store": "offsets are committed with the state",
    "enable.partition.eof": "the source has to know when a partition has nothing more",
    "partition.assignment.strategy": "partitions are taken and given back all at once",
}
"""Settings that are not the user's, and why."""
GIVEN = {"session.timeout.ms": 10_000, "auto.offset.reset": "earliest", "log_level": 2}
"""Settings that hold unless the user says otherwise: a killed member is missed after 10 s, and what
goes wrong is told once by the source and not for every try by librdkafka."""


def _clock() -> datetime:
    return datetime.now(UTC)


class KafkaSource:
    """Reads JSON events from topics, as one member of a consumer group.

    The state's position is the truth: each partition goes on where the state is, whatever offset
    the group has. A partition that the state does not know is read from its beginning, or from
    its end with `{"auto.offset.reset": "latest"}`. Offsets are committed to the group once the
    state is, for those who watch the lag.

    Time is known as far as in the slowest partition: the smallest of the partitions' newest times,
    less the allowed lateness. So the matcher is given no lateness of its own. A partition that
    had nothing more for `partition_idle` is not waited for; what comes to it later and is older
    than what was decided meanwhile is late, and counted. Events of equal time are in the order of
    topic, partition and offset.

    Sessions do not move between states: let one state read all partitions of its topics, or
    partition the topics by the streams' key and keep the number of members fixed.

    Args:
        topics: One topic or several.
        servers: `HOST:PORT`, or several with commas between them.
        group: The consumer group.
        schema: What the events' time is; the `Schema` or `History` that the matcher is given.
        allowed_lateness: How much older than the newest event of its partition one may be.
        partition_idle: How long a partition has nothing more before the others go on without it.
        config: More settings of librdkafka, such as `security.protocol`, or a YAML or JSON file of
            them. A value may name a secret as `env:NAME`, `keyring:service/name`
            or `file:path`.
        now: The clock.

    Raises:
        EventsError: A setting that is not the user's, a secret that is not there, or
            confluent-kafka is not installed.

    Example:
        >>> KafkaSource("shop", servers="localhost:9092", group="streamkit",
        ...             schema={"time": "at", "name": "event", "session": "sid"})
        KafkaSource(['shop'], servers='localhost:9092', group='streamkit')
    """

    keeps_time = True
    """The source says itself how far time is known."""

    def __init__(
        self,
        topics: str | Sequence[str],
        *,
        servers: str,
        group: str,
        schema: SchemaLike,
        allowed_lateness: str | Duration = "5s",
        partition_idle: str | Duration = "30s",
        config: Mapping[str, Any] | str | PathLike[str] | None = None,
        now: Callable[[], datetime] = _clock,
    ) -> None:
        if find_spec("confluent_kafka") is None:
            raise EventsError(
                "reading Kafka needs confluent-kafka",
                code="missing-extra",
                hint="pip install 'streamkit[kafka]'",
            )
        self.topics = [topics] if isinstance(topics, str) else list(topics)
        self.servers = servers
        self.group = group
        self._config = _settings(config or {})
        types = EventTypes.of(schema)
        self._time = time_reader(types, RowReaders(types.documents, faults=Faults()))
        self._now = now
        idle = read_length(partition_idle, "partition_idle")
        self.partitions = Partitions(
            read_length(allowed_lateness, "allowed_lateness"), timedelta(microseconds=idle)
        )
        """How far each partition is read."""
        self._member: Member | None = None

    def __repr__(self) -> str:
        return f"KafkaSource({self.topics!r}, servers={self.servers!r}, group={self.group!r})"

    def open(self, position: Any | None) -> None:
        """Join the group.

        Raises:
            EventsError: No server answers, there is no such topic, or a setting is wrong.
        """
        from streamkit.streaming.kafka_member import Member

        self.partitions.restore(position or {})
        settings = {
            **GIVEN,
            **self._config,
            "bootstrap.servers": self.servers,
            "group.id": self.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
        }
        self._member = Member(self.topics, settings, self.partitions)

    def read(self, timeout: float) -> Arrived | None:
        """The next events.

        None means that every partition has nothing more. While it is not known whether there is
        more (nothing assigned yet, no server in reach), a batch without events says that time
        does not stand still.

        Raises:
            EventsError: The cluster refuses to let the source read.
        """
        member = self._member
        assert member is not None, "a source is opened before it is read"
        records, ends = member.poll(timeout)
        events = [self._read_event(record) for record in records]
        for partition, offset in ends:
            self.partitions.reach_end(partition, offset, self._now())
        if not events and self.partitions.are_at_end and not member.may_have_missed():
            return None
        return Arrived(
            events,
            [(record.topic, record.partition, record.offset) for record in records],
            self.partitions.position,
            self.partitions.watermark(self._now()),
        )

    def _read_event(self, record: Record) -> Any:
        """An event as a mapping; what is none is left to the matcher, which counts it."""
        found: Any = None
        if record.value is not None:
            try:
                found = parse_document(record.value.decode())
            except UnicodeDecodeError:
                found = None
        is_object = isinstance(found, dict)
        time = self._time_of(found) if is_object else None
        self.partitions.note((record.topic, record.partition), record.offset, time)
        return found if is_object else record.value

    def _time_of(self, event: dict[str, Any]) -> int | None:
        """An event's time, if the matcher would let it count."""
        try:
            time = self._time(event)
        except Exception:  # noqa: BLE001 # whatever is wrong, the matcher meets it and counts it
            return None
        if time is None or time < FIRST_TIME:
            return None
        return None if time > to_microseconds(self._now() + DAY_AHEAD) else time

    def committed(self, position: Any) -> None:
        """Commit the offsets of the partitions that are read here to the group."""
        if self._member is not None:
            self._member.commit(position)

    def close(self) -> None:
        """Leave the group, so that the others take over at once."""
        if self._member is not None:
            self._member.close()
            self._member = None


def _settings(config: Mapping[str, Any] | str | PathLike[str]) -> dict[str, Any]:
    """The user's settings, with secrets in the place of their names.

    Raises:
        EventsError: The file cannot be read, a setting is not the user's or none at all, or a
            secret is not there.
    """
    file = None
    if not isinstance(config, Mapping):
        document, origin = read_document(config, EventsError)
        file, config = origin.file, document.plain() if not document.problems else {}
        if document.problems:
            raise EventsError(replace(each, file=file) for each in document.problems)
    problems = []
    for name, value in config.items() if isinstance(config, Mapping) else [("", config)]:
        problem = f"is not yours to make: {OURS[name]}" if name in OURS else None
        if not isinstance(value, str | int | float):
            problem = "has a value that is no text, number or boolean"
        if problem:
            message = f"the Kafka setting {str(name)!r} {problem}"
            hint = "leave it out, or write it as librdkafka's list of settings has it"
            problems.append(Problem("bad-kafka-setting", message, str(name), file, hint=hint))
    if problems:
        raise EventsError(problems)
    return {
        name: resolve(value) if isinstance(value, str) and is_reference(value) else value
        for name, value in config.items()
    }
