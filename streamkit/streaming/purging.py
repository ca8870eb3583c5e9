"""Rows of a state file that nobody can need any more."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy
from sqlalchemy import delete

from streamkit.running import Matcher
from streamkit.streaming import state_tables as tables

__all__ = ["purge"]


def purge(connection: sqlalchemy.Connection, matcher: Matcher, numbers: Mapping[str, int]) -> None:
    """Remove what time has made useless.

    Args:
        connection: The state file.
        matcher: The matcher whose state it is.
        numbers: What stands for the streams.
    """
    now, decider = matcher.intake.watermark, matcher.decider
    keys, cooldowns, ids, totals = tables.keys, tables.cooldowns, tables.ids, tables.totals
    connection.execute(delete(keys).where(keys.c.rests_until < now))
    for stream in decider.streams:
        if stream.cooldown is not None:
            is_stream = cooldowns.c.stream == numbers[stream.plan.stream.name]
            is_over = cooldowns.c.fired < now - stream.cooldown.length
            connection.execute(delete(cooldowns).where(is_stream, is_over))
    if decider.seen:
        connection.execute(delete(ids).where(ids.c.time < now - decider.seen[0].length))
    if decider.totals is not None and decider.totals.length is not None:
        connection.execute(delete(totals).where(totals.c.latest < now - decider.totals.length))
