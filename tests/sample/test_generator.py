"""The generator: one history for each seed, of the size that was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from streamkit.errors import EventsError
from streamkit.sample import generate
from streamkit.sample.baskets import basket_contents
from streamkit.sample.behaviour import EVENTS, MOODS, STATES, state, walk
from streamkit.sample.mixing import hex_text, mix, pick, spread
from streamkit.sample.properties import TEMPLATES

if TYPE_CHECKING:
    from pathlib import Path

SPARSE = ["add_to_cart", "checkout_start", "checkout_error", "remove_from_cart"]
DENSE = ["page_view", "product_view"]
BENCH_EVENTS = 200_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generate(tmp_path_factory.mktemp("bench"), BENCH_EVENTS, profile="bench")


@pytest.mark.parametrize("profile", ["shop", "bench"])
def test_the_same_seed_writes_the_same_bytes(profile, tmp_path):
    """Seed, size and days decide every byte of every file."""
    first = generate(tmp_path / "first", 12_000, days=3, seed=7, profile=profile)
    second = generate(tmp_path / "second", 12_000, days=3, seed=7, profile=profile)
    assert [file.name for file in first] == [file.name for file in second]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_another_seed_is_another_history(tmp_path):
    """A seed changes what happens, the ids and the people, not only their order."""
    frames = [
        pl.read_parquet(generate(tmp_path / str(seed), 4_000, days=1, seed=seed)) for seed in (7, 8)
    ]
    for column in ("event_id", "session_id"):
        assert not set(frames[0][column].drop_nulls()) & set(frames[1][column].drop_nulls())
    assert not frames[0]["event_name"].equals(frames[1]["event_name"])


LARGE = pytest.param(2_000_000, 2, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("events", "days"), [(1_500, 3), (999, 1), (20_000, 2), (50_001, 30), LARGE]
)
def test_the_number_of_events_is_exact(events, days, tmp_path):
    """As many rows as were asked for, however long the sessions happen to be."""
    files = generate(tmp_path, events, days=days, profile="bench")
    assert len(files) == days
    assert sum(pq.read_metadata(file).num_rows for file in files) == events


def test_a_history_replaces_an_earlier_one_but_nothing_else(tmp_path):
    """A folder never mixes two histories, and nobody's files are removed."""
    generate(tmp_path, 2_000, days=2)
    generate(tmp_path, 3_000, days=2)
    assert pl.read_parquet(tmp_path / "*.parquet").height == 3_000
    with pytest.raises(EventsError, match=r"events_2026-03-02\.parquet") as caught:
        generate(tmp_path, 1_000, days=1)
    assert caught.value.code == "sample-folder"
    assert pl.read_parquet(tmp_path / "*.parquet").height == 3_000


@pytest.mark.parametrize(("events", "days"), [(0, 1), (499, 1), (1_000, 0)])
def test_a_history_that_cannot_be_is_refused(events, days, tmp_path):
    """Too few events for the days is an error, not an empty folder."""
    with pytest.raises(EventsError) as caught:
        generate(tmp_path / "new", events, days=days)
    assert caught.value.code == "sample-size"
    assert not (tmp_path / "new").exists()


def test_the_command_writes_a_history(tmp_path):
    """`python -m streamkit.sample` is the same generator; a refusal is one line and exit code 2."""
    command = [sys.executable, "-m", "streamkit.sample", str(tmp_path / "made")]
    options = ["--events", "3000", "--days", "2", "--seed", "5", "--profile", "bench"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("3,000 events in 2 files")
    expected = generate(tmp_path / "expected", 3_000, days=2, seed=5, profile="bench")
    for file in expected:
        assert (tmp_path / "made" / file.name).read_bytes() == file.read_bytes()
    refused = subprocess.run(
        [*command, "--events", "1"], check=False, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def test_the_bench_profile_has_ten_columns_and_thirty_days(bench):
    """The slim columns, text sessions of about 20 events, one file a day."""
    assert len(bench) == 30
    rows = pl.read_parquet(bench)
    assert rows.height == BENCH_EVENTS
    assert rows.columns == [
        "event_id",
        "event_time",
        "event_name",
        "session_id",
        "user_id",
        "country",
        "url",
        "sku",
        "price",
        "properties",
    ]
    assert rows.schema["session_id"] == pl.String
    assert 0.85 < rows["session_id"].n_unique() / (BENCH_EVENTS / 20) < 1.15


@pytest.mark.parametrize(("names", "least", "most"), [(SPARSE, 0.06, 0.08), (DENSE, 0.6, 0.75)])
def test_a_sparse_and_a_dense_question_can_be_asked(names, least, most, bench):
    """About 7 % of the rows touch one benchmark stream, over 60 % the other."""
    share = pl.read_parquet(bench)["event_name"].is_in(names).mean()
    assert least < share < most


def test_baskets_are_piles():
    """What went in last comes out first; a purchase or a new session empties the basket."""
    random = np.random.default_rng(3)
    names = ["add_to_cart", "remove_from_cart", "cart_view", "purchase", "page_view"]
    places = random.choice(5, 4_000, p=[0.35, 0.2, 0.25, 0.05, 0.15])
    starts = random.random(4_000) < 0.05
    starts[0] = True
    expected, removed = {}, {}
    pile: list[int] = []
    for row, place in enumerate(places):
        if starts[row]:
            pile = []
        if names[place] == "add_to_cart":
            pile.append(row)
        elif names[place] == "remove_from_cart" and pile:
            removed[row] = pile.pop()
        elif names[place] == "remove_from_cart":
            places[row] = names.index("page_view")
        elif names[place] in ("cart_view", "purchase"):
            expected[row] = list(pile)
            pile = [] if names[place] == "purchase" else pile
    states = np.array([state(name) for name in names], dtype=np.uint8)[places]
    contents = basket_contents(states, starts)
    shown: dict[int, list[int]] = {int(row): [] for row in contents.holders}
    for owner, item in zip(contents.owners, contents.items, strict=True):
        shown[int(contents.holders[owner])].append(int(item))
    assert shown == expected
    found = zip(contents.removals.tolist(), contents.removed.tolist(), strict=True)
    assert dict(found) == removed


def test_sessions_never_take_out_of_an_empty_basket():
    """The walk knows whether something is in the basket, in every mood."""
    moods = np.arange(8_000) % len(MOODS)
    walks = walk(np.random.default_rng(4), moods)
    assert walks.lengths.sum() == len(walks.states)
    assert walks.lengths.min() >= 1
    change = np.zeros(len(STATES), dtype=np.int64)
    change[state("add_to_cart")], change[state("remove_from_cart")] = 1, -1
    filled = np.cumsum(change[walks.states])
    fresh = np.zeros(len(walks.states), dtype=np.bool_)
    fresh[np.cumsum(walks.lengths) - walks.lengths] = True
    fresh[1:] |= walks.states[:-1] == state("purchase")
    begins = np.flatnonzero(fresh)
    before = (filled - change[walks.states])[begins]
    lowest = np.minimum.reduceat(filled, begins) - before
    assert lowest.min() >= 0


def test_every_event_has_properties_that_are_json():
    """Only `logout` carries nothing, and no template is for an event that never happens."""
    assert set(EVENTS) - set(TEMPLATES) == {"logout"}
    assert set(TEMPLATES) <= set(EVENTS)


def test_properties_are_json_unless_they_are_cut_off(bench):
    """A document is valid or was spoilt on purpose, which fewer than one in 500 are."""
    texts = pl.read_parquet(bench)["properties"].drop_nulls().unique().to_list()
    spoilt = [text for text in texts if not _is_json(text)]
    assert spoilt
    assert all(_is_json(text) or any(other.startswith(text) for other in texts) for text in spoilt)


def test_mixing_keeps_numbers_apart():
    """Ids are unique because scrambling is one to one; each salt scrambles differently."""
    numbers = np.arange(200_000)
    words = mix(numbers, 1)
    assert len(np.unique(words)) == len(numbers)
    assert (words != mix(numbers, 2)).all()
    assert hex_text(words[:3]).to_pylist() == [f"{word:016x}" for word in words[:3].tolist()]


def test_choices_come_as_often_as_they_weigh():
    """A spread table gives each choice its share, and none to a choice without weight."""
    chosen = pick(spread([3, 0, 1]), mix(np.arange(100_000), 0))
    shares = np.bincount(chosen, minlength=3) / 100_000
    assert shares == pytest.approx([0.75, 0, 0.25], abs=0.01)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
