"""The corpus as values: what a case is, and how the files of `tests/cases` are read.

A file holds `cases`, and `common` that every case of it takes over. Keys of a case:

- `note`: the rule it shows.
- `stream` (named `s` unless it says otherwise) or `streams`: definitions.
- `schema`: what differs from the schema of `SCHEMA`; null takes a role away.
- `columns`: types of columns that are not to be inferred (see `TYPES`).
- `events`: in source order. Compact: `A3`, with `@session`, `/user`, `#id` and `!sequence` behind
  it where wanted (`~` is null); the number is minutes since `START`. Long: a mapping with `e`
  (name), `at` (minutes or a time), `time` (the time as the source writes it, where that matters),
  `as` (a label) and any columns; a mapping under `properties` becomes JSON text.
- `horizon`: adds an event of another session at this minute.
- `now`, `since`, `until`: minutes or a time.
- `matches`, `pending`: of the one stream, or by stream. `A0 B3` is a run by the labels of its
  events, copies included; `A0 => 30` says when it fires if not at the last event. A label that
  occurs twice gets one more `'` each time.
- `keys`, `ids`: those of `matches`, in the same order; `skipped` and `without_key` as in `Answer`.

A table of criteria has, in place of stream and events, `criterion`, `column` (a type, or `json`)
and the values (`json`: as JSON source) for which the answer is `yes` and `no`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from ruamel.yaml import YAML

__all__ = ["CASES", "START", "TYPES", "Case", "Expected", "ExpectedMatch", "corpus"]

CASES = Path(__file__).parents[1] / "cases"
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=300)
SCHEMA = {
    "time": "event_time",
    "name": "event_name",
    "session": "session_id",
    "user": "user_id",
    "json": ["properties"],
}
TOKEN = re.compile(
    r"(?P<e>[A-Za-z_]+)(?P<at>-?\d+(\.\d+)?)"
    r"(@(?P<session_id>[^/#!]*))?(/(?P<user_id>[^#!]*))?(#(?P<event_id>[^!]*))?(!(?P<order>.*))?"
)
TEXT = pa.string()
TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "decimal": pa.decimal128(18, 4),
    "decimal38": pa.decimal128(38, 10),
    "text": TEXT,
    "date": pa.date32(),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_us": pa.timestamp("us"),
    "timestamp_ns": pa.timestamp("ns"),
    "timestamp_utc": pa.timestamp("us", "UTC"),
    "timestamp_berlin": pa.timestamp("us", "Europe/Berlin"),
    "map_text": pa.map_(TEXT, TEXT),
    "map_int": pa.map_(TEXT, pa.int64()),
    "list_map": pa.list_(pa.map_(TEXT, pa.int64())),
    "list_text": pa.list_(TEXT),
    "list_int": pa.list_(pa.int64()),
    "list_float": pa.list_(pa.float64()),
    "list_bool": pa.list_(pa.bool_()),
    "list_decimal": pa.list_(pa.decimal128(18, 4)),
    "list_utc": pa.list_(pa.timestamp("us", "UTC")),
    "list_list": pa.list_(pa.list_(pa.int64())),
    "key_value": pa.list_(pa.struct({"key": TEXT, "value": TEXT})),
    "ga4": pa.list_(
        pa.struct(
            {"key": TEXT, "value": pa.struct({"string_value": TEXT, "int_value": pa.int64()})}
        )
    ),
}


@dataclass(frozen=True)
class ExpectedMatch:
    """A match by the events of its run."""

    stream: str
    started_at: datetime
    matched_at: datetime
    fired_at: datetime
    events: tuple[tuple[datetime, str | None], ...]


@dataclass(frozen=True)
class Expected:
    """What a case of the corpus says; None where it says nothing."""

    matches: list[ExpectedMatch]
    pending: list[ExpectedMatch]
    keys: list[tuple[str, ...]] | None
    ids: list[str] | None
    skipped: dict[str, int] | None
    without_key: dict[str, Any] | None


@dataclass(frozen=True, repr=False)
class Case:
    """Streams, events in source order as a table with typed columns, and how they are read.

    `source` is what the events are handed over as: `file`, `folder`, `arrow` or `polars`.
    """

    note: str
    streams: list[dict[str, Any]]
    schema: dict[str, Any]
    table: pa.Table
    now: datetime = NOW
    since: datetime | None = None
    until: datetime | None = None
    source: str = "file"

    def __repr__(self) -> str:
        return f"Case({self.note!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # hypothesis would print every field instead

    def __str__(self) -> str:
        """All of it, for the report of a failure."""
        return "\n".join(
            [
                f"schema {self.schema}",
                f"source {self.source} now {self.now} since {self.since} until {self.until}",
                *(f"stream {stream}" for stream in self.streams),
                f"columns {dict(zip(self.table.schema.names, self.table.schema.types, strict=True))}",
                *(f"row {row}" for row in zip(*self.table.to_pydict().values(), strict=True)),
            ]
        )


def corpus() -> list[tuple[str, Case, Expected]]:
    """Every case of every file, with a name for the report."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        for number, own in enumerate(content["cases"]):
            raw = {**content.get("common", {}), **own}
            name = f"{path.stem}-{number:02}-{raw['note']}"
            found.append((name, *(read_criteria(raw) if "criterion" in raw else read(raw))))
    return found


def read(raw: dict[str, Any]) -> tuple[Case, Expected]:
    streams = [{"name": "s", **stream} for stream in raw.get("streams", [raw.get("stream")])]
    changed = {**SCHEMA, **raw.get("schema", {})}
    schema = {role: column for role, column in changed.items() if column is not None}
    rows = list(read_events(raw["events"]))
    if "horizon" in raw:
        rows += read_events([{"e": "other", "at": raw["horizon"], "session_id": "elsewhere"}])
    times = {label: at for label, at, _ in rows}
    names = {label: columns.get(schema["name"]) for label, _, columns in rows}
    case = Case(
        note=raw["note"],
        streams=streams,
        schema=schema,
        table=table_of([columns for _, _, columns in rows], raw.get("columns", {}), schema),
        now=when(raw["now"]) if "now" in raw else NOW,
        since=when(raw["since"]) if "since" in raw else None,
        until=when(raw["until"]) if "until" in raw else None,
    )

    def expected(stated: list[str] | dict[str, list[str]]) -> list[ExpectedMatch]:
        if isinstance(stated, list):
            stated = {streams[0]["name"]: stated}
        by_name = {stream["name"]: stream for stream in streams}
        return [
            expected_match(by_name[name], text, times, names)
            for name, texts in stated.items()
            for text in texts
        ]

    return case, Expected(
        matches=expected(raw["matches"]),
        pending=expected(raw.get("pending", [])),
        keys=[tuple(key) for key in raw["keys"]] if "keys" in raw else None,
        ids=raw.get("ids"),
        skipped=raw.get("skipped"),
        without_key=raw.get("without_key"),
    )


def read_criteria(raw: dict[str, Any]) -> tuple[Case, Expected]:
    """A table of criteria as a case: a session for each value."""
    path = "properties.p" if raw["column"] == "json" else "p"
    events = []
    for number, value in enumerate([*raw["yes"], *raw["no"]]):
        event = {"e": "A", "at": number, "session_id": f"s{number}"}
        if raw["column"] != "json":
            event["p"] = value
        elif value is not None:
            event["properties"] = '{"p": ' + value + "}"
        events.append(event)
    return read(
        {
            "note": raw["note"],
            "stream": {"steps": [{"event": "A", "where": {path: raw["criterion"]}}]},
            "events": events,
            "columns": {} if raw["column"] == "json" else {"p": raw["column"]},
            "matches": [f"A{number}" for number in range(len(raw["yes"]))],
        }
    )


def when(value: float | str | datetime) -> datetime:
    """Minutes since `START`, or a time."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return START + timedelta(minutes=value)


def read_events(
    stated: str | list[Any],
) -> list[tuple[str, datetime | None, dict[str, Any]]]:
    """Label, time and columns of each event."""
    counted: Counter[str] = Counter()
    found = []
    for item in stated.split() if isinstance(stated, str) else stated:
        event = compact(item) if isinstance(item, str) else dict(item)
        name, at = event.pop("e", None), event.pop("at", None)
        label = event.pop("as", f"{name}{at}")
        columns = {"session_id": "s", "user_id": "u", **event, "event_name": name}
        at = None if at is None else when(at)
        columns["event_time"] = columns.pop("time", at)
        if isinstance(columns.get("properties"), dict):
            columns["properties"] = json.dumps(columns["properties"], ensure_ascii=False)
        found.append((label + "'" * counted[label], at, columns))
        counted[label] += 1
    return found


def compact(text: str) -> dict[str, Any]:
    parts = {key: part for key, part in TOKEN.fullmatch(text).groupdict().items() if part}
    event: dict[str, Any] = {key: None if part == "~" else part for key, part in parts.items()}
    number = float(event["at"])
    event["at"] = int(number) if number.is_integer() else number
    if event.get("order") is not None:
        event["order"] = int(event["order"])
    return event


def table_of(
    rows: list[dict[str, Any]], columns: dict[str, str], schema: dict[str, Any]
) -> pa.Table:
    """The rows as a table: declared types, else what the values are, else text."""
    names = dict.fromkeys(
        [
            *(schema[role] for role in ("time", "name", "session", "user", "id") if role in schema),
            *schema.get("json", []),
            *(name for row in rows for name in row),
        ]
    )
    if any(isinstance(row.get("event_time"), str) for row in rows):
        rows = [{**row, "event_time": as_text(row["event_time"])} for row in rows]
    arrays = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name in columns:
            kind = TYPES[columns[name]]
            arrays[name] = pa.array([of_type(value, kind) for value in values], kind)
        elif any(value is not None for value in values):
            arrays[name] = pa.array(values)
        else:
            kind = pa.timestamp("us", "UTC") if name == "event_time" else TEXT
            arrays[name] = pa.array(values, kind)
    return pa.table(arrays)


def as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def of_type(value: Any, kind: pa.DataType) -> Any:
    """A value of YAML as one that Arrow takes for a type."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [of_type(item, kind.value_type) for item in value]
    if pa.types.is_map(kind):
        return list(value.items())
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    if pa.types.is_date(kind):
        return value if isinstance(value, date) else date.fromisoformat(value)
    if pa.types.is_timestamp(kind) and not isinstance(value, int):
        return when(value)
    return value


def expected_match(
    stream: dict[str, Any],
    text: str,
    times: dict[str, datetime | None],
    names: dict[str, str | None],
) -> ExpectedMatch:
    labels, _, fires = text.partition(" => ")
    run = labels.split()
    ends = []
    for step in stream["steps"]:
        if "exclude" not in step:
            ends.append((ends[-1] if ends else -1) + step.get("at_least", 1))
    if len(run) != ends[-1] + 1:
        raise ValueError(f"{text!r} is no run of {stream['steps']}")
    return ExpectedMatch(
        stream=stream["name"],
        started_at=times[run[0]],
        matched_at=times[run[-1]],
        fired_at=when(float(fires)) if fires else times[run[-1]],
        events=tuple((times[run[end]], names[run[end]]) for end in ends),
    )
