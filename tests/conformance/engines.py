"""The engines that must agree, each behind one small protocol."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import streamkit
from streamkit.events import footers
from streamkit.matching import plain_rows, touching
from tests.reference import matcher
from tests.reference.matcher import Answer, Match, MatchedEvent

if TYPE_CHECKING:
    from tests.conformance.cases import Case

__all__ = ["BacktestEngine", "Engine", "PiecesEngine", "ReferenceEngine", "python_rows"]


class Engine(Protocol):
    """Something that answers a case."""

    name: str

    def run(self, case: Case) -> Answer:
        """All matches, pendings and skipped counts of the case's streams over its events."""
        ...


class ReferenceEngine:
    """Brute force."""

    name = "reference"

    def run(self, case: Case) -> Answer:
        return matcher.answer(
            case.streams,
            python_rows(case.table),
            case.schema,
            now=case.now,
            since=case.since,
            until=case.until,
        )


class BacktestEngine:
    """`streamkit.backtest` over what the case says is the source."""

    name = "backtest"

    def run(self, case: Case) -> Answer:
        roles = dict(case.schema)
        if "sessionizer" in roles:
            roles["sessionizer"] = streamkit.Sessionizer(**roles["sessionizer"])
        streams = [streamkit.Stream.from_dict(stream) for stream in case.streams]
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # What can never match is part of many cases; that it warns is tested elsewhere.
            warnings.simplefilter("ignore")
            source = write_source(case, Path(folder))
            history = streamkit.History(source, schema=streamkit.Schema(**roles))
            result = streamkit.backtest(
                streams, history, since=case.since, until=case.until, now=case.now
            )
            return Answer(
                matches=read_matches(result.matches),
                pending=read_matches(result.pending),
                **read_skipped(result.summary),
            )


class PiecesEngine(BacktestEngine):
    """The same over files of tiny row groups, each of which is a piece whose keys are worked on there."""

    name = "backtest in pieces"

    def run(self, case: Case) -> Answer:
        source = case.source if case.source == "folder" else "file"
        size = max(case.table.num_rows // 8, 3)
        with (
            patch.object(footers, "PLAIN_TEXT", 10**6),
            patch.object(plain_rows, "ROWS_A_UNIT", size + 1),
            patch.object(touching, "ROWS_OF_A_HOME", 0),
            patch.object(pq, "write_table", partial(pq.write_table, row_group_size=size)),
        ):
            return super().run(replace(case, source=source))


def write_source(case: Case, folder: Path) -> Any:
    """The case's events as the kind of source it names, source positions kept."""
    match case.source:
        case "arrow":
            return case.table
        case "polars":
            return pl.from_arrow(case.table)
        case "file":
            pq.write_table(case.table, folder / "events.parquet")
            return folder / "events.parquet"
        case "folder":
            middle = case.table.num_rows // 2
            pq.write_table(case.table.slice(0, middle), folder / "10.parquet")
            pq.write_table(case.table.slice(middle), folder / "9.parquet")
            return folder
    raise ValueError(case.source)


def read_matches(frame: Any) -> list[Match]:
    """Rows of the table of matches; every column is read as the contract types it."""
    return sorted(
        Match(
            stream=row["stream"],
            match_id=row["match_id"],
            key=tuple(row["key"]),
            session=row["session"],
            user=row["user"],
            started_at=since_epoch(row["started_at"]),
            matched_at=since_epoch(row["matched_at"]),
            fired_at=since_epoch(row["fired_at"]),
            events=tuple(
                MatchedEvent(event["step"], event["id"], since_epoch(event["time"]), event["name"])
                for event in row["events"]
            ),
        )
        for row in frame.to_dicts()
    )


def since_epoch(when: datetime) -> int:
    difference = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (difference.days * 86_400 + difference.seconds) * 10**6 + difference.microseconds


def read_skipped(summary: dict[str, Any]) -> dict[str, Any]:
    """The counts of skipped rows as `Answer` names them.

    `null_key` counts rows for all streams together; `without_key` says it stream by stream.
    """
    return {
        "skipped": {
            reason: count
            for reason, count in summary["skipped"].items()
            if count and reason != "null_key"
        },
        "without_key": {
            stream["name"]: stream.get("without_key", {}) for stream in summary["streams"]
        },
    }


def python_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as plain values: whatever has keys as dictionaries, times floored."""
    columns = {name: python_values(table[name]) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def python_values(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        counts = column.cast(pa.int64()).to_pylist()
        floored = [None if count is None else count // 1000 for count in counts]
        return pa.array(floored, pa.timestamp("us", kind.tz)).to_pylist()
    return [plain(value, kind) for value in column.to_pylist()]


def is_map_like(kind: pa.DataType) -> bool:
    """Whether it is a list of structs of `key` and `value`, which reads as a map."""
    return (
        pa.types.is_list(kind)
        and pa.types.is_struct(kind.value_type)
        and {field.name for field in kind.value_type} == {"key", "value"}
    )


def plain(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_map(kind):
        return {key: plain(item, kind.item_type) for key, item in value}
    if is_map_like(kind):
        return {item["key"]: plain(item["value"], kind.value_type["value"].type) for item in value}
    if pa.types.is_list(kind):
        return [plain(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    return value
