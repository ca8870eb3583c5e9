"""A matcher as bytes, and back.

A snapshot is one JSON document with a line before it that names its form. It holds no raw event:
what is held of an undecided event are its order, its flags and the texts of keys. Its lists are
sorted, so that matchers that know the same write the same bytes.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from streamkit.errors import EventsError
from streamkit.running.contents import pack_common, pack_held, pack_seen, restore
from streamkit.running.generations import Generations
from streamkit.running.packing import Events, pack_key, pack_state
from streamkit.running.stream_state import StreamState

if TYPE_CHECKING:
    from streamkit.running.matcher import Matcher

__all__ = ["FORMAT", "read_snapshot", "write_snapshot"]

FORMAT = 1
MAGIC = b"streamkit matcher "
NEWER = "it was written by a newer version"


def write_snapshot(matcher: Matcher) -> bytes:
    """Everything that a matcher knows."""
    decider = matcher.decider
    data = pack_common(matcher)
    data["held"] = [pack_held(held) for held in sorted(matcher.held)]
    data["sessions"] = sorted(
        [user, *each.row()] for user, each in (decider.sessions.of_user.items()
                                               if decider.sessions else ())
    )  # fmt: skip
    data["totals"] = sorted(
        [session, *total.row()] for session, total in (decider.totals.of_session.items()
                                                       if decider.totals else ())
    )  # fmt: skip
    data["seen"] = [pack_seen(seen) for seen in decider.seen or ()]
    for packed, stream in zip(data["streams"], decider.streams, strict=True):
        packed.update(_pack_stream(stream))
    body = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
    return MAGIC + f"{FORMAT} {zlib.crc32(body):08x}\n".encode() + body


def read_snapshot(matcher: Matcher, snapshot: bytes) -> tuple[str, ...]:
    """Let a new matcher know what a snapshot holds; what does not go on, in sentences."""
    return restore(matcher, _body(snapshot))


def _body(snapshot: bytes) -> dict[str, Any]:
    line, _, body = bytes(snapshot).partition(b"\n")
    words = line.removeprefix(MAGIC).split()
    if not line.startswith(MAGIC) or len(words) != 2 or not words[0].isdigit():
        raise EventsError("these bytes are no snapshot of a matcher", code="not-a-snapshot")
    if int(words[0]) != FORMAT:
        raise EventsError(f"the snapshot has form {int(words[0])} and this version reads {FORMAT}",
                          code="other-format", hint=NEWER)  # fmt: skip
    if f"{zlib.crc32(body):08x}".encode() != words[1]:
        raise EventsError("the snapshot is damaged", code="damaged-snapshot")
    data: dict[str, Any] = json.loads(body)
    return data


def _pack_generations(kept: Generations[Any, Any]) -> list[Any]:
    def rows(entries: dict[Any, Any]) -> list[Any]:
        return sorted(([pack_key(k), v] for k, v in entries.items()), key=lambda row: repr(row[0]))

    return [kept.began, rows(kept.recent), rows(kept.older)]


def _pack_stream(stream: StreamState) -> dict[str, Any]:
    events = Events(stream.plan.stream.name)
    states = sorted(
        (
            [pack_key(key), pack_state(stream, state, events)]
            for key, state in stream.states.items()
        ),
        key=lambda row: repr(row[0]),
    )
    return {
        "events": events.rows(),
        "states": states,
        "waits": [
            [firing.run.time + stream.plan.wait, firing.run.ordinal, pack_key(firing.key)]
            for firing in stream.waits.open()
        ],
        "cooldown": None if stream.cooldown is None else _pack_generations(stream.cooldown.kept),
    }
