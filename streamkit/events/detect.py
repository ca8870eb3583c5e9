"""A first guess at the schema, from names, types and a look at a thousand rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from streamkit.errors import EventsError
from streamkit.events.schema import Schema, Sessionizer
from streamkit.events.source import Source, connect
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
EPOCH_UNITS = (("s", 1e9, 1e11), ("ms", 1e11, 1e14), ("us", 1e14, 1e17), ("ns", 1e17, 1e20))
"""Magnitudes of the years 2001 to 5138 in each unit: they do not overlap."""


def detect(source: Source) -> tuple[Schema, str]:
    """Propose a schema.

    Returns:
        The schema, and one sentence that says what was taken for what.

    Raises:
        EventsError: No column looks like the time or the name of an event.
    """
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
    if source.columns[chosen["time"]].kind is Kind.INTEGER:
        chosen["time_unit"] = _epoch_unit(sample[chosen["time"]], chosen["time"])
    if "session" not in chosen and "user" in chosen:
        chosen["sessionizer"] = Sessionizer(by=chosen["user"])
    documents = [
        name
        for name, type_ in source.columns.items()
        if type_.kind is Kind.TEXT and name not in chosen.values() and _are_documents(sample[name])
    ]
    return Schema(**chosen, json=tuple(documents)), _sentence(chosen, documents)


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


def _sentence(chosen: dict[str, Any], documents: Sequence[str]) -> str:
    parts = [f"{role} = {chosen[role]}" for role in NAMES if role in chosen]
    if "time_unit" in chosen:
        parts[0] += f" (in {chosen['time_unit']})"
    if "sessionizer" in chosen:
        parts.append(f"sessions = gaps of over 30m of one {chosen['sessionizer'].by}")
    if documents:
        parts.append("JSON in " + ", ".join(documents))
    return "no schema given; taken from the columns: " + "; ".join(parts)
