"""What all rows of the input tell, whether or not they touch a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from streamkit.errors import EventsError
from streamkit.events.asking import ask
from streamkit.events.history import SMALL
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines
from streamkit.matching.scan import ROLES, Scan, hash_sql, part_sql

__all__ = ["Census", "census_query", "take_census"]

SKIPPED = ("null_key", "null_time", "unparsable_time", "future_time")
SAMPLE = 100_000
"""Rows that tell about how many of all rows may touch a stream."""


@dataclass(frozen=True, slots=True)
class Census:
    """What all rows of the input tell.

    Args:
        rows: How many there are.
        skipped: Rows that take no part, by reason.
        horizon: How far time is known, in microseconds; None where no time is.
        begin: The oldest time, in microseconds.
        keys: The keys seen, by the parts of the key.
        missing: Values that count as missing, by reason, in the rows a stream looked into.
    """

    rows: int
    skipped: Mapping[str, int]
    horizon: int | None
    begin: int
    keys: Mapping[tuple[str, ...], int]
    missing: Mapping[str, int] = field(default_factory=dict)


def take_census(
    connection: duckdb.DuckDBPyConnection, scan: Scan, query: Query
) -> tuple[Census, float, bool]:
    """Count the rows.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        query: The `census_query` of it.

    Returns:
        The census, about which share of the rows may touch a stream, and whether the numbers that
        stand for key parts are different for any two texts.

    Raises:
        EventsError: No row has a time that can be read.
    """
    answer = scan.history.kept.answer(
        (scan.identity, query.text), lambda: ask(connection, query).row(0, named=True), SMALL
    )
    rows, newest = answer["rows"], answer["newest"]
    if rows and answer["unparsable_time"] == rows:
        raise EventsError(
            f"no row has a time that can be read in {scan.history.schema.time!r}",
            code="unparsable-time",
            path="schema.time",
            hint="times are timestamps, RFC 3339 text, or integers with a time_unit",
        )
    counted = Census(
        rows=rows,
        skipped={name: answer[name] or 0 for name in SKIPPED},
        horizon=newest if scan.until is None or newest is None else min(scan.until, newest),
        begin=answer["oldest"] or 0,
        keys={key: answer[_seen(scan, place)] for place, key in enumerate(scan.keys)},
    )
    is_exact = all(
        answer[f"texts_{place}"] == answer[f"hashes_{place}"]
        for place in range(len(_texts(scan, RowValues(Parameters()))))
    )
    return counted, answer["share"] or 0.0, is_exact


def census_query(scan: Scan) -> Query:
    """One row: what is counted of times and of lacking keys, then the keys seen.

    Where the files' footers tell enough of the times, they are not read for it. For each key part
    the texts and the numbers that stand for them are counted apart: equal counts prove that no
    two texts share a number.
    """
    values = RowValues(parameters := Parameters())
    texts = _texts(scan, values)
    raw_time = values.column(scan.history.role("time"))
    columns = [f"{scan.history.time_sql(values)} AS time", f"{raw_time} IS NULL AS is_timeless"]
    columns += [f"{sql} AS part_{place}" for place, sql in enumerate(texts.values())]
    columns.append(f"{scan.prefilter(parameters) or 'true'} AS may_touch")
    known = scan.history.time_bounds(scan.identity)
    ends = (scan.latest + 1, *(() if scan.until is None else (scan.until,)))
    if known is not None and known.newest < min(ends):
        visible = "NOT is_timeless"
        counts = {
            "rows": known.rows,
            "null_time": known.nulls,
            "unparsable_time": 0,
            "future_time": 0,
            "newest": known.newest,
            "oldest": known.oldest,
        }
        times = f"SELECT {join_lines(f'{value} AS {name}' for name, value in counts.items())}"
    else:
        latest = parameters.bind(scan.latest)
        before_until = "" if scan.until is None else f" AND time < {parameters.bind(scan.until)}"
        visible = f"time <= {latest}{before_until}"
        times = f"""SELECT count(*) AS rows,
    count(*) FILTER (is_timeless) AS null_time,
    count(*) FILTER (time IS NULL AND NOT is_timeless) AS unparsable_time,
    count(*) FILTER (time > {latest}{before_until}) AS future_time,
    max(time) FILTER (time <= {latest}) AS newest,
    min(time) FILTER (time <= {latest}) AS oldest
  FROM known"""
    steps = {
        "known": f"SELECT {join_lines(columns)}\n  FROM valued",
        "counted_times": times,
        "counted_sample": "SELECT avg(CAST(may_touch AS INTEGER)) AS share\n"
        f"  FROM (SELECT may_touch FROM known LIMIT {SAMPLE})",
    }
    roles = [place for place, part in enumerate(scan.parts) if part in ROLES]
    if len(roles) != 1:
        lacks = " OR ".join(f"part_{place} IS NULL" for place in roles) or "false"
        steps["counted_lacking"] = (
            f"SELECT count(*) FILTER ({visible} AND ({lacks})) AS null_key\n  FROM known"
        )
    for place in range(len(texts)):
        part = f"part_{place}"
        numbers = f"nullif({hash_sql('part', scan.salt)}, 0)"
        lacking = ",\n    sum(rows) FILTER (part IS NULL) AS null_key" if roles == [place] else ""
        steps[f"counted_{part}"] = (
            f"SELECT count(part) AS texts_{place},\n    count(DISTINCT {numbers})"
            f" AS hashes_{place}{lacking}\n"
            f"  FROM (SELECT {part} AS part, count(*) AS rows FROM known WHERE {visible} GROUP BY {part})"
        )
    for place, key in enumerate(scan.keys):
        if len(key) > 1:
            parts = [f"part_{scan.parts.index(part)}" for part in key]
            whole = " AND ".join(f"{part} IS NOT NULL" for part in parts)
            steps[f"counted_key_{place}"] = (
                f"SELECT count(*) AS keys_{place}\n"
                f"  FROM (SELECT DISTINCT {', '.join(parts)} FROM known WHERE {visible} AND {whole})"
            )
    named = ",\n".join(f"{name} AS NOT MATERIALIZED (\n  {sql}\n)" for name, sql in steps.items())
    counted = [name for name in steps if name.startswith("counted")]
    sql = f"{scan.history.steps_sql(values)},\n{named}\nSELECT *\nFROM {', '.join(counted)}"
    return Query(sql, parameters.values)


def _texts(scan: Scan, values: RowValues) -> dict[str, str]:
    """The texts that numbers stand for: key parts, and what sessions are made by."""
    parts = list(scan.parts)
    if scan.history.schema.sessionizer is not None and "session" not in parts:
        parts.append("session")
    return {part: part_sql(scan.history, part, values) for part in parts}


def _seen(scan: Scan, place: int) -> str:
    """The column that counts a key: a key of one part is counted with the part."""
    key = scan.keys[place]
    return f"keys_{place}" if len(key) > 1 else f"texts_{scan.parts.index(key[0])}"
