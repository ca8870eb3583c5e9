"""The id of a match: the same on any machine, from any engine, however often it is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

__all__ = ["compact", "match_id"]

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON without spaces: the text that ids are made of."""


def match_id(
    stream: str,
    key: Sequence[str],
    event_id: str | None,
    *,
    time: int = 0,
    name: str | None = None,
    nth: int = 0,
) -> str:
    """The id of the match that a firing event makes.

    It depends on the stream's name, the key and the firing event alone, so that editing a stream
    never makes a sent match look new.

    Args:
        stream: Name of the stream.
        key: The parts of the key.
        event_id: The firing event's id, if it has one.
        time: Without an id: its time, in microseconds since the epoch.
        name: Without an id: its name.
        nth: Without an id: how many earlier rows of the key have that time and name.

    Returns:
        The first 32 hex digits of the SHA-256 of a compact JSON array in UTF-8.

    Example:
        >>> match_id("checkout-rescue", ["s1"], "e7")
        '8fa39655c1c7950e236ef1ace6302836'
    """
    parts: list[object] = [stream, list(key)]
    parts += [event_id] if event_id is not None else [time, name, nth]
    return hashlib.sha256(compact(parts).encode()).hexdigest()[:32]
