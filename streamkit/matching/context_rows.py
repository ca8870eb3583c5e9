"""The contexts of a table of matches: one query for their events, one for their sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from streamkit.events.asking import ask, ask_arrow
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query
from streamkit.matching.contexts import Context, ContextReader, Needs, SessionFacts
from streamkit.matching.order import key_codes, order_rows
from streamkit.matching.raw_columns import raw_column, raw_values
from streamkit.matching.scan import part_sql, sequence_sql
from streamkit.matching.sessions import Sessions, session_texts

if TYPE_CHECKING:
    import duckdb

    from streamkit.events.history import History
    from streamkit.matching.chains import Ints

__all__ = ["read_contexts"]


def read_contexts(
    history: History,
    connection: duckdb.DuckDBPyConnection,
    matches: pl.DataFrame,
    positions: Ints,
    needs: Needs,
) -> list[Context]:
    """The contexts of matches, in their order.

    Args:
        history: The events.
        connection: A connection made by the history.
        matches: A table of matches; its columns `session` and `fired_at` are read.
        positions: Source positions of each match's events, shape (steps, matches).
        needs: What the payload asks for.
    """
    reader = ContextReader(needs, history)
    count = len(matches)
    facts: list[SessionFacts | None] = [None] * count
    latest: Ints = np.full(count, -1, np.int64)
    if needs.is_of_session and count:
        facts, latest = _sessions(history, connection, matches)
    wanted = [positions[step] for step in needs.steps]
    wanted += [positions[-1]] if needs.firing else []
    wanted += [latest[latest >= 0]] if needs.session_last else []
    rows = _rows(history, connection, reader, wanted)
    last_values = [reader.of_last(rows.get(each, {})) for each in latest.tolist()]
    return [
        Context(
            tuple(
                reader.of_step(step, rows.get(position, {})) for step, position in enumerate(run)
            ),
            reader.of_firing(rows.get(run[-1], {})),
            None
            if (known := facts[place]) is None
            else SessionFacts(known.event_count, known.started, known.latest, last_values[place]),
        )
        for place, run in enumerate(positions.T.tolist())
    ]


def _rows(
    history: History,
    connection: duckdb.DuckDBPyConnection,
    reader: ContextReader,
    wanted: Sequence[Ints],
) -> Mapping[int, Mapping[str, Any]]:
    """The columns that the reader needs of rows, by their position."""
    positions = np.unique(np.concatenate(wanted)) if wanted else np.empty(0, np.int64)
    columns = sorted(reader.columns & history.columns.keys())
    if not len(positions) or not columns:
        return {}

    def selected(_: RowValues) -> dict[str, str]:
        return {f"column_{n}": raw_column(history, column) for n, column in enumerate(columns)}

    connection.register("wanted", pl.DataFrame({"position": positions}).to_arrow())
    try:
        found = ask_arrow(connection, history.lookup(selected))
    finally:
        connection.unregister("wanted")
    values = [
        raw_values(found[f"column_{n}"].to_pylist(), history.columns[column].kind)
        for n, column in enumerate(columns)
    ]
    return {
        position: dict(zip(columns, row, strict=True))
        for position, row in zip(
            found["position"].to_pylist(), zip(*values, strict=True), strict=True
        )
    }


def _sessions(
    history: History, connection: duckdb.DuckDBPyConnection, matches: pl.DataFrame
) -> tuple[list[SessionFacts | None], Ints]:
    """The session of each match as of its `fired_at`, and the position of its last row then.

    All rows of the session count that have a time, whether or not they touch a stream,
    duplicates too.
    """
    rows = _session_rows(history, connection, matches["session"].drop_nulls().unique())
    group = pl.col("session")
    counted = rows.select(
        "session",
        "time",
        "position",
        event_count=pl.int_range(1, pl.len() + 1).over(group),
        started=pl.col("time").first().over(group),
    ).sort("time", maintain_order=True)
    asked = matches.select(
        "session",
        fired=pl.col("fired_at").dt.epoch("us"),
        place=pl.int_range(pl.len()),
    ).sort("fired")
    joined = asked.join_asof(
        counted,
        left_on="fired",
        right_on="time",
        by="session",
        strategy="backward",
        coalesce=False,
        check_sortedness=False,  # both were just sorted
    ).sort("place")
    facts = [
        None if count is None else SessionFacts(count, started, latest)
        for count, started, latest in joined.select("event_count", "started", "time").iter_rows()
    ]
    return facts, joined["position"].fill_null(-1).to_numpy()


def _session_rows(
    history: History, connection: duckdb.DuckDBPyConnection, sessions: pl.Series
) -> pl.DataFrame:
    """All rows of some sessions with a time, in the order of each session."""
    sessionizer = history.schema.sessionizer
    values = RowValues(parameters := Parameters())
    columns = {
        "session": part_sql(history, "session", values),
        "time": history.time_sql(values),
        "position": "_position",
    }
    if history.schema.sequence is not None:
        columns["sequence"] = sequence_sql(history, values)
    # with a sessionizer the query brings all rows of the sessions' users
    keys = sessions if sessionizer is None else sessions.str.replace("@[^@]*$", "").unique()
    sql = (
        f"{history.known_sql(values, columns)}"
        "SELECT known.* FROM known SEMI JOIN wanted ON known.session = wanted.session\n"
        "WHERE time IS NOT NULL ORDER BY position"
    )
    connection.register("wanted", pl.DataFrame({"session": keys}).to_arrow())
    try:
        rows = ask(connection, Query(sql, parameters.values))
    finally:
        connection.unregister("wanted")
    if sessionizer is not None and len(rows):
        users = key_codes([rows["session"]]).astype(np.uint64) + np.uint64(1)
        times = rows["time"].to_numpy()
        starts = Sessions.of(users, times, sessionizer).starts_of(users, times)
        rows = rows.with_columns(session_texts(rows["session"], starts))
        rows = rows.filter(pl.col("session").is_in(sessions.implode()))
    times = rows["time"].to_numpy()
    sequence = rows["sequence"].to_numpy() if "sequence" in rows.columns else None
    return rows[order_rows(key_codes([rows["session"]]), times, sequence)]
