"""Each kind of input gives the same matches, ids included, as the plain Parquet it was made from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

import streamkit
from tests.events.conftest import SCHEMA, matches_of

Rows = pl.DataFrame
Maker = Callable[[Rows, Path], Any]


def halves(rows: Rows) -> tuple[Rows, Rows]:
    middle = rows.height // 2
    return rows[:middle], rows[middle:]


def as_folder(rows: Rows, folder: Path) -> Any:
    for name, part in zip(("10", "9"), halves(rows), strict=True):
        pq.write_table(part.to_arrow(), folder / f"{name}.parquet")
    (folder / "_SUCCESS").touch()
    return folder


def as_glob(rows: Rows, folder: Path) -> Any:
    return f"{as_folder(rows, folder)}/*.parquet"


def as_list(rows: Rows, folder: Path) -> Any:
    as_folder(rows, folder)
    return [folder / "9.parquet", folder / "10.parquet"]


def as_unequal_files(rows: Rows, folder: Path) -> Any:
    """The second file has its columns in another order, a wider number and one more column."""
    first, second = halves(rows)
    second = second.select(*reversed(second.columns), pl.lit(1).alias("extra"))
    first = first.with_columns(pl.col("price").cast(pl.Float32))
    second = second.with_columns(pl.col("price").cast(pl.Float32).cast(pl.Float64))
    first.write_parquet(folder / "a.parquet")
    second.write_parquet(folder / "b.parquet")
    return folder


def as_hive(rows: Rows, folder: Path) -> Any:
    """Partitions by a column that the schema does not need."""
    for number, part in enumerate(halves(rows)):
        target = folder / f"part={number}"
        target.mkdir()
        pq.write_table(part.to_arrow(), target / "events.parquet")
    return folder


def as_dataset(rows: Rows, folder: Path) -> Any:
    return pads.dataset(as_folder(rows, folder))


def as_filtered_dataset(rows: Rows, folder: Path) -> Any:
    more = pl.concat([rows, rows.with_columns(event_name=pl.lit("noise"))])
    return pads.dataset(more.to_arrow()).filter(pads.field("event_name") != "noise")


def as_relation(rows: Rows, folder: Path) -> Any:
    return duckdb.connect().from_arrow(rows.to_arrow())


def as_ndjson(rows: Rows, folder: Path) -> Any:
    write_ndjson(rows, folder / "events.ndjson")
    return folder / "events.ndjson"


def as_ndjson_folder(rows: Rows, folder: Path) -> Any:
    for name, part in zip("ab", halves(rows), strict=True):
        write_ndjson(part, folder / f"{name}.jsonl.gz")
    return folder


def as_json_array(rows: Rows, folder: Path) -> Any:
    (folder / "events.json").write_text(json.dumps(list(map(plain_row, rows.to_dicts()))))
    return folder / "events.json"


def as_delta(rows: Rows, folder: Path) -> Any:
    deltalake = pytest.importorskip("deltalake")
    first, second = halves(rows)
    deltalake.write_deltalake(folder / "table", first.to_arrow())
    deltalake.write_deltalake(folder / "table", second.to_arrow(), mode="append")
    return folder / "table"


def as_delta_table(rows: Rows, folder: Path) -> Any:
    return pytest.importorskip("deltalake").DeltaTable(as_delta(rows, folder))


def as_iceberg(rows: Rows, folder: Path) -> Any:
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = sql.SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}")
    catalog.create_namespace("n")
    made = catalog.create_table("n.events", schema=rows.to_arrow().schema)
    for part in halves(rows):
        made.append(part.to_arrow())
    return made


MAKERS: list[Maker] = [
    as_folder,
    as_glob,
    as_list,
    as_unequal_files,
    as_hive,
    as_dataset,
    as_filtered_dataset,
    as_relation,
    as_ndjson,
    as_ndjson_folder,
    as_json_array,
    as_delta,
    as_delta_table,
    as_iceberg,
]


def write_ndjson(rows: Rows, file: Path) -> None:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "wt") as stream:
        for row in rows.to_dicts():
            stream.write(json.dumps(plain_row(row)) + "\n")


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row as an application would send it: times as text, nothing for what is null."""
    kept = {key: value for key, value in row.items() if value is not None}
    return {**kept, "event_time": row["event_time"].isoformat()}


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__[3:])
def test_an_input_gives_what_the_plain_file_gives(
    make: Maker,
    rows: Rows,
    wanted: pl.DataFrame,
    streams: list[streamkit.Stream],
    tmp_path: Path,
) -> None:
    """Same matches, same ids, in the same order."""
    history = streamkit.History(make(rows, tmp_path), SCHEMA)
    assert_frame_equal(matches_of(streams, history), wanted)


@pytest.mark.parametrize("kind", ["frame", "lazy", "table"])
def test_a_table_gives_what_the_plain_file_gives(
    kind: str, rows: Rows, table: pa.Table, wanted: Rows, streams: list[streamkit.Stream]
) -> None:
    """Same matches, same ids."""
    source = {"frame": rows, "lazy": rows.lazy(), "table": table}[kind]
    assert_frame_equal(matches_of(streams, streamkit.History(source, SCHEMA)), wanted)


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz", "semicolons.csv"])
def test_csv_gives_what_the_plain_file_gives(
    name: str, rows: Rows, wanted: Rows, streams: list[streamkit.Stream], tmp_path: Path
) -> None:
    """Numbers and times in text; structs and maps as JSON, as a CSV has to write them."""
    flat = rows.with_columns(
        [pl.col(c).map_elements(to_json, return_dtype=pl.String) for c in ("device", "traits")]
    ).drop("items", "experiments")
    flat = flat.with_columns(pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    text = flat.write_csv(separator=";" if "semi" in name else ",")
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as stream:
        stream.write(text)
    schema = {**SCHEMA, "json": ["properties", "device", "traits"]}
    assert_frame_equal(matches_of(streams, streamkit.History(tmp_path / name, schema)), wanted)


def to_json(value: Any) -> str:
    return json.dumps(value if isinstance(value, dict) else {p["key"]: p["value"] for p in value})


@pytest.mark.parametrize("make", [as_folder, as_hive, as_ndjson_folder, as_unequal_files])
@pytest.mark.parametrize("form", ["folder", "glob"])
def test_an_object_store_gives_what_the_plain_file_gives(
    make: Maker,
    form: str,
    rows: Rows,
    wanted: Rows,
    streams: list[streamkit.Stream],
    tmp_path: Path,
    s3: str,
) -> None:
    """Through a real S3 server; folders and globs."""
    target = f"{s3}/{make.__name__}-{form}"
    fsspec.filesystem("s3").put(str(make(rows, tmp_path)) + "/", target + "/", recursive=True)
    source = target if form == "folder" else target + "/**/*.*"
    history = streamkit.History(source, SCHEMA)
    assert_frame_equal(matches_of(streams, history), wanted)


def test_a_delta_folder_that_was_compacted_is_the_same_table(rows: Rows, tmp_path: Path) -> None:
    """Only the files of the current version count, not all that lie in the folder."""
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(tmp_path / "t", rows.to_arrow())
    deltalake.DeltaTable(tmp_path / "t").delete("event_name = 'page_view'")
    history = streamkit.History(tmp_path / "t", SCHEMA)
    stream = streamkit.Stream("all", [streamkit.event("page_view")])
    result = streamkit.backtest(stream, history)
    assert result.summary["rows"] == (rows["event_name"] != "page_view").sum()
