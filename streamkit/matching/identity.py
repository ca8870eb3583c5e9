"""The id of a match: the same on any machine, from any engine, however often it is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

import duckdb
import polars as pl

from streamkit.events.asking import ask
from streamkit.events.sql import Parameters, Query

__all__ = ["compact", "match_id", "match_ids"]

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON without spaces: the text that ids are made of."""
quoted: Callable[[str], str] = json.encoder.encode_basestring
"""A text as that writes it."""
ESCAPED = r'["\\\x00-\x1f]'
"""What stands otherwise in JSON than in the text itself (RFC 8259, section 7)."""


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
    keys = ",".join(map(quoted, key))
    if event_id is not None:
        event = quoted(event_id)
    else:
        event = f"{time},{'null' if name is None else quoted(name)},{nth}"
    text = f"[{quoted(stream)},[{keys}],{event}]"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def match_ids(
    connection: duckdb.DuckDBPyConnection,
    stream: str,
    keys: Sequence[pl.Series],
    firing: pl.DataFrame,
) -> pl.Series:
    """The same for many firing events of one stream at once.

    The hashing is DuckDB's; the few texts that JSON escapes are left to `match_id`.

    Args:
        connection: A connection.
        stream: Name of the stream.
        keys: The parts of the keys.
        firing: The firing events: `id`, `time`, `name` and `nth` as in `match_id`.
    """
    parameters = Parameters()
    names = [f"key_{place}" for place in range(len(keys))]
    table = firing.with_columns(key.alias(name) for name, key in zip(names, keys, strict=True))
    key = " || ',' || ".join(f"'\"' || {name} || '\"'" for name in names)
    nameless = "time || ',' || coalesce('\"' || name || '\"', 'null') || ',' || nth"
    text = (
        f"{parameters.bind(f'[{compact(stream)},[')} || {key} || '],'"
        f" || CASE WHEN id IS NULL THEN {nameless} ELSE '\"' || id || '\"' END || ']'"
    )
    told = f"concat({', '.join(names)}, CASE WHEN id IS NULL THEN name ELSE id END)"
    is_escaped = f"regexp_matches({told}, {parameters.bind(ESCAPED)})"
    connection.register("firing", table.to_arrow())
    try:
        query = Query(
            f"SELECT CASE WHEN NOT {is_escaped} THEN left(sha256({text}), 32) END AS match_id FROM firing",
            parameters.values,
        )
        ids = ask(connection, query)["match_id"]
    finally:
        connection.unregister("firing")
    rows = ids.is_null().arg_true()
    if len(rows):
        others = table[rows].select(pl.concat_list(names), "id", "time", "name", "nth").rows()
        ids = ids.scatter(
            rows,
            [
                match_id(stream, key, event_id, time=time, name=name, nth=nth)
                for key, event_id, time, name, nth in others
            ],
        )
    return ids
