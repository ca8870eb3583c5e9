"""NDJSON and CSV, made Parquet on the way in.

What a value is must not depend on which other rows a file happens to hold more than it has to,
because live events come one at a time and must mean the same:

- NDJSON: a key whose values are all texts, all booleans or all numbers is a column of that type;
  objects, lists and mixtures stay JSON and are told apart row by row, as in any JSON column.
- CSV: every value is text. Text that is a JSON number meets number operands, text that is a time
  meets time operands; everything else a schema declares under `types:`. A value that is empty and
  not in quotes is missing.

A line that cannot be read is left out, counted, and shown to the user.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from streamkit.errors import EventsError
from streamkit.events.opened import Scratch, Source, connect
from streamkit.events.parquet_files import open_parquet
from streamkit.events.sql import Parameters, literal, quote
from streamkit.events.storage import Storage
from streamkit.events.types import JSON
from streamkit.events.values import macros_used

__all__ = ["open_csv", "open_ndjson"]

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one event."""
EXAMPLES = 3
EXACT_DOUBLES = 2**53
"""Above this a double may stand for more than one whole number."""
DELIMITERS = ",;\t|"


def open_ndjson(files: Sequence[str], label: str, storage: Storage) -> Source:
    """Open files of one JSON object a line, or of one JSON array of objects.

    Raises:
        EventsError: No line is an object, or two keys differ in nothing but case.
    """
    scratch = Scratch()
    with _connection(storage) as connection:
        _read_lines(connection, files, storage)
        rows, bad = connection.sql(
            "SELECT count(*), count(*) FILTER (NOT is_object) FROM lines"
        ).fetchall()[0]
        if rows == bad:
            raise EventsError(
                f"no line of {label!r} is a JSON object",
                code="no-events",
                hint="write one object a line: {\"time\": …, \"event\": …}",
            )  # fmt: skip
        keys = [
            key
            for (key,) in connection.sql(
                "SELECT key FROM (SELECT DISTINCT unnest(json_keys(json)) AS key FROM lines"
                " WHERE is_object) ORDER BY key"
            ).fetchall()
        ]
        _check_keys(keys, label)
        parameters = Parameters()
        pointers = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
        connection.execute(
            f"CREATE TEMP TABLE raw AS SELECT {_raw_items(keys)} FROM (SELECT json_extract(json,"
            f" {parameters.bind(pointers)}) AS values FROM lines WHERE is_object)",
            parameters.values,
        )
        columns = _columns(connection, keys)
        file = str(scratch.folder / "events.parquet")
        items = ", ".join(f"{each.sql} AS {quote(each.name)}" for each in columns)
        connection.execute(f"COPY (SELECT {items} FROM raw) TO {literal(file)} (FORMAT parquet)")
    source = open_parquet([file], label)
    documents = {each.name: JSON for each in columns if each.is_document}
    notes = (_bad_lines_note(bad, _bad_json_lines(files, storage)),) if bad else ()
    return replace(source, columns={**source.columns, **documents}, notes=notes, scratch=scratch)


def open_csv(files: Sequence[str], label: str, storage: Storage) -> Source:
    """Open comma-, semicolon-, tab- or bar-separated files whose first line names the columns.

    Raises:
        EventsError: A file without a header, or with two columns of one name.
    """
    scratch = Scratch()
    made: list[str] = []
    bad: list[tuple[str, int, str]] = []
    for place, file in enumerate(files):
        names, delimiter = _header(file, storage)
        target = str(scratch.folder / f"{place:08}.parquet")
        columns = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}"
        with _connection(storage) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv({literal(file)}, auto_detect = false,"
                f" header = true, columns = {columns}, delim = {literal(delimiter)}, quote = '\"',"
                f" escape = '\"', allow_quoted_nulls = false, store_rejects = true,"
                f" rejects_limit = 0, max_line_size = {LONGEST_LINE}))"
                f" TO {literal(target)} (FORMAT parquet)"
            )
            bad += [
                (file, line, text or "")
                for line, text in connection.sql(
                    "SELECT line, any_value(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
                ).fetchall()
            ]
        made.append(target)
    notes = (_bad_lines_note(len(bad), iter(bad)),) if bad else ()
    return replace(open_parquet(made, label), notes=notes, scratch=scratch)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    sql: str
    is_document: bool = False


def _connection(storage: Storage) -> duckdb.DuckDBPyConnection:
    connection = connect()
    storage.register(connection)
    for statement in macros_used("is_json("):
        connection.execute(statement)
    return connection


def _read_lines(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], storage: Storage
) -> None:
    """Make the table `lines`, in order: the JSON, and whether it is an object."""
    parts = []
    for file in files:
        is_array = _starts_with_list(file, storage)
        if is_array:
            _check_closed(file, storage)
        options = (
            "format = 'array'" if is_array else "ignore_errors = true, format = 'newline_delimited'"
        )
        parts.append(
            f"SELECT json FROM read_json_objects({literal(file)}, {options},"
            f" maximum_object_size = {LONGEST_LINE})"
        )
    try:
        for place, part in enumerate(parts):
            verb = "INSERT INTO lines" if place else "CREATE TEMP TABLE lines AS"
            connection.execute(
                f"{verb} SELECT json, coalesce(TRY(json_type(json)) = 'OBJECT' AND is_json(json), false)"
                f" AS is_object FROM ({part})"
            )
    except duckdb.Error as error:
        raise EventsError(
            f"{files[place]!r} cannot be read: {str(error).splitlines()[0][:300]}",
            code="unreadable",
        ) from error


def _starts_with_list(file: str, storage: Storage) -> bool:
    if ".json" not in file.lower()[-8:]:
        return False
    with storage.unpacked(file) as opened:
        return opened.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["


def _check_closed(file: str, storage: Storage) -> None:
    """A list that was cut short still reads as its whole objects: nobody would notice.

    Raises:
        EventsError: The file does not end with the list's bracket.
    """
    tail = b""
    with storage.unpacked(file) as opened:
        while chunk := opened.read(1 << 20):
            tail = (tail + chunk)[-1024:].rstrip()
    if not tail.endswith(b"]"):
        raise EventsError(
            f"{file!r} cannot be read: its list is cut short", code="truncated-file",
            hint="copy or write it again",
        )  # fmt: skip


def _check_keys(keys: Sequence[str], label: str) -> None:
    by_folded: dict[str, str] = {}
    for key in keys:
        other = by_folded.setdefault(key.casefold(), key)
        if other != key:
            raise EventsError(
                f"{label!r} has the keys {other!r} and {key!r}, which differ in nothing but case",
                code="same-columns",
                hint="rename one of them",
            )
        if not key:
            raise EventsError(f"{label!r} has a key without a name", code="bad-column")


def _raw_items(keys: Sequence[str]) -> str:
    """Each key's JSON, missing where it is null."""
    return ", ".join(
        f"CASE WHEN json_type(values[{place}]) <> 'NULL' THEN values[{place}] END AS {quote(key)}"
        for place, key in enumerate(keys, start=1)
    )


def _columns(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> list[_Column]:
    """The type that all values of a key have; JSON where they have none in common."""
    items = []
    for key in keys:
        column = quote(key)
        number = f"TRY_CAST({column} ->> '$' AS HUGEINT)"
        is_integer = f"json_type({column}) IN ('BIGINT', 'UBIGINT')"
        items += [
            f"list_sort(list_distinct(list(json_type({column})) FILTER ({column} IS NOT NULL)))",
            f"min({number}) FILTER ({is_integer})::VARCHAR",
            f"max({number}) FILTER ({is_integer})::VARCHAR",
        ]
    found = connection.sql(f"SELECT {', '.join(items)} FROM raw").fetchall()[0]
    return [
        _column(key, set(found[3 * place] or ()), found[3 * place + 1], found[3 * place + 2])
        for place, key in enumerate(keys)
    ]


def _column(name: str, kinds: set[str], least: str | None, most: str | None) -> _Column:
    text = f"({quote(name)} ->> '$')"
    low, high = int(least or 0), int(most or 0)
    if kinds <= {"VARCHAR"}:
        return _Column(name, text)
    if kinds == {"BOOLEAN"}:
        return _Column(name, f"CAST({text} AS BOOLEAN)")
    if kinds <= {"BIGINT", "UBIGINT"} and high < 2**63:
        return _Column(name, f"CAST({text} AS BIGINT)")
    if kinds == {"UBIGINT"}:
        return _Column(name, f"CAST({text} AS UBIGINT)")
    if kinds <= {"BIGINT", "UBIGINT", "DOUBLE"} and -EXACT_DOUBLES <= low <= high <= EXACT_DOUBLES:
        return _Column(name, f"CAST({text} AS DOUBLE)")
    return _Column(name, f"CAST({quote(name)} AS VARCHAR)", is_document=True)


def _bad_json_lines(files: Sequence[str], storage: Storage) -> Iterator[tuple[str, int, str]]:
    """The lines that are no JSON object, with their files and numbers."""
    for file in files:
        if _starts_with_list(file, storage):
            continue
        with storage.unpacked(file) as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip() and not _is_object(line):
                    yield file, number, line.decode("utf-8", "replace")


def _is_object(line: bytes) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(line, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def _bad_lines_note(count: int, lines: Iterator[tuple[str, int, str]]) -> str:
    shown = [
        f"{file}:{number}: {_shorten(text)}"
        for (file, number, text), _ in zip(lines, range(EXAMPLES), strict=False)
    ]
    if count == 1:
        what = "1 line is left out because it cannot be read as an event"
    else:
        what = f"{count:,} lines are left out because they cannot be read as events, such as"
    return f"{what}: {'; '.join(shown)}"


def _shorten(text: str) -> str:
    shown = ascii(text.strip()[:80])[1:-1]
    return shown + ("…" if len(text.strip()) > 80 else "")


def _header(file: str, storage: Storage) -> tuple[list[str], str]:
    """A CSV file's column names, and what separates them."""
    try:
        with storage.unpacked(file) as opened:
            line = opened.readline().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EventsError(f"{file!r} cannot be read: {error}", code="unreadable") from error
    unquoted = "".join(line.split('"')[::2])
    delimiter = max(DELIMITERS, key=unquoted.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    folded = [name.casefold() for name in names]
    twice = [name for name in names if folded.count(name.casefold()) > 1]
    if not names or not all(names) or twice:
        what = (
            f"two columns named {twice[0]!r}" if twice else "no header line that names every column"
        )
        raise EventsError(
            f"{file!r} has {what}",
            code="bad-header",
            hint="the first line names the columns",
        )
    return names, delimiter
