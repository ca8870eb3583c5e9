"""From the rows of a state file to what `running.contents.restore` takes."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy
from sqlalchemy import func, select

from streamkit.running import Matcher
from streamkit.streaming import state_tables as tables

__all__ = ["stored_state"]


def stored_state(
    connection: sqlalchemy.Connection, common: dict[str, Any], matcher: Matcher
) -> dict[str, Any]:
    """Everything that has to be in memory: not keys, cooldowns and totals that lie in the file.

    Args:
        connection: The state file.
        common: What it says of itself.
        matcher: The matcher that is to know it.
    """
    waits = {each.plan.stream.name: each.plan.wait for each in matcher.decider.streams}
    numbers = {row.name: row.number for row in connection.execute(select(tables.streams))}
    streams = [
        {
            **stream,
            **_stream(connection, numbers[stream["name"]], waits.get(stream["name"], 0)),
            "cooldown": [None, [], []],
        }
        for stream in common["streams"]
    ]
    oldest = matcher.decider.seen[0].length if matcher.decider.seen else 0
    since = common["clock"][2] - oldest
    return {
        **common,
        "streams": streams,
        "held": [json.loads(e) for e in connection.scalars(select(tables.held.c.event))],
        "sessions": [
            [user, *json.loads(row)] for user, row in connection.execute(select(tables.sessions))
        ],
        "totals": [],
        "seen": [_ids(connection, kind, since) for kind in common["keys"]],
    }


def _stream(connection: sqlalchemy.Connection, number: int, wait: int) -> dict[str, Any]:
    table = tables.keys
    mine = select(table.c.key, table.c.state).where(table.c.stream == number)
    events, states, waits = [], [], []
    for key_text, row in connection.execute(mine.where(table.c.rests_until.is_(None))):
        key = json.loads(key_text)
        rows, state = json.loads(row)
        events += rows
        states.append([key, state])
        if isinstance(state, list) and state[4]:
            times = {ordinal: time for time, ordinal, *_ in rows}
            last = [run[-1] for run, *_ in state[4]]
            waits += [[times[ordinal] + wait, ordinal, key] for ordinal in last]
    resting = select(func.count()).select_from(table).where(
        table.c.stream == number, table.c.rests_until.is_not(None)
    )  # fmt: skip
    return {
        "events": events,
        "states": states,
        "waits": sorted(waits, key=lambda each: each[:2]),
        "resting": connection.scalar(resting),
    }


def _ids(connection: sqlalchemy.Connection, kind: list[str], since: int) -> list[Any]:
    table = tables.ids
    text = json.dumps(kind, separators=(",", ":"))
    rows = connection.execute(
        select(table.c.id, table.c.key, table.c.time, table.c.streams).where(
            table.c.kind == text, table.c.time >= since
        )
    )
    seen = [[event_id, [[json.loads(key), time, int(bits)]]] for event_id, key, time, bits in rows]
    return [None, seen, []]
