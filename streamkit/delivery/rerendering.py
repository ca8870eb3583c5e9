"""Dead letters with new bodies: under new ids, because the bytes of an id never change."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from streamkit.delivery.bodies import BodyMaker
from streamkit.delivery.ledger.candidates import read_candidates
from streamkit.delivery.ledger.tables import MATCHES
from streamkit.errors import PayloadError
from streamkit.matching import find_matches
from streamkit.payload import compile_payload
from streamkit.times import from_microseconds

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.delivery.ledger import Ledger
    from streamkit.events import History
    from streamkit.payload import Body

__all__ = ["rerender", "rerendered_id"]


def rerendered_id(match_id: str) -> str:
    """The id under which a match is sent with another body.

    Example:
        >>> rerendered_id("8fa39655c1c7950e236ef1ace6302836")
        'af9546a4dcfba955d2adc8eaced0ef05'
    """
    return hashlib.sha256(f"rerendered {match_id}".encode()).hexdigest()[:32]


def rerender(
    ledger: Ledger, streams: Sequence[Stream], history: History, match_ids: Sequence[str]
) -> int:
    """Let dead letters wait again with bodies made anew.

    The dead letter stays as `skipped: sent as <new id>`, so frequency and cooldown see one match.

    Args:
        ledger: The ledger.
        streams: Their streams, with the payload as it shall be now.
        history: The events they were found in.
        match_ids: Of dead letters.

    Returns:
        How many wait now; those that are not in the events or whose body cannot be made are left.
    """
    dead = {each["match_id"]: each for each in ledger.dead_letters()}
    wanted: dict[str, set[str]] = defaultdict(set)
    for match_id in match_ids:
        if match_id in dead:
            wanted[dead[match_id]["stream"]].add(_origin(dead, match_id))
    chosen = [stream for stream in streams if wanted.get(stream.name)]
    if not chosen:
        return 0
    bodies: dict[str, Body] = {}
    with history.connect() as connection:
        found = find_matches(
            chosen,
            history,
            connection,
            since=None,
            until=None,
            now=from_microseconds(ledger.now),
            undecided=True,
        )
        for stream, each in zip(chosen, found.streams, strict=True):
            assert each.tables.runs is not None, "they were asked for"
            candidates, _ = read_candidates(
                stream, each.tables.matches, each.tables.runs, since=None, proven_only=False
            )
            again = [one for one in candidates if one.match_id in wanted[stream.name]]
            make = BodyMaker(compile_payload(stream, history), each.tables, history, connection)
            made = zip(again, make(again), strict=True)
            bodies |= {
                one.match_id: body for one, body in made if not isinstance(body, PayloadError)
            }
    return ledger.write(
        lambda connection: sum(
            _replace(connection, match_id, bodies[_origin(dead, match_id)], ledger.now)
            for match_id in dict.fromkeys(match_ids)
            if match_id in dead and _origin(dead, match_id) in bodies
        )
    )


def _origin(dead: Mapping[str, Mapping[str, Any]], match_id: str) -> str:
    """The id that the match has by itself."""
    return str(dead[match_id]["rerender_of"] or match_id)


def _replace(connection: sa.Connection, match_id: str, body: Body, now: int) -> int:
    """Put a match with another id and body in the place of a dead letter."""
    c = MATCHES.c
    row = connection.execute(
        sa.select(MATCHES).where(c.match_id == match_id, c.state == "dead")
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        return 0
    new_id = rerendered_id(match_id)
    values = {name: value for name, value in row.items() if name != "number"}
    values |= {
        "match_id": new_id,
        "state": "waiting",
        "reason": "",
        "body": body.content,
        "secrets": json.dumps(body.secrets),
        "added_at": now,
        "settled_at": None,
        "age_from": now,
        "due_at": now,
        "tries": 0,
        "lease": None,
        "leased_until": None,
        "month": None,
        "rerender_of": row["rerender_of"] or match_id,
    }
    connection.execute(
        MATCHES.update()
        .where(c.number == row["number"])
        .values(state="skipped", reason=f"sent as {new_id}", body=None, secrets=None)
    )
    connection.execute(MATCHES.insert().values(values))
    return 1
