"""What a user says of their events: which column plays which role, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, get_args

from streamkit.duration import Duration
from streamkit.errors import EventsError, Problem
from streamkit.path import Path
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.events.source import EventSource

__all__ = ["Schema", "Sessionizer"]

TimeUnit = Literal["s", "ms", "us", "ns"]
TypeName = Literal["text", "integer", "number", "boolean", "time"]
TYPE_NAMES: tuple[str, ...] = get_args(TypeName)


@dataclass(frozen=True, slots=True)
class Sessionizer:
    """Sessions made from gaps, for data without a session column.

    A user's events form one session until the gap to the previous event exceeds `inactivity`,
    or the time since the session's first event exceeds `max`. The session's value is
    `<user>@<time of its first event>`.

    Args:
        by: Column of the user.
        inactivity: Longest gap inside a session.
        max: Longest session, first to last event; None for no bound.

    Example:
        >>> Sessionizer(by="user_id", inactivity="30m").inactivity
        Duration('30m')
    """

    by: str
    inactivity: Duration = Duration(30 * 60_000_000)
    max: Duration | None = None

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        _parse_durations(self, ("inactivity", "max"), "sessionizer.", problems)
        _check_text(self.by, "sessionizer.by", problems)
        if problems:
            raise EventsError(problems)


@dataclass(frozen=True)
class Schema:
    """Roles of columns, and how to read them.

    Args:
        time: Column of the event's time: a timestamp (without a zone it is UTC), RFC 3339 text,
            or integers with `time_unit`.
        name: Column of the event's name.
        session: Column of the session; leave it out when there is a `sessionizer`.
        user: Column of the user.
        id: Column of the event's id; with it duplicates are dropped and match ids are built on it.
        sequence: Number column that orders events of equal time.
        json: Paths of text columns that hold JSON documents.
        types: Types that values are cast to first, by path: `text`, `integer`, `number`,
            `boolean` or `time`. What does not fit counts as missing.
        time_unit: Of an integer `time` column: `s`, `ms`, `us` or `ns`.
        sessionizer: Makes sessions from gaps.
        session_max: Longest session in the data, a promise that lets a time range read less.
        dedupe: How long after a kept event the same id counts as a duplicate.

    Raises:
        EventsError: With every problem found.

    Example:
        >>> schema = Schema(time="event_time", name="event_name", session="session_id")
        >>> schema.dedupe
        Duration('24h')
    """

    time: str
    name: str
    session: str | None = None
    user: str | None = None
    id: str | None = None
    sequence: str | None = None
    json: tuple[str, ...] = ()
    types: Mapping[str, TypeName] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    sessionizer: Sessionizer | None = None
    session_max: Duration | None = None
    dedupe: Duration = Duration(24 * 3_600_000_000)

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for role in ("time", "name"):
            _check_text(getattr(self, role), role, problems)
        for role in ("session", "user", "id", "sequence"):
            if getattr(self, role) is not None:
                _check_text(getattr(self, role), role, problems)
        if isinstance(self.sessionizer, Mapping):
            object.__setattr__(self, "sessionizer", _sessionizer(self.sessionizer, problems))
        if self.session is not None and self.sessionizer is not None:
            problems.append(
                Problem(
                    "two-sessions",
                    "both a session column and a sessionizer",
                    path="sessionizer",
                    hint="keep one of them",
                )
            )
        if isinstance(self.json, str) or not isinstance(self.json, Sequence):
            problems.append(Problem("bad-json", "json is a list of column names", path="json"))
        else:
            object.__setattr__(self, "json", tuple(self.json))
            for place, path in enumerate(self.json):
                _check_path(path, f"json[{place}]", problems)
        self._check_types(problems)
        if self.time_unit not in (None, *get_args(TimeUnit)):
            problems.append(
                Problem("bad-unit", f"unknown time unit {self.time_unit!r}", path="time_unit",
                        hint="one of s, ms, us, ns")
            )  # fmt: skip
        _parse_durations(self, ("session_max", "dedupe"), "", problems)
        if problems:
            raise EventsError(problems)

    def _check_types(self, problems: list[Problem]) -> None:
        if not isinstance(self.types, Mapping):
            problems.append(Problem("bad-types", "types maps paths to types", path="types"))
            return
        for path, name in self.types.items():
            _check_path(path, f"types.{path}", problems)
            if name not in TYPE_NAMES:
                problems.append(
                    Problem(
                        "unknown-type",
                        f"unknown type {name!r}",
                        path=f"types.{path}",
                        hint=did_you_mean(str(name), TYPE_NAMES)
                        or "one of " + ", ".join(TYPE_NAMES),
                    )
                )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """Read a schema from plain data, as it stands in a schema file.

        Args:
            data: Keys are this class's arguments.

        Raises:
            EventsError: Unknown keys, missing roles, values that do not fit: all of them.

        Example:
            >>> Schema.from_dict({"time": "at", "name": "event", "user": "uid",
            ...                   "sessionizer": {"by": "uid", "inactivity": "30m"}}).sessionizer.by
            'uid'
        """
        known = [f.name for f in fields(cls)]
        problems: list[Problem] = []
        if not isinstance(data, Mapping):
            raise EventsError("a schema maps roles to columns", code="not-a-mapping")
        for key in data:
            if key not in known:
                problems.append(
                    Problem("unknown-key", f"unknown key {str(key)[:80]!r}", path=str(key)[:80],
                            hint=did_you_mean(str(key), known))
                )  # fmt: skip
        if isinstance(data.get("session"), Mapping):
            problems.append(
                Problem("session-mapping", "session names a column", path="session",
                        hint="write {by: …, inactivity: …} under the key 'sessionizer'")
            )  # fmt: skip
        for role in ("time", "name"):
            if role not in data:
                problems.append(
                    Problem("missing-role", f"the role {role!r} is missing", path=role,
                            hint=f"add a line '{role}: <column>'")
                )  # fmt: skip
        if problems:
            raise EventsError(problems)
        return cls(**{key: value for key, value in data.items() if value is not None})

    @classmethod
    def from_file(cls, path: str | FilePath) -> Schema:
        """Read a schema from a YAML or JSON file.

        Raises:
            EventsError: The file is not there, is not YAML, or is not a schema.
        """
        from streamkit.document import line_of, read_document

        document, origin = read_document(path, EventsError)
        problems = list(document.problems)
        if not problems:
            try:
                return cls.from_dict(document.plain())
            except EventsError as error:
                problems = [
                    replace(each, line=line_of(document.root, tuple(each.path.split("."))))
                    for each in error.problems
                ]
        raise EventsError(replace(each, file=origin.file) for each in problems)

    @classmethod
    def detect(cls, source: EventSource) -> Schema:
        """Propose a schema for an input, from its column names, types and first rows.

        Args:
            source: Anything a `History` can be made from.

        Raises:
            EventsError: No column looks like an event's time or name.

        Example:
            >>> import polars as pl
            >>> Schema.detect(pl.DataFrame({"ts": [1767225600], "event": ["visit"]})).time_unit
            's'
        """
        from streamkit.events.detect import detect
        from streamkit.events.source import open_source

        schema, _ = detect(open_source(source))
        return schema

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain data, defaults left out.

        Example:
            >>> Schema(time="at", name="event", json=["props"]).to_dict()
            {'time': 'at', 'name': 'event', 'json': ['props']}
        """
        plain: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value in (None, (), {}) or (f.name == "dedupe" and value == Schema.dedupe):
                continue
            if isinstance(value, Sessionizer):
                value = {"by": value.by, "inactivity": str(value.inactivity)} | (
                    {"max": str(value.max)} if value.max else {}
                )
            elif isinstance(value, Duration):
                value = str(value)
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            plain[f.name] = value
        return plain


def _sessionizer(data: Mapping[str, Any], problems: list[Problem]) -> Sessionizer | None:
    known = [f.name for f in fields(Sessionizer)]
    unknown = [key for key in data if key not in known]
    for key in unknown:
        problems.append(
            Problem("unknown-key", f"unknown key {key!r}", path=f"sessionizer.{key}",
                    hint=did_you_mean(str(key), known))
        )  # fmt: skip
    if "by" not in data:
        problems.append(
            Problem("missing-role", "a sessionizer needs 'by'", path="sessionizer",
                    hint="name the column of the user")
        )  # fmt: skip
    if unknown or "by" not in data:
        return None
    try:
        return Sessionizer(**data)
    except EventsError as error:
        problems.extend(error.problems)
        return None


def _parse_durations(
    owner: object, names: Sequence[str], place: str, problems: list[Problem]
) -> None:
    for name in names:
        value = getattr(owner, name)
        if value is None:
            continue
        try:
            duration = Duration.parse(value)
            if not duration.microseconds:
                raise ValueError("a duration here is longer than zero")
        except ValueError as error:
            problems.append(
                Problem("bad-duration", f"{str(value)[:80]!r}: {error}", path=f"{place}{name}")
            )
        else:
            object.__setattr__(owner, name, duration)


def _check_text(value: object, place: str, problems: list[Problem]) -> None:
    if not isinstance(value, str) or not value:
        problems.append(Problem("bad-column", f"{value!r} is not a column name", path=place))


def _check_path(value: object, place: str, problems: list[Problem]) -> None:
    try:
        Path.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        problems.append(Problem("bad-path", f"{value!r}: {error}", path=place))
