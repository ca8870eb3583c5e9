"""What all rows of the input tell, whether or not they touch a stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from streamkit.errors import EventsError
from streamkit.events.asking import ask
from streamkit.events.footers import Bounds
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines
from streamkit.events.values import LAST_TIME
from streamkit.matching.scan import ROLES, Scan, part_sql

__all__ = ["Census", "census_query", "check_times", "take_census"]

SKIPPED = ("null_key", "null_time", "unparsable_time", "future_time")


@dataclass(frozen=True, slots=True)
class Census:
    """What all rows of the input tell.

    Args:
        rows: How many there are.
        skipped: Rows that take no part, by reason.
        horizon: How far time is known, in microseconds; None where no time is.
        newest: The newest time that is not too far ahead, in microseconds.
        begin: The oldest time, in microseconds.
        keys: The keys seen, by the parts of the key.
        missing: Values that count as missing, by reason, in the rows a stream looked into.
        reach: The oldest event of the sessions that go on at or after the time asked for, in
            microseconds; None if there are none, or nothing was asked.
    """

    rows: int
    skipped: Mapping[str, int]
    horizon: int | None
    newest: int | None
    begin: int
    keys: Mapping[tuple[str, ...], int]
    missing: Mapping[str, int] = field(default_factory=dict)
    reach: int | None = None


def take_census(connection: duckdb.DuckDBPyConnection, scan: Scan, query: Query) -> Census:
    """Count the rows.

    Args:
        connection: Where the source can be scanned.
        scan: The scan.
        query: The `census_query` of it.

    Raises:
        EventsError: No row has a time that can be read.
    """
    answer = scan.history.kept.answer(
        scan.identity, query.text, lambda: ask(connection, query).row(0, named=True)
    )
    newest = answer["newest"]
    return Census(
        rows=answer["rows"],
        skipped={name: answer[name] or 0 for name in SKIPPED},
        horizon=newest if scan.until is None or newest is None else min(scan.until, newest),
        newest=newest,
        begin=answer["oldest"] or 0,
        keys={key: answer[_seen(scan, place)] for place, key in enumerate(scan.keys)},
        reach=answer.get("reach"),
    )


def check_times(census: Census, scan: Scan) -> None:
    """Make sure that times can be read.

    Raises:
        EventsError: No row has a time that can be read.
    """
    if census.rows and census.skipped["unparsable_time"] == census.rows:
        raise EventsError(
            f"no row has a time that can be read in {scan.history.schema.time!r}",
            code="unparsable-time",
            path="schema.time",
            hint="times are timestamps, RFC 3339 text, or integers with a time_unit",
        )


def census_query(scan: Scan, going_on: int | None = None) -> Query:
    """One row: what is counted of times and of lacking keys, then the keys seen.

    What the files' footers tell of times is not read.

    Args:
        scan: The scan.
        going_on: If given, how far back the sessions reach that go on then or later, in
            microseconds.
    """
    values = RowValues(parameters := Parameters())
    texts = [part_sql(scan.history, part, values) for part in scan.parts]
    raw_time = values.column(scan.history.role("time"))
    columns = [f"{scan.history.time_sql(values)} AS time", f"{raw_time} IS NULL AS is_timeless"]
    columns += [f"{sql} AS part_{place}" for place, sql in enumerate(texts)]
    bounds = scan.bounds
    if bounds:
        columns.append("_file_number")
    steps = {
        "known": f"SELECT {join_lines(columns)}\n  FROM valued",
        "visible": _visible(scan, bounds, len(texts), parameters),
        "counted_times": _counted_times(scan, bounds, parameters),
    }
    roles = [place for place, part in enumerate(scan.parts) if part in ROLES]
    if len(roles) != 1:
        lacks = " OR ".join(f"part_{place} IS NULL" for place in roles) or "false"
        steps["counted_lacking"] = f"SELECT count(*) FILTER ({lacks}) AS null_key\n  FROM visible"
    for place, role in enumerate(scan.parts):
        part = f"part_{place}"
        lacking = ",\n    sum(rows) FILTER (part IS NULL) AS null_key" if roles == [place] else ""
        ends = ""
        if going_on is not None and role == "session":
            ends = ", min(time) AS first, max(time) AS last"
            bound = parameters.bind(going_on)
            lacking += f",\n    min(first) FILTER (part IS NOT NULL AND last >= {bound}) AS reach"
        steps[f"counted_{part}"] = (
            f"SELECT count(part) AS texts_{place}{lacking}\n"
            f"  FROM (SELECT {part} AS part, count(*) AS rows{ends} FROM visible GROUP BY {part})"
        )
    for place, key in enumerate(scan.keys):
        if len(key) > 1:
            parts = [f"part_{scan.parts.index(part)}" for part in key]
            whole = " AND ".join(f"{part} IS NOT NULL" for part in parts)
            steps[f"counted_key_{place}"] = (
                f"SELECT count(*) AS keys_{place}\n"
                f"  FROM (SELECT DISTINCT {', '.join(parts)} FROM visible WHERE {whole})"
            )
    named = ",\n".join(f"{name} AS NOT MATERIALIZED (\n  {sql}\n)" for name, sql in steps.items())
    counted = [name for name in steps if name.startswith("counted")]
    sql = f"{scan.history.steps_sql(values)},\n{named}\nSELECT *\nFROM {', '.join(counted)}"
    return Query(sql, parameters.values)


def _visible(
    scan: Scan, bounds: Sequence[Bounds | None], parts: int, parameters: Parameters
) -> str:
    """Times and key parts of the visible rows, by a condition no dearer than each file needs."""
    until = LAST_TIME + 1 if scan.until is None else scan.until
    files: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(bounds):
        if each is None or (each.oldest < until and not each.newest < min(until, scan.latest + 1)):
            files[scan.is_visible(parameters)].append(number)
        elif each.oldest < until:
            files["NOT is_timeless" if each.nulls else "true"].append(number)
    columns = ", ".join(["time", *(f"part_{place}" for place in range(parts))])
    select = f"SELECT {columns}\n  FROM known\n  WHERE"
    if not bounds:
        return f"{select} {scan.is_visible(parameters)}"
    if list(files.values()) == [list(range(len(bounds)))]:
        return f"{select} {next(iter(files))}"
    conditions = [f"{_in_files(numbers)} AND {each}" for each, numbers in files.items()]
    return "\n  UNION ALL ".join(f"{select} {each}" for each in conditions or ["false"])


def _counted_times(scan: Scan, bounds: Sequence[Bounds | None], parameters: Parameters) -> str:
    """What is counted of times: read where it must be, and what the files' footers tell."""
    told = {n: each for n, each in enumerate(bounds) if each and each.newest <= scan.latest}
    rows = sum(each.rows for each in told.values())
    nulls = sum(each.nulls for each in told.values())
    newest = max((each.newest for each in told.values()), default="NULL")
    oldest = min((each.oldest for each in told.values()), default="NULL")
    untold = [number for number in range(len(bounds)) if number not in told]
    if told and not untold:  # a query that depends on no clock, so that its answer can be kept
        return f"""SELECT {rows} AS rows,
    {nulls} AS null_time,
    0 AS unparsable_time,
    0 AS future_time,
    {newest} AS newest,
    {oldest} AS oldest"""
    latest = parameters.bind(scan.latest)
    before_until = "" if scan.until is None else f" AND time < {parameters.bind(scan.until)}"
    where = f"\n  WHERE {_in_files(untold)}" if told else ""
    return f"""SELECT count(*) + {rows} AS rows,
    count(*) FILTER (is_timeless) + {nulls} AS null_time,
    count(*) FILTER (time IS NULL AND NOT is_timeless) AS unparsable_time,
    count(*) FILTER (time > {latest}{before_until}) AS future_time,
    greatest(max(time) FILTER (time <= {latest}), {newest}) AS newest,
    least(min(time) FILTER (time <= {latest}), {oldest}) AS oldest
  FROM known{where}"""


def _in_files(files: Sequence[int]) -> str:
    """A condition that skips all other files without reading them."""
    return f"_file_number IN ({', '.join(map(str, files))})" if files else "false"


def _seen(scan: Scan, place: int) -> str:
    """The column that counts a key: a key of one part is counted with the part."""
    key = scan.keys[place]
    return f"keys_{place}" if len(key) > 1 else f"texts_{scan.parts.index(key[0])}"
