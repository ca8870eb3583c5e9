"""The shop's history, day by day: who comes, what they do, and what goes wrong on the way in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from streamkit.sample.baskets import Contents, basket_contents
from streamkit.sample.behaviour import GAPS, MOODS, Walks, state, walk
from streamkit.sample.catalogue import (
    CATALOGUE,
    FIRST_PRODUCT_URL,
    FIRST_SEARCH_URL,
    PAGE_TABLE,
    QUERIES,
    page,
)
from streamkit.sample.faults import with_faults
from streamkit.sample.mixing import Integers, Mask, pick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Day", "days_of"]

MEAN_LENGTH = 20.0
"""Events of a session on average; a session more or less changes only the number of sessions."""

SURPLUS, SPREAD = 1.1, 12.0
"""How many sessions the last day gets too many: a share, for what would arrive after its end, and
a multiple of the root of their number, for chance."""

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WEEKDAYS = np.array([1.0, 0.95, 0.94, 0.98, 1.02, 1.12, 1.24])
HOURS = np.array(
    [14, 8, 5, 4, 4, 7, 16, 30, 42, 48, 52, 56, 62, 58, 52, 50, 54, 62, 74, 88, 96, 84, 56, 30]
) / 1_152  # fmt: skip

BUYERS = 0.22
OUTAGE_DAY, OUTAGE_HOURS = 16, (13, 18)
"""On the 17th day the payment service is down for an afternoon."""

PRODUCT_STATES = np.array(
    [state(name) for name in ("product_view", "add_to_cart", "remove_from_cart", "wishlist_add")]
)
REPEATS = 0.28
"""Share of product views that look at the product before once more."""

NO_PRODUCT = -1
ITEM_BASE = 8


@dataclass(frozen=True, slots=True)
class Day:
    """The rows that arrive on one day, in order of arrival.

    Args:
        date: The day, UTC.
        rows: One row an event; the columns are numbers that `writing` turns into text: `event`,
            `time` and `arrival` (µs since the epoch; time may be null), `state`, `session`,
            `shopper`, `known` (is the shopper's name known by now), `url`, `product` (-1 for
            none), `quantity`, `price`, `attempt` (checkout errors of the session so far),
            `items` (rows of product and quantity), `noise` (64 random bits), `fault`.
    """

    date: date
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Visits:
    """Sessions that are about to begin."""

    starts: Integers
    shoppers: Integers
    moods: Integers
    remembered: Mask

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: Mask) -> _Visits:
        return _Visits(
            self.starts[chosen],
            self.shoppers[chosen],
            self.moods[chosen],
            self.remembered[chosen],
        )

    def __add__(self, other: _Visits) -> _Visits:
        return _Visits(
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.shoppers, other.shoppers]),
            np.concatenate([self.moods, other.moods]),
            np.concatenate([self.remembered, other.remembered]),
        )


_NOBODY = _Visits(
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.bool_),
)


def days_of(*, events: int, seed: int, days: int, first: date) -> Iterator[Day]:
    """Make the history one day after the other; only what spills over to the next is held.

    Sessions are as long as they happen to be, so the last day gets some too many and is trimmed.

    Args:
        events: Number of rows in all.
        seed: Same seed, same rows.
        days: Number of days.
        first: The first of them.
    """
    weights = WEEKDAYS[[(first + timedelta(day)).weekday() for day in range(days)]]
    shares = weights / np.cumsum(weights[::-1])[::-1]  # of what is left to be made
    midnight = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    shoppers = max(1, round(events / MEAN_LENGTH * 0.5))
    begin, made, sessions, numbers = midnight * SECOND, 0, 0, 0
    returning, spilled = _NOBODY, pl.DataFrame()
    for day in range(days):
        random = np.random.default_rng([seed, day])
        end = begin + DAY
        now = returning.starts < end
        wanted = (events - made - len(spilled)) * shares[day] / MEAN_LENGTH - int(now.sum())
        if day == days - 1:
            wanted = SURPLUS * wanted + SPREAD * (events / days / MEAN_LENGTH) ** 0.5
        visits = _new_visits(random, max(1, round(wanted)), shoppers, begin)
        visits += returning[now]
        visits = _with_outage(visits, begin) if day == OUTAGE_DAY else visits
        rows, back = _play(random, visits, sessions, numbers)
        returning = returning[~now] + back
        sessions += len(visits)
        numbers += len(rows)
        rows = with_faults(random, rows, absurd=day == days // 2)
        rows = pl.concat([spilled, rows]) if len(spilled) else rows
        rows = rows.sort("arrival", "event", maintain_order=True)
        arrived = int(rows["arrival"].search_sorted(end))
        spilled, rows = rows[arrived:], rows[:arrived]
        if day == days - 1:
            rows = _trimmed(rows, events - made, sessions - len(visits))
        made += len(rows)
        yield Day(first + timedelta(day), rows)
        begin = end


def _trimmed(rows: pl.DataFrame, size: int, first_session: int) -> pl.DataFrame:
    """Leave out whole sessions, from `first_session` on, and then single rows, down to `size`."""
    sessions = rows["session"].to_numpy() - first_session
    lengths = np.bincount(sessions[sessions >= 0])
    surplus = int((np.cumsum(lengths) <= len(rows) - size).sum())
    return rows.filter(pl.Series((sessions < 0) | (sessions >= surplus)))[:size]


def _new_visits(random: np.random.Generator, count: int, shoppers: int, begin: int) -> _Visits:
    hours = random.choice(24, count, p=HOURS / HOURS.sum())
    starts = begin + hours * HOUR + random.integers(0, HOUR // 1000, count) * 1000
    return _Visits(
        starts,
        # A few shoppers come often: the density of this power of a uniform falls with the place.
        np.floor(shoppers * random.random(count) ** 1.5).astype(np.int64),
        (random.random(count) < BUYERS).astype(np.int64),
        random.random(count) < 0.42,
    )


def _with_outage(visits: _Visits, begin: int) -> _Visits:
    hour = (visits.starts - begin) // HOUR
    down = (hour >= OUTAGE_HOURS[0]) & (hour < OUTAGE_HOURS[1])
    moods = np.where(down, MOODS.index("outage"), visits.moods)
    return _Visits(visits.starts, visits.shoppers, moods, visits.remembered)


def _play(
    random: np.random.Generator, visits: _Visits, first_session: int, first_event: int
) -> tuple[pl.DataFrame, _Visits]:
    """Let the visits happen; returns their rows and the visits they lead to on later days."""
    walks = walk(random, visits.moods)
    states, lengths = walks.states, walks.lengths
    count = len(states)
    owner = np.repeat(np.arange(len(visits)), lengths)
    first_rows = np.cumsum(lengths) - lengths
    starts = np.zeros(count, dtype=np.bool_)
    starts[first_rows] = True
    noise = random.integers(0, 2**64, count, dtype=np.uint64)

    times = _times(random, visits.starts, states, owner, first_rows)
    products = _products(random, states, starts, noise)
    contents = basket_contents(states, starts)
    products[contents.removals] = products[contents.removed]
    quantities = 1 + (pick(np.array([0, 0, 0, 0, 0, 0, 1, 2]), noise, 40))
    prices = np.where(np.isin(states, PRODUCT_STATES), CATALOGUE.prices[products], np.nan)
    worth = CATALOGUE.prices[products[contents.items]] * quantities[contents.items]
    totals = np.bincount(contents.owners, worth, minlength=len(contents.holders))
    prices[contents.holders] = np.round(totals, 2)

    errors = states == state("checkout_error")
    names_itself = np.isin(states, [state("login"), state("signup")])
    known = visits.remembered[owner] | (_count_within(names_itself, first_rows, owner) > 0)
    rows = pl.DataFrame(
        {
            "event": first_event + np.arange(count),
            "time": times,
            "arrival": times,
            "state": states,
            "session": first_session + owner,
            "shopper": visits.shoppers[owner],
            "known": known,
            "url": _urls(states, products, starts, noise),
            "product": products,
            "quantity": quantities,
            "price": pl.Series(prices).fill_nan(None),
            "attempt": _count_within(errors, first_rows, owner),
            "noise": noise,
            "fault": np.zeros(count, dtype=np.uint8),
        }
    ).with_columns(items=_items(count, contents, products, quantities))
    return rows, _returning(random, visits, walks, times, known)


def _times(
    random: np.random.Generator,
    begins: Integers,
    states: NDArray[np.uint8],
    owner: Integers,
    first_rows: Integers,
) -> Integers:
    """Time of each row in µs, to the millisecond; several at one time are common."""
    sigma = np.where(GAPS < 1, 0.45, 1.0)
    seconds = GAPS[states] * np.exp(sigma[states] * random.standard_normal(len(states)))
    together = np.isin(states, [state("scroll"), state("app_error"), state("checkout_error")])
    seconds[together & (random.random(len(states)) < 0.2)] = 0
    gaps = np.floor(seconds * 1000).astype(np.int64)
    gaps[first_rows] = 0
    elapsed = np.cumsum(gaps)
    times: Integers = begins[owner] + (elapsed - elapsed[first_rows][owner]) * 1000
    # Some devices tell the time in whole seconds only.
    coarse = (random.random(len(begins)) < 0.04)[owner]
    times[coarse] -= times[coarse] % SECOND
    return times


def _products(
    random: np.random.Generator, states: NDArray[np.uint8], starts: Mask, noise: NDArray[np.uint64]
) -> Integers:
    """The product each row is about; looking again at the one before is common."""
    rows = np.arange(len(states))
    fresh = (states == state("product_view")) & (random.random(len(states)) >= REPEATS)
    anchors = np.maximum.accumulate(np.where(fresh | starts, rows, 0))
    about = np.isin(states, PRODUCT_STATES)
    return np.where(about, pick(CATALOGUE.popularity, noise)[anchors], NO_PRODUCT)


def _urls(
    states: NDArray[np.uint8], products: Integers, starts: Mask, noise: NDArray[np.uint64]
) -> Integers:
    """The page each row happens on: the one that was opened last."""
    rows = np.arange(len(states))
    urls = np.full(len(states), -1)
    browsing = states == state("page_view")
    urls[browsing] = pick(PAGE_TABLE, noise[browsing], 16)
    searching = states == state("search")
    urls[searching] = FIRST_SEARCH_URL + (noise[searching] % np.uint64(len(QUERIES)))
    viewing = states == state("product_view")
    urls[viewing] = FIRST_PRODUCT_URL + products[viewing]
    for name, address in (
        ("cart_view", "/cart"),
        ("checkout_start", "/checkout"),
        ("checkout_page", "/checkout/address"),
        ("payment_page", "/checkout/payment"),
        ("thanks_page", "/order/thank-you"),
    ):
        urls[states == state(name)] = page(address)
    urls[starts & (urls < 0)] = 0
    return urls[np.maximum.accumulate(np.where(urls >= 0, rows, 0))]


def _count_within(flags: Mask, first_rows: Integers, owner: Integers) -> Integers:
    """How many rows of the session so far, this one included, are flagged."""
    counts = np.cumsum(flags)
    return counts - (counts - flags)[first_rows][owner]


def _items(count: int, contents: Contents, products: Integers, quantities: Integers) -> pl.Series:
    """Baskets as lists of `product * ITEM_BASE + quantity`; null where a row shows none."""
    shows = np.zeros(count, dtype=np.bool_)
    shows[contents.holders] = True
    sizes = np.bincount(contents.holders[contents.owners], minlength=count)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    codes = products[contents.items] * ITEM_BASE + quantities[contents.items]
    lists = pa.LargeListArray.from_arrays(
        pa.array(offsets), pa.array(codes.astype(np.int32)), mask=pa.array(~shows)
    )
    return pl.Series(pl.from_arrow(lists))


def _returning(
    random: np.random.Generator, visits: _Visits, walks: Walks, times: Integers, known: Mask
) -> _Visits:
    """Known shoppers whose basket was lost to an error often come back to buy."""
    states, lengths = walks.states, walks.lengths
    first_rows = np.cumsum(lengths) - lengths
    failed = np.add.reduceat((states == state("checkout_error")).astype(np.int64), first_rows) > 0
    bought = np.add.reduceat((states == state("purchase")).astype(np.int64), first_rows) > 0
    last_rows = first_rows + lengths - 1
    back = failed & ~bought & known[last_rows] & (random.random(len(visits)) < 0.45)
    # One or more days later, at about the same time of day.
    pause = random.geometric(0.6, len(visits)) * DAY + random.integers(0, 2 * HOUR, len(visits))
    return _Visits(
        (times[last_rows] + pause)[back] // 1000 * 1000,
        visits.shoppers[back],
        np.full(int(back.sum()), MOODS.index("returning")),
        np.ones(int(back.sum()), dtype=np.bool_),
    )
