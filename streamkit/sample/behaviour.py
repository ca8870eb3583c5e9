"""How shoppers behave: what they do next, how long they wait, and when they leave.

A session walks through states. A state is what happens now and emits one event; what follows
depends on the state, on whether something is in the basket, and on the session's mood. All
sessions take their k-th step together, so that a day of any size is a few hundred array steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamkit.sample.mixing import Floats, Integers, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EVENTS", "EVENT_OF_STATE", "GAPS", "MOODS", "STATES", "Walks", "state", "walk"]

LONGEST_SESSION = 400
CHOICES = 4096
LOST_PATIENCE = 1.7
"""Each checkout error makes leaving that much likelier for the rest of the session."""

MOODS = ("looking", "buying", "returning", "outage")
"""Most people look around; some came to buy, or came back to buy what they could not; some meet a
payment service that is down."""


@dataclass(frozen=True, slots=True)
class State:
    """What happens in one place of a session.

    Args:
        event: Name of the event that it emits.
        wait: Median seconds since the event before.
        leaving: How much likelier than elsewhere the session ends here.
        next: Weights of the states that may follow.
        basket: Further ones, once something is in the basket.
    """

    event: str
    wait: float
    leaving: float
    next: str
    basket: str = ""


_AROUND = (
    "page_view 46, product_view 27, scroll 10, search 5, video_play .7, login 1.0, signup .25, "
    "newsletter_signup .3, dead_click .8, rage_click .25, error_click .25, app_error .3, "
    "support_chat_open .2, logout .15"
)
_SHOWN = (
    "page_view 36, product_view 22, scroll 16, search 3, add_to_cart 10, wishlist_add 1.8, "
    "video_play 1.6, share .6, dead_click .8, rage_click .3, error_click .2, app_error .3"
)
_TO_BASKET = "cart_view 4.8, checkout_start 1.5, remove_from_cart 1.0"
_PAYING = "payment_submit 60, coupon_apply 6, page_view 6, error_click 1.5, dead_click 1.5"

_FLOW = {
    "page_view": State(
        "page_view", 13, 1.0, f"{_AROUND}, return_request .12, cart_view .3", _TO_BASKET
    ),
    "product_view": State("product_view", 12, 0.9, _SHOWN, _TO_BASKET),
    "scroll": State(
        "scroll", 4, 0.9, _SHOWN.replace("add_to_cart 10", "add_to_cart 5"), _TO_BASKET
    ),
    "search": State("search", 9, 1.0, "product_view 60, page_view 25, search 12, scroll 8"),
    "video_play": State("video_play", 8, 0.7, _SHOWN, _TO_BASKET),
    "wishlist_add": State("wishlist_add", 6, 1.2, _AROUND, _TO_BASKET),
    "share": State("share", 9, 1.5, _AROUND),
    "login": State("login", 16, 0.4, _AROUND, "cart_view 20, checkout_start 12"),
    "signup": State("signup", 40, 0.4, _AROUND, "cart_view 15, checkout_start 18"),
    "logout": State("logout", 12, 12.0, "page_view 1"),
    "newsletter_signup": State("newsletter_signup", 14, 1.5, _AROUND),
    "return_request": State("return_request", 45, 2.0, "page_view 60, support_chat_open 10"),
    "support_chat_open": State("support_chat_open", 20, 2.0, _AROUND),
    "dead_click": State("dead_click", 2, 1.3, "dead_click 15, rage_click 15, page_view 60"),
    "rage_click": State("rage_click", 0.35, 0.6, "rage_click 74, page_view 12, product_view 6"),
    "error_click": State("error_click", 0.8, 1.0, "error_click 50, app_error 12, page_view 30"),
    "app_error": State("app_error", 1.5, 2.0, "page_view 60, app_error 12, rage_click 14"),
    "add_to_cart": State(
        "add_to_cart",
        11,
        0.5,
        "page_view 40, product_view 20, scroll 8",
        "cart_view 16, checkout_start 6, remove_from_cart 4",
    ),
    "remove_from_cart": State(
        "remove_from_cart", 8, 1.2, f"{_AROUND}, cart_view 14", "cart_view 16, checkout_start 5"
    ),
    "cart_view": State(
        "cart_view",
        9,
        0.8,
        "page_view 50, product_view 25, scroll 6",
        "checkout_start 26, remove_from_cart 26, coupon_apply 4",
    ),
    "coupon_apply": State(
        "coupon_apply",
        18,
        0.7,
        "coupon_apply 10, page_view 20",
        "checkout_page 30, checkout_start 12",
    ),
    "checkout_start": State(
        "checkout_start",
        10,
        0.5,
        "checkout_page 60, page_view 10, login 6, scroll 3",
        "checkout_error 9, cart_view 5",
    ),
    "checkout_page": State("page_view", 25, 0.4, _PAYING, "payment_page 30, checkout_error 9"),
    "payment_page": State("page_view", 28, 0.4, _PAYING, "checkout_error 5"),
    "payment_submit": State("payment_submit", 30, 0.1, "purchase 74, checkout_error 26"),
    "checkout_error": State(
        "checkout_error",
        2.5,
        7.0,
        "payment_retry 34, checkout_error 17, rage_on_pay 12, page_view 14, support_chat_open 3",
        "cart_view 6, checkout_start 8",
    ),
    "payment_retry": State("payment_submit", 22, 0.2, "purchase 45, checkout_error 55"),
    "rage_on_pay": State(
        "rage_click", 0.3, 0.8, "rage_on_pay 72, payment_retry 14, page_view 6, support_chat_open 3"
    ),
    "purchase": State("purchase", 4, 1.0, "thanks_page 90, page_view 10"),
    "thanks_page": State("page_view", 2, 6.0, "page_view 60, product_view 20, share 4, logout 6"),
}

_MOOD_FACTORS: dict[str, dict[str, float]] = {
    "looking": {},
    "buying": {"add_to_cart": 2.2, "cart_view": 1.6, "checkout_start": 2.4, "purchase": 1.3},
    "returning": {"add_to_cart": 4.0, "cart_view": 3.0, "checkout_start": 5.0, "purchase": 2.0},
    "outage": {"checkout_start": 1.6, "purchase": 0.12, "checkout_error": 2.0, "rage_on_pay": 2.0},
}

STATES = tuple(_FLOW)
EVENTS = tuple(sorted({place.event for place in _FLOW.values()}))
EVENT_OF_STATE = np.array([EVENTS.index(place.event) for place in _FLOW.values()], dtype=np.int8)
GAPS = np.array([place.wait for place in _FLOW.values()])
_LEAVING = np.array([place.leaving for place in _FLOW.values()])


def state(name: str) -> int:
    """Place of a state in `STATES`."""
    return STATES.index(name)


def _weights(text: str, factors: dict[str, float]) -> Floats:
    weights = np.zeros(len(STATES))
    for item in filter(None, map(str.strip, text.split(","))):
        name, weight = item.split()
        weights[state(name)] += float(weight) * factors.get(name, 1.0)
    return weights


def _next_states() -> NDArray[np.uint8]:
    tables = [
        spread(_weights(text, _MOOD_FACTORS[mood]), CHOICES)
        for mood in MOODS
        for filled in (False, True)
        for place in _FLOW.values()
        for text in [f"{place.next}, {place.basket}" if filled else place.next]
    ]
    return np.concatenate(tables).astype(np.uint8)


_NEXT = _next_states()


@dataclass(frozen=True, slots=True)
class Walks:
    """The steps of many sessions, one session after the other.

    Args:
        states: State of each step.
        lengths: Number of steps of each session, at least one.
    """

    states: NDArray[np.uint8]
    lengths: Integers


def walk(random: np.random.Generator, moods: Integers) -> Walks:
    """Let one session for each mood walk until it leaves.

    How readily a session leaves is drawn for each; with gamma-distributed rates the lengths get
    the heavy tail that real sessions have (a mixture of geometric laws is close to a Pareto law).
    """
    count = len(moods)
    leaving = np.clip(random.gamma(2.2, 0.034, count), 0.001, 1)
    leaving[random.random(count) < 0.2] = 0.55
    leaving[moods != 0] *= 0.6
    sessions = np.arange(count)
    states = np.where(random.random(count) < 0.25, state("product_view"), state("page_view"))
    states = states.astype(np.uint8)
    filling = np.zeros(len(STATES), dtype=np.int16)
    filling[state("add_to_cart")], filling[state("remove_from_cart")] = 1, -1
    error, purchase = state("checkout_error"), state("purchase")
    baskets = np.zeros(count, dtype=np.int16)
    lengths = np.zeros(count, dtype=np.int64)
    steps: list[tuple[Integers, NDArray[np.uint8]]] = []
    for length in range(1, LONGEST_SESSION + 1):
        steps.append((sessions, states))
        lengths[sessions] = length
        stays = random.random(len(sessions)) >= leaving * _LEAVING[states]
        sessions, states = sessions[stays], states[stays]
        leaving, baskets, moods = leaving[stays], baskets[stays], moods[stays]
        if not len(sessions):
            break
        place = ((moods * 2 + (baskets > 0)) * len(STATES) + states) * CHOICES
        states = _NEXT[place + random.integers(0, CHOICES, len(states), dtype=np.uint16)]
        leaving[states == error] *= LOST_PATIENCE
        baskets += filling[states]
        baskets[states == purchase] = 0
    starts = np.cumsum(lengths) - lengths
    walked = np.empty(int(lengths.sum()), dtype=np.uint8)
    for number, (sessions, states) in enumerate(steps):
        walked[starts[sessions] + number] = states
    return Walks(walked, lengths)
