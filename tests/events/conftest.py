"""One small history, and everything that the inputs are made from it with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import streamkit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "data" / "shop"
REALDATA = ROOT.parent / "shared" / "realdata"
SCHEMA = {
    "time": "event_time",
    "name": "event_name",
    "session": "session_id",
    "user": "user_id",
    "id": "event_id",
    "json": ["properties"],
}


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Four thousand events of the shop, in no order, no two of one time in a session."""
    frame = pl.read_parquet(SHOP / "events_2026-03-0[12].parquet")
    kept = frame["session_id"].unique(maintain_order=True).head(700)
    frame = frame.filter(pl.col("session_id").is_in(kept.implode()))
    return frame.unique(["session_id", "event_time"], maintain_order=True)


@pytest.fixture(scope="session")
def plain(rows: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows as one Parquet file."""
    file = tmp_path_factory.mktemp("plain") / "events.parquet"
    pq.write_table(rows.to_arrow(), file, row_group_size=1000)
    return file


@pytest.fixture(scope="session")
def table(rows: pl.DataFrame) -> pa.Table:
    return rows.to_arrow()


@pytest.fixture(scope="session")
def streams() -> list[streamkit.Stream]:
    """Questions that read columns, JSON, a struct, a map and a list."""
    return [
        streamkit.Stream.from_dict(
            {
                "name": "basket",
                "steps": [
                    {"event": "product_view", "where": {"price": {"gt": 20}}},
                    {"exclude": {"event": "remove_from_cart"}},
                    {"event": "add_to_cart"},
                ],
                "within": "1h",
                "frequency": "every",
            }
        ),
        streamkit.Stream.from_dict(
            {
                "name": "phone",
                "where": {"device.type": "phone", "device.screen_width": {"lt": 500}},
                "steps": [{"event": "page_view", "where": {"properties.page.kind": "category"}}],
                "frequency": "every",
            }
        ),
        streamkit.Stream.from_dict(
            {
                "name": "mapped",
                "steps": [
                    {"where": {"traits.segment": "new"}},
                    {"where": {"event_time": {"gt": {"time": "2026-03-01T06:00:00Z"}}}},
                ],
                "within": "10m",
                "frequency": "non_overlapping",
            }
        ),
    ]


@pytest.fixture(scope="session")
def wanted(plain: Path, streams: list[streamkit.Stream]) -> pl.DataFrame:
    """What the plain file answers."""
    matches = matches_of(streams, streamkit.History(plain, SCHEMA))
    assert all(matches["stream"].is_in([s.name]).sum() > 20 for s in streams)
    return matches


def matches_of(streams: list[streamkit.Stream], history: streamkit.History) -> pl.DataFrame:
    return streamkit.backtest(streams, history).matches


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A real S3 server on loopback; its bucket's URL."""
    server = pytest.importorskip("moto.server")
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        started.start()
        host, port = started.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        filesystem = fsspec.filesystem("s3", skip_instance_cache=False)
        filesystem.mkdir("events")
        yield "s3://events"
        fsspec.filesystem("s3").clear_instance_cache()
        started.stop()
