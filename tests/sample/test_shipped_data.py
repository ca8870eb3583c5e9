"""The shipped history keeps what its description promises."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from streamkit.definition import load
from streamkit.sample import generate

DATA = Path(__file__).parents[2] / "data"
FILES = sorted((DATA / "shop").glob("*.parquet"))
OTHERS = {DATA / "streams" / name for name in ("connections.yaml", "events.yaml")}
STREAMS = sorted(set((DATA / "streams").glob("*.yaml")) - OTHERS)
END = datetime(2026, 3, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return pl.concat(
        pl.read_parquet(file).with_columns(file=pl.lit(number), row=pl.int_range(pl.len()))
        for number, file in enumerate(FILES)
    )


@pytest.mark.slow
def test_the_files_are_what_the_generator_makes(tmp_path):
    """Nobody has edited them, and the generator has not drifted from them."""
    made = generate(tmp_path)
    assert [file.name for file in made] == [file.name for file in FILES]
    for shipped, fresh in zip(FILES, made, strict=True):
        assert pq.read_table(shipped).equals(pq.read_table(fresh)), shipped.name


def test_thirty_daily_files_stay_small():
    """One file a day of March 2026, everything under data/ below 12 MB."""
    first = date(2026, 3, 1)
    assert [file.name for file in FILES] == [
        f"events_{first + timedelta(day)}.parquet" for day in range(30)
    ]
    assert sum(file.stat().st_size for file in DATA.rglob("*") if file.is_file()) < 12e6


def test_size_and_names(rows):
    """320,000 rows of 25 event names, each often enough to ask for."""
    counts = rows["event_name"].value_counts()
    assert rows.height == 320_000
    assert counts.height == 25
    assert counts["count"].min() > 100
    assert rows["event_name"].null_count() == 0


def test_people_come_back_and_many_stay_unknown(rows):
    """Some rows have no user, some users have several sessions, sessions have a heavy tail."""
    assert 0.3 < rows["user_id"].is_null().mean() < 0.7
    sessions = rows.drop_nulls(["user_id", "session_id"]).group_by("user_id")
    visits = sessions.agg(pl.col("session_id").n_unique())["session_id"]
    assert (visits > 1).mean() > 0.2
    lengths = rows.drop_nulls("session_id").group_by("session_id").len()["len"]
    assert lengths.quantile(0.99) > 15 * lengths.median()


def test_the_week_and_the_day_have_a_rhythm(rows):
    """Evenings are busier than nights, Sundays busier than Tuesdays."""
    inside = rows.filter(pl.col("event_time") < END)["event_time"]
    hours = inside.dt.hour().value_counts().sort("event_time")["count"]
    assert hours[20] > 10 * hours[3]
    days = inside.dt.weekday().value_counts().sort("event_time")["count"]
    assert days[6] / 5 > days[1] / 4


def test_errors_cost_baskets(rows):
    """Of the sessions that reach the checkout, those with an error buy less often."""
    happened = {
        name: (pl.col("event_name") == name).any()
        for name in ("checkout_start", "checkout_error", "purchase")
    }
    sessions = rows.drop_nulls("session_id").group_by("session_id").agg(**happened)
    bought = (
        sessions.filter("checkout_start").group_by("checkout_error").agg(pl.col("purchase").mean())
    )
    rates = dict(bought.iter_rows())
    assert rates[True] < 0.8 * rates[False]


def test_rows_come_twice(rows):
    """Some ids repeat, at the same or a later time, in the same file or the next."""
    twice = rows.drop_nulls(["event_id", "event_time"]).filter(pl.col("event_id").is_duplicated())
    spans = twice.group_by("event_id").agg(
        pl.len(),
        pl.col("event_name", "session_id").n_unique(),
        span=pl.col("event_time").max() - pl.col("event_time").min(),
    )
    assert 500 < spans.height < 2_000
    assert spans["event_name"].max() == 1
    assert (spans["span"] == timedelta(0)).any()
    assert (spans["span"] > timedelta(minutes=1)).any()


def test_nulls_are_planted(rows):
    """A few ids, sessions, times and countries are missing, a basket only where none is shown."""
    for column, least, most in (
        ("event_id", 300, 3_000),
        ("session_id", 200, 1_000),
        ("event_time", 2, 40),
        ("properties", 1_000, 6_000),
        ("country", 1_000, 30_000),
    ):
        assert least <= rows[column].null_count() <= most, column
    shows = rows["event_name"].is_in(
        ["cart_view", "checkout_start", "payment_submit", "checkout_error", "purchase"]
    )
    assert (rows["items"].is_not_null() == shows).all()
    assert (rows["items"].list.len() == 0).any()


def test_totals_are_those_of_the_basket(rows):
    """The price of a row that shows a basket is what its items cost."""
    shown = rows.filter(pl.col("items").list.len() > 0)
    item = pl.element().struct
    costs = shown["items"].list.eval(item.field("quantity") * item.field("price")).list.sum()
    assert ((costs - shown["price"]).abs() < 0.005).all()


def test_rows_are_late_out_of_order_and_tied(rows):
    """Order inside a file is that of arrival; some rows arrive in a later file than their day's."""
    timed = rows.drop_nulls("event_time").filter(pl.col("event_time") < END)
    steps = timed.group_by("file", maintain_order=True).agg(
        back=(pl.col("event_time").diff() < timedelta(0)).sum()
    )
    assert steps["back"].min() > 50
    days = timed["event_time"].dt.ordinal_day() - date(2026, 3, 1).timetuple().tm_yday
    behind = timed["file"] - days
    assert behind.min() >= 0
    assert (behind == 1).sum() > 100
    ties = timed.drop_nulls("session_id").select("session_id", "event_time").is_duplicated()
    assert ties.sum() > 5_000


def test_one_clock_is_wrong_and_the_horizon_is_not(rows):
    """One time is absurd; without it the history ends on the evening of its last day."""
    times = rows["event_time"].drop_nulls()
    assert (times >= END).sum() == 1
    assert times.max().year == 2099
    assert times.filter(times < END).max() > END - timedelta(hours=3)
    assert times.min() >= datetime(2026, 3, 1, tzinfo=UTC)


def test_properties_hold_what_json_can_hold(rows):
    """Nested objects, arrays, numbers as text, explicit nulls, missing keys, broken documents."""
    texts = rows["properties"].drop_nulls()
    assert texts.str.contains(r'"list_price":"\d+\.\d\d"').any()
    assert texts.str.contains(r'"tags":\["').any()
    assert texts.str.contains(r'"rating":null').any()
    views = rows.filter(pl.col("event_name") == "product_view")["properties"].drop_nulls()
    assert not views.str.contains('"rating"').all()
    broken = 0
    for text in texts:
        try:
            json.loads(text)
        except ValueError:
            broken += 1
    assert 100 < broken < 600


def test_bursts_of_rage(rows):
    """Rage clicks come many within seconds."""
    clicks = (
        rows.filter(pl.col("event_name") == "rage_click")
        .drop_nulls(["session_id", "event_time"])
        .sort("event_time")
    )
    gaps = clicks.select(pl.col("event_time").diff().over("session_id"))["event_time"].drop_nulls()
    assert (gaps < timedelta(seconds=1)).mean() > 0.5


def test_every_stream_loads_and_says_what_it_is_for():
    """Eight streams or more; a comment in business words comes first."""
    assert len(STREAMS) >= 8
    assert {stream.name for stream in load(DATA / "streams")} == {file.stem for file in STREAMS}
    for file in STREAMS:
        assert file.read_text(encoding="utf-8").startswith("# "), file.name
