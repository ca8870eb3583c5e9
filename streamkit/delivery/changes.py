"""What has changed since a ledger last saw a stream, said before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamkit.delivery.ledger.streams import Known, identity, payload_digest

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.delivery.routes import Route
    from streamkit.events import Schema

__all__ = ["Changes", "find_changes"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different.

    Args:
        new_ids: Why ids are not what they were, so that what was sent would be sent again.
        others: Changes of stream, payload or destination, by stream.
    """

    new_ids: Sequence[str] = ()
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)


def find_changes(
    streams: Sequence[Stream],
    routes: Mapping[str, Route],
    schema: Schema,
    known: Mapping[str, Known],
) -> Changes:
    """Compare streams with what a ledger knows of them."""
    names = {stream.name for stream in streams}
    new_ids: list[str] = []
    others: dict[str, list[str]] = {}
    for stream in streams:
        before = known.get(stream.name)
        if before is None:
            new_ids += _renamed(stream, names, known)
            continue
        if before.identity not in ("", identity(stream, schema)):
            new_ids.append(
                f"{stream.name}: 'per' or the sessionizer has changed, and with it every match id"
            )
        changed = [
            text
            for is_changed, text in (
                (before.version != stream.version, "matches otherwise than before"),
                (
                    before.payload != payload_digest(stream),
                    "has another payload; bodies that wait already are sent as they were made",
                ),
                (
                    before.target != routes[stream.name].destination.fingerprint,
                    "has another destination or connection; what waits is sent to the new one",
                ),
            )
            if is_changed
        ]
        if changed:
            others[stream.name] = changed
    return Changes(new_ids, others)


def _renamed(stream: Stream, names: Collection[str], known: Mapping[str, Known]) -> list[str]:
    """A stream that is not there any more and matched the very same is likely this one."""
    return [
        f"{stream.name}: matches what {name!r} matched; a new name changes every match id"
        for name, before in known.items()
        if before.version == stream.version and name not in names
    ]
