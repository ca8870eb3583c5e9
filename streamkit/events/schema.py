"""What a user says of their events: which column plays which role, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from streamkit.duration import Duration
from streamkit.errors import EventsError, Problem
from streamkit.path import Path
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from datetime import timedelta

    from streamkit.events.source import EventSource

__all__ = ["Schema", "Sessionizer"]

TimeUnit = Literal["s", "ms", "us", "ns"]
TypeName = Literal["text", "integer", "number", "boolean", "time"]
Length: TypeAlias = "Duration | timedelta | str"
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

    if TYPE_CHECKING:  # what may be given, which is more than what is kept

        def __init__(
            self, by: str, inactivity: Length = "30m", max: Length | None = None
        ) -> None: ...

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
        session: Column of the session, or several columns that are its key together; leave it out
            when there is a `sessionizer`. The texts of several are joined by `:`, as in
            `<device>:<session>`; a colon or backslash inside a part gets a backslash before it,
            so that different parts never make one session. A row that lacks a part has none.
        user: Column of the user.
        id: Column of the event's id; with it duplicates are dropped and match ids are built on it.
        sequence: Number column that orders events of equal time.
        json: Paths of text columns that hold JSON documents.
        types: Types that values are cast to first, by path: `text`, `integer`, `number`,
            `boolean` or `time`. What does not fit counts as missing.
        time_unit: Of an integer `time` column: `s`, `ms`, `us` or `ns`.
        sessionizer: Makes sessions from gaps.
        session_max: Longest session in the data, a promise of yours about them.
        dedupe: How long after a kept event the same id counts as a duplicate.
        aliases: Friendly names of properties: a path each, or several of which the first that the
            events have counts. A column of that name wins over an alias.
        preset_name: The preset it was made from, by `Schema.preset` or the key `preset`.

    Raises:
        EventsError: With every problem found.

    Example:
        >>> schema = Schema(time="event_time", name="event_name", session="session_id")
        >>> schema.dedupe
        Duration('24h')
    """

    time: str
    name: str
    session: str | tuple[str, ...] | None = None
    user: str | None = None
    id: str | None = None
    sequence: str | None = None
    json: tuple[str, ...] = ()
    types: Mapping[str, TypeName] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    sessionizer: Sessionizer | None = None
    session_max: Duration | None = None
    dedupe: Duration = Duration(24 * 3_600_000_000)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    preset_name: str | None = None

    if TYPE_CHECKING:  # what may be given, which is more than what is kept

        def __init__(
            self,
            time: str,
            name: str,
            session: str | Sequence[str] | None = None,
            user: str | None = None,
            id: str | None = None,
            sequence: str | None = None,
            json: Sequence[str] = (),
            types: Mapping[str, TypeName] = ...,
            time_unit: TimeUnit | None = None,
            sessionizer: Sessionizer | Mapping[str, Any] | None = None,
            session_max: Length | None = None,
            dedupe: Length = "24h",
            aliases: Mapping[str, str | Sequence[str]] = ...,
            preset_name: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for role in ("time", "name"):
            _check_text(getattr(self, role), role, problems)
        self._check_session(problems)
        for role in ("user", "id", "sequence"):
            if getattr(self, role) is not None:
                _check_text(getattr(self, role), role, problems)
        if isinstance(self.sessionizer, Mapping):
            object.__setattr__(self, "sessionizer", _sessionizer(self.sessionizer, problems))
        elif self.sessionizer is not None and not isinstance(self.sessionizer, Sessionizer):
            problems.append(
                Problem("bad-sessionizer", "a sessionizer is a mapping", path="sessionizer",
                        hint="write sessionizer: {by: <column of the user>, inactivity: 30m}")
            )  # fmt: skip
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
        self._check_aliases(problems)
        if self.time_unit not in (None, *get_args(TimeUnit)):
            problems.append(
                Problem("bad-unit", f"unknown time unit {self.time_unit!r}", path="time_unit",
                        hint="one of s, ms, us, ns")
            )  # fmt: skip
        _parse_durations(self, ("session_max", "dedupe"), "", problems)
        if problems:
            raise EventsError(problems)

    def _check_session(self, problems: list[Problem]) -> None:
        """One column, or several as a tuple."""
        session: object = self.session
        if session is None:
            return
        if isinstance(session, str) or not isinstance(session, Sequence):
            _check_text(session, "session", problems)
            return
        parts = tuple(session)
        if not parts or len(set(map(repr, parts))) < len(parts):
            problems.append(
                Problem("bad-column", f"{list(parts)!r} is no list of different columns",
                        path="session")
            )  # fmt: skip
        for place, part in enumerate(parts):
            _check_text(part, f"session[{place}]", problems)
        object.__setattr__(self, "session", parts[0] if len(parts) == 1 else parts)

    def _check_aliases(self, problems: list[Problem]) -> None:
        if not isinstance(self.aliases, Mapping):
            problems.append(Problem("bad-aliases", "aliases maps names to paths", path="aliases"))
            return
        aliases: dict[str, tuple[str, ...]] = {}
        for name, targets in self.aliases.items():
            _check_path(name, f"aliases.{name}", problems)
            listed = (targets,) if isinstance(targets, str) else targets
            if not isinstance(listed, Sequence) or not listed:
                problems.append(
                    Problem("bad-aliases", "an alias is a path or a list of them",
                            path=f"aliases.{name}")
                )  # fmt: skip
                continue
            for target in listed:
                _check_path(target, f"aliases.{name}", problems)
            aliases[name] = tuple(listed)
        object.__setattr__(self, "aliases", aliases)

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
        known = [*(f.name for f in fields(cls) if f.name != "preset_name"), "preset"]
        problems: list[Problem] = []
        if not isinstance(data, Mapping):
            raise EventsError("a schema maps roles to columns", code="not-a-mapping")
        problems += [
            Problem("unknown-key", f"unknown key {str(key)[:80]!r}", path=str(key)[:80],
                    hint=did_you_mean(str(key), known))
            for key in data
            if key not in known
        ]  # fmt: skip
        if isinstance(data.get("session"), Mapping):
            problems.append(
                Problem("session-mapping", "session names a column", path="session",
                        hint="write {by: …, inactivity: …} under the key 'sessionizer'")
            )  # fmt: skip
        problems += [
            Problem("missing-role", f"the role {role!r} is missing", path=role,
                    hint=f"add a line '{role}: <column>', or name a preset")
            for role in ("time", "name")
            if data.get(role) is None and "preset" not in data
        ]  # fmt: skip
        if problems:
            raise EventsError(problems)
        given = {key: value for key, value in data.items() if value is not None}
        return cls.preset(given.pop("preset"), **given) if "preset" in given else cls(**given)

    @classmethod
    def preset(cls, name_: str, /, **overrides: Any) -> Schema:
        """The schema of a layout that people have.

        Which of the preset's columns play the roles is decided when it meets the events; columns
        may be written in upper or lower case.

        Args:
            name_: `fullstory`, `fullstory_export`, `segment`, `snowplow`, `ga4`, `posthog`,
                `amplitude` or `mixpanel`.
            **overrides: Arguments of this class that take the place of the preset's; `types` and
                `aliases` are added to them.

        Raises:
            EventsError: No such preset, or overrides that are not valid.

        Example:
            >>> Schema.preset("fullstory", user="event_properties.user_id").session
            ('device_id', 'session_id')
        """
        from streamkit.events.presets.merging import merged

        return cls(**merged(name_, overrides))

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
        base = None
        if self.preset_name is not None:
            plain["preset"] = self.preset_name
            base = Schema.preset(self.preset_name)
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "preset_name" or (base is not None and value == getattr(base, f.name)):
                continue
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
                value = {
                    name: list(each) if isinstance(each, tuple) else each
                    for name, each in value.items()
                }
            plain[f.name] = value
        return plain


def _sessionizer(data: Mapping[str, Any], problems: list[Problem]) -> Sessionizer | None:
    known = [f.name for f in fields(Sessionizer)]
    unknown = [key for key in data if key not in known]
    problems += [
        Problem("unknown-key", f"unknown key {key!r}", path=f"sessionizer.{key}",
                hint=did_you_mean(str(key), known))
        for key in unknown
    ]  # fmt: skip
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
