"""What lies in the basket at every moment of a session, for all sessions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamkit.sample.behaviour import state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamkit.sample.mixing import Integers, Mask

__all__ = ["Contents", "basket_contents"]

ADDING, REMOVING, BUYING = state("add_to_cart"), state("remove_from_cart"), state("purchase")
SHOWING = np.array(
    [
        state(name)
        for name in (
            "cart_view",
            "checkout_start",
            "payment_submit",
            "payment_retry",
            "checkout_error",
            "purchase",
        )
    ]
)


@dataclass(frozen=True, slots=True)
class Contents:
    """The basket of every row that shows it.

    Args:
        holders: Rows that show the basket.
        owners: For each item shown, the place of its row in `holders`.
        items: For each item shown, the row that put it into the basket.
        removals: Rows that take an item out.
        removed: For each of them, the row that had put it in.
    """

    holders: Integers
    owners: Integers
    items: Integers
    removals: Integers
    removed: Integers


def basket_contents(states: NDArray[np.uint8], starts: Mask) -> Contents:
    """Follow the baskets of sessions that lie one after the other.

    What went in last comes out first. A basket ends with its session or with a purchase.

    Args:
        states: State of each row.
        starts: Where a session begins.
    """
    adding, removing = states == ADDING, states == REMOVING
    fresh = starts.copy()
    fresh[1:] |= states[:-1] == BUYING
    added = np.cumsum(adding)
    level = added - np.cumsum(removing)
    first_row = np.maximum.accumulate(np.where(fresh, np.arange(len(states)), 0))

    # Within one basket and one height of the pile, items go in and out in turn.
    moves = np.flatnonzero(adding | removing)
    height = level[moves] + removing[moves]
    order = np.lexsort((moves, height, first_row[moves]))
    before, after = moves[order[:-1]], moves[order[1:]]
    pairs = adding[before] & removing[after] & (first_row[before] == first_row[after])
    removals, removed = after[pairs], before[pairs]
    taken_out = np.full(len(states), len(states))
    taken_out[removed] = removals

    holders = np.flatnonzero(np.isin(states, SHOWING))
    additions = np.flatnonzero(adding)
    # A row that adds cannot also show, so "added before the basket began" needs no care for ties.
    begin = (added - adding)[first_row[holders]]
    counts = added[holders] - begin
    owners = np.repeat(np.arange(len(holders)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    items = additions[np.repeat(begin, counts) + within]
    kept = taken_out[items] > holders[owners]
    return Contents(holders, owners[kept], items[kept], removals, removed)
