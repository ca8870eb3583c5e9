"""Small streams and events that the tests of this folder share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from streamkit import Schema, Stream
from streamkit.running import Matcher

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
SCHEMA = Schema(time="at", name="event", session="sid", user="uid", json=["props"])
MICROSECOND = timedelta(microseconds=1)


def a_then_b(**changed: Any) -> Stream:
    """An A and a B within ten minutes."""
    definition = {"name": "s", "steps": [{"event": "A"}, {"event": "B"}], "within": "10m"}
    return Stream.from_dict({**definition, **changed})


def event(name: str, seconds: float, session: str | None = "s1", **columns: Any) -> dict[str, Any]:
    """An event so many seconds after `START`."""
    at = START + timedelta(seconds=seconds)
    return {"at": at, "event": name, "sid": session, "uid": "u1", **columns}


def matcher(*streams: Stream, schema: Any = SCHEMA, **arguments: Any) -> Matcher:
    """A matcher whose clock stands still at `NOW`."""
    return Matcher(streams or (a_then_b(),), schema, **{"now": lambda: NOW, **arguments})


def after(seconds: float) -> int:
    """Microseconds since the epoch, so many seconds after `START`."""
    return (START + timedelta(seconds=seconds) - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
