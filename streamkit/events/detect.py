"""A first guess at the schema, from names, types and a look at a thousand rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from streamkit.errors import EventsError
from streamkit.events.opened import Source, connect
from streamkit.events.presets.fitting import fit, fitting_preset
from streamkit.events.schema import Schema, Sessionizer
from streamkit.events.sql import quote
from streamkit.events.types import Kind, ValueType

__all__ = ["detect"]

NAMES = {
    "time": ("event_time", "time", "timestamp", "event_timestamp", "ts", "occurred_at", "datetime",
             "derived_tstamp", "collector_tstamp", "created_at", "at"),
    "name": ("event_name", "event", "name", "event_type", "type", "action"),
    "session": ("session_id", "session", "sid", "domain_sessionid", "visit_id"),
    "user": ("user_id", "user", "userid", "customer_id", "client_id", "uid", "distinct_id",
             "anonymous_id", "domain_userid", "user_pseudo_id", "visitor_id", "device_id"),
    "id": ("event_id", "message_id", "insert_id", "uuid", "id"),
    "sequence": ("sequence", "seq", "event_order", "event_sequence", "event_index", "source_seq"),
}  # fmt: skip
"""Names that people give these columns, the likeliest first; case and dashes do not matter."""

SAMPLE_ROWS = 1000
WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
EPOCH_UNITS = (("s", 1e9, 1e11), ("ms", 1e11, 1e14), ("us", 1e14, 1e17), ("ns", 1e17, 1e20))
"""Magnitudes of the years 2001 to 5138 in each unit: they do not overlap."""


def detect(source: Source) -> tuple[Schema, str]:
    """Propose a schema.

    Returns:
        The schema, and one sentence that says what was taken for what.

    Raises:
        EventsError: No column looks like the time or the name of an event.
    """
    if (preset := fitting_preset(source.columns)) is not None:
        schema = fit(Schema.preset(preset.name), source.columns)
        return schema, (
            f"no schema given; the columns are those of {preset.title}: preset {preset.name!r}, "
            + _roles(schema)
        )
    sample = _sample(source)
    chosen: dict[str, Any] = {}
    fits: dict[str, Callable[[ValueType], bool]] = {
        "time": lambda t: t.kind in (Kind.TIMESTAMP, Kind.DATE, Kind.TEXT, Kind.INTEGER),
        "sequence": lambda t: t.kind is Kind.INTEGER,
    }
    for role, names in NAMES.items():
        column = _first(
            names, source, fits.get(role, lambda t: t.kind in (Kind.TEXT, Kind.INTEGER))
        )
        if column is not None and column not in chosen.values():
            chosen[role] = column
    if "time" not in chosen:
        timestamps = [n for n, t in source.columns.items() if t.kind is Kind.TIMESTAMP]
        if len(timestamps) == 1:
            chosen["time"] = timestamps[0]
    missing = [role for role in ("time", "name") if role not in chosen]
    if missing:
        raise EventsError(
            f"no column of {source.label!r} looks like the {' or the '.join(missing)} of an event",
            code="no-schema",
            hint="write a schema file, such as {time: <column>, name: <column>, session: <column>};"
            " the columns are " + ", ".join(list(source.columns)[:30]),
        )
    time = chosen["time"]
    if source.columns[time].kind is Kind.INTEGER:
        chosen["time_unit"] = _epoch_unit(sample[time], time)
    elif source.columns[time].kind is Kind.TEXT and (epochs := _epochs(sample[time])):
        chosen |= {"time_unit": _epoch_unit(epochs, time), "types": {time: "integer"}}
    if "session" not in chosen and "user" in chosen:
        chosen["sessionizer"] = Sessionizer(by=chosen["user"])
    documents = [
        name
        for name, type_ in source.columns.items()
        if type_.kind is Kind.TEXT and name not in chosen.values() and _are_documents(sample[name])
    ]
    schema = Schema(**chosen, json=tuple(documents))
    return schema, "no schema given; taken from the columns: " + _roles(schema)


def _sample(source: Source) -> dict[str, Sequence[Any]]:
    wanted = [n for n, t in source.columns.items() if t.kind in (Kind.TEXT, Kind.INTEGER)]
    if not wanted:
        return {}
    columns = ", ".join(map(quote, wanted))
    with connect() as connection:
        source.register(connection)
        rows = connection.sql(
            f"SELECT {columns} FROM {source.from_sql} LIMIT {SAMPLE_ROWS}"
        ).fetchall()
    return {name: [row[place] for row in rows] for place, name in enumerate(wanted)}


def _first(names: Sequence[str], source: Source, fits: Callable[[ValueType], bool]) -> str | None:
    by_name = {_plain(column): column for column, type_ in source.columns.items() if fits(type_)}
    return next((by_name[_plain(name)] for name in names if _plain(name) in by_name), None)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")


def _epoch_unit(values: Sequence[Any], column: str) -> str:
    known = sorted(value for value in values if value is not None)
    middle = known[len(known) // 2] if known else 0
    for unit, low, high in EPOCH_UNITS:
        if low <= middle < high:
            return unit
    raise EventsError(
        f"the integers in {column!r} are no epoch times of our century",
        code="missing-unit",
        hint="write a schema file that names the time column and its time_unit",
    )


def _epochs(texts: Sequence[Any]) -> list[int]:
    """Texts as whole numbers, as CSV writes epoch times; none where one is something else."""
    known = [text for text in texts if text is not None]
    return [int(text) for text in known] if all(WHOLE.fullmatch(text) for text in known) else []


def _are_documents(values: Sequence[Any]) -> bool:
    """Whether nearly all texts are JSON objects or arrays."""
    texts = [value for value in values if value is not None]
    return bool(texts) and sum(map(_is_document, texts)) >= 0.8 * len(texts)


def _is_document(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _roles(schema: Schema) -> str:
    """What was taken for what, in words."""
    parts = []
    for role in NAMES:
        column = getattr(schema, role)
        if column is not None:
            shown = " with ".join(column) if isinstance(column, tuple) else column
            unit = f" (in {schema.time_unit})" if role == "time" and schema.time_unit else ""
            parts.append(f"{role} = {shown}{unit}")
    if schema.sessionizer is not None:
        made = schema.sessionizer
        parts.append(f"sessions = gaps of over {made.inactivity} of one {made.by}")
    if schema.json:
        parts.append("JSON in " + ", ".join(schema.json))
    return "; ".join(parts)
