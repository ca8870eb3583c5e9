"""Rows of numbers become columns of text, and columns become Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streamkit.sample.behaviour import EVENT_OF_STATE, EVENTS
from streamkit.sample.catalogue import (
    CATALOGUE,
    COUNTRIES,
    COUNTRY_TABLE,
    DEVICE_TABLE,
    DEVICES,
    EXPERIMENTS,
    PLAN_TABLE,
    PLANS,
    TRAITS,
    URLS,
)
from streamkit.sample.faults import NO_ID, NO_SESSION
from streamkit.sample.history import ITEM_BASE, Day
from streamkit.sample.mixing import Integers, Mask, Words, hex_text, mix, pick
from streamkit.sample.properties import properties_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Profile", "write_day"]

Profile: TypeAlias = Literal["shop", "bench"]
"""`shop` has every column; `bench` the ten that a large benchmark needs."""

ROWS_OF_A_GROUP = 250_000
EVENT_SALT, SESSION_SALT, COUNTRY_SALT, PLAN_SALT, DEVICE_SALT, TRAITS_SALT = range(6)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows to be rendered, and the seed that ids and people are made from."""

    frame: pl.DataFrame
    seed: int

    def numbers(self, column: str) -> Integers:
        numbers: Integers = self.frame[column].to_numpy()
        return numbers

    def faulty(self, bit: int) -> Mask:
        return (self.numbers("fault") & bit) > 0

    def bits(self, column: str, salt: int) -> Words:
        """Random bits that belong to the row's event, session or shopper."""
        return mix(self.numbers(column), self.seed * 6 + salt)


def _coded(codes: Integers, texts: pa.Array, missing: Mask | None = None) -> pa.Array:
    """Texts by their place in `texts`, as a dictionary of those that occur."""
    occurring, places = np.unique(codes, return_inverse=True)
    values = texts.take(pa.array(occurring))
    absent = values.is_null().to_numpy(zero_copy_only=False)[places]
    mask = absent if missing is None else absent | missing
    return pa.DictionaryArray.from_arrays(
        pa.array(places.astype(np.int32), mask=mask), values.fill_null("")
    )


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _times(numbers: pl.Series) -> pa.Array:
    return numbers.cast(pl.Datetime("us", "UTC")).to_arrow()


def _event_id(rows: _Rows) -> pa.Array:
    ids = hex_text(rows.bits("event", EVENT_SALT))
    return pc.if_else(pa.array(rows.faulty(NO_ID)), None, ids)


def _session_id(rows: _Rows) -> pa.Array:
    sessions, places = np.unique(rows.numbers("session"), return_inverse=True)
    indices = pa.array(places.astype(np.int32), mask=rows.faulty(NO_SESSION))
    return pa.DictionaryArray.from_arrays(
        indices, hex_text(mix(sessions, rows.seed * 6 + SESSION_SALT))
    )


def _user_id(rows: _Rows) -> pa.Array:
    shoppers, places = np.unique(rows.numbers("shopper"), return_inverse=True)
    names = "u" + pl.Series(shoppers).cast(pl.String).str.zfill(7)
    indices = pa.array(places.astype(np.int32), mask=~rows.frame["known"].to_numpy())
    return pa.DictionaryArray.from_arrays(indices, names.to_arrow().cast(pa.string()))


def _event_name(rows: _Rows) -> pa.Array:
    return _coded(EVENT_OF_STATE[rows.numbers("state")].astype(np.int64), _texts(EVENTS))


def _url(rows: _Rows) -> pa.Array:
    return _coded(rows.numbers("url"), _texts(URLS))


def _sku(rows: _Rows) -> pa.Array:
    # The null at the end stands for "no product", which has the place -1.
    texts = _texts((*CATALOGUE.skus, None))
    return _coded(rows.numbers("product") % len(texts), texts)


def _country(rows: _Rows) -> pa.Array:
    return _coded(pick(COUNTRY_TABLE, rows.bits("shopper", COUNTRY_SALT)), _texts(COUNTRIES))


def _plan(rows: _Rows) -> pa.Array:
    plans = pick(PLAN_TABLE, rows.bits("shopper", PLAN_SALT))
    return _coded(plans, _texts(PLANS), missing=~rows.frame["known"].to_numpy())


def _device(rows: _Rows) -> pa.Array:
    own = pick(DEVICE_TABLE, rows.bits("shopper", DEVICE_SALT))
    session = rows.bits("session", DEVICE_SALT)
    other = pick(DEVICE_TABLE, session, 8)
    return DEVICES.take(pa.array(np.where(session % np.uint64(4) == 0, other, own)))


def _traits(rows: _Rows) -> pa.Array:
    kinds = 1 + rows.bits("shopper", TRAITS_SALT) % np.uint64(len(TRAITS) - 1)
    return TRAITS.take(pa.array(np.where(rows.frame["known"], kinds, 0)))


def _experiments(rows: _Rows) -> pa.Array:
    variants = rows.bits("session", TRAITS_SALT) % np.uint64(len(EXPERIMENTS))
    return EXPERIMENTS.take(pa.array(variants))


def _items(rows: _Rows) -> pa.Array:
    lists = rows.frame["items"].to_arrow()
    codes = lists.flatten().to_numpy(zero_copy_only=False)
    products = pa.array(codes // ITEM_BASE)
    items = pa.StructArray.from_arrays(
        [
            _texts(CATALOGUE.skus).take(products),
            pa.array(codes % ITEM_BASE, pa.int32()),
            pa.array(CATALOGUE.prices).take(products),
        ],
        ["sku", "quantity", "price"],
    )
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=lists.is_null())


COLUMNS: dict[str, Callable[[_Rows], pa.Array]] = {
    "event_id": _event_id,
    "event_time": lambda rows: _times(rows.frame["time"]),
    "event_name": _event_name,
    "session_id": _session_id,
    "user_id": _user_id,
    "country": _country,
    "plan": _plan,
    "device": _device,
    "url": _url,
    "sku": _sku,
    "price": lambda rows: rows.frame["price"].to_arrow(),
    "items": _items,
    "traits": _traits,
    "experiments": _experiments,
    "properties": lambda rows: properties_of(rows.frame).to_arrow().cast(pa.string()),
}
"""How each column is made, in the order in which they are written."""

NOT_IN_BENCH = ("plan", "device", "items", "traits", "experiments")


def write_day(day: Day, file: Path, *, seed: int, profile: Profile) -> None:
    """Write one day's rows as one Parquet file.

    Args:
        day: The rows.
        file: Where they go; an existing file is replaced.
        seed: The history's seed.
        profile: Which columns to write.

    Two runs of one version of pyarrow write the same bytes.
    """
    names = [name for name in COLUMNS if profile == "shop" or name not in NOT_IN_BENCH]
    writer: pq.ParquetWriter | None = None
    for start in range(0, max(1, len(day.rows)), ROWS_OF_A_GROUP):
        rows = _Rows(day.rows[start : start + ROWS_OF_A_GROUP], seed)
        table = pa.table({name: COLUMNS[name](rows) for name in names})
        if writer is None:
            writer = pq.ParquetWriter(
                file,
                table.schema,
                compression="zstd",
                compression_level=6 if profile == "shop" else 1,
                # Ids never repeat, so a dictionary of them would only be thrown away.
                use_dictionary=[name for name in names if name not in {"event_id", "properties"}],
                store_schema=False,  # or readers would see dictionaries where there is text
            )
        writer.write_table(table)
    if writer is not None:
        writer.close()
