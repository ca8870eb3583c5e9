"""Matches as text, so that they can wait in a file for their sink."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from streamkit.matching.contexts import Context, SessionFacts
from streamkit.running import Match, MatchedEvent
from streamkit.running.matches import RunEnds

__all__ = ["pack_match", "unpack_match"]


def pack_match(match: Match) -> str:
    """A match with all that it carries."""
    events = [[each.step, each.id, each.micros, each.name] for each in match.events]
    context: Any = None
    if match.context is not None:
        session = match.context.session
        context = [
            [dict(values) for values in match.context.events],
            dict(match.context.firing),
            None if session is None else asdict(session),
        ]
    return json.dumps(
        [match.stream, match.version, match.match_id, match.key, match.session, match.user,
         match.started, match.matched, match.fired, events, match.is_proven, context, match.ends],
        separators=(",", ":"),
        allow_nan=False,
    )  # fmt: skip


def unpack_match(packed: str) -> Match:
    """What `pack_match` was given."""
    (stream, version, match_id, key, session, user, started, matched, fired, events, is_proven,
     context, ends) = json.loads(packed)  # fmt: skip
    if context is not None:
        of_events, firing, facts = context
        context = Context(tuple(of_events), firing, facts and SessionFacts(**facts))
    return Match(
        stream=stream,
        version=version,
        match_id=match_id,
        key=tuple(key),
        session=session,
        user=user,
        started=started,
        matched=matched,
        fired=fired,
        events=tuple(MatchedEvent(*each) for each in events),
        is_proven=is_proven,
        context=context,
        ends=ends and RunEnds(*ends),
    )
