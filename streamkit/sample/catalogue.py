"""What the shop has: products, pages, and the kinds of people and devices that visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from streamkit.sample.mixing import Floats, Integers, spread

__all__ = [
    "BROWSED_PAGES",
    "CATALOGUE",
    "COUNTRIES",
    "COUNTRY_TABLE",
    "DEVICES",
    "DEVICE_TABLE",
    "EXPERIMENTS",
    "FIRST_PRODUCT_URL",
    "FIRST_SEARCH_URL",
    "PAGES",
    "PAGE_TABLE",
    "PLANS",
    "PLAN_TABLE",
    "QUERIES",
    "TRAITS",
    "URLS",
    "URL_KINDS",
    "Catalogue",
    "page",
]

PRODUCTS = 480
CATEGORIES = (
    "shoes",
    "jackets",
    "shirts",
    "trousers",
    "dresses",
    "bags",
    "watches",
    "sport",
    "kids",
    "home",
    "beauty",
    "outlet",
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products, one place each.

    Args:
        skus: Article numbers.
        categories: Category of each.
        prices: Price of each in euros.
        popularity: `spread` table of places: a few are looked at often, most seldom.
    """

    skus: tuple[str, ...]
    categories: tuple[str, ...]
    prices: Floats
    popularity: Integers


def _catalogue() -> Catalogue:
    places = np.arange(PRODUCTS)
    # Whole euros along a curve from 4 to about 400, the same on every machine, minus some cents.
    euros = 4 + (places * 197 % PRODUCTS) ** 2 * 396 // PRODUCTS**2
    cents = np.array([99, 90, 95, 0])[places % 4]
    return Catalogue(
        skus=tuple(f"SKU-{1000 + place * 7}" for place in range(PRODUCTS)),
        categories=tuple(CATEGORIES[place % len(CATEGORIES)] for place in range(PRODUCTS)),
        prices=np.round(euros + cents / 100, 2),
        popularity=spread(1 / (places + 12.0), 65536),
    )


CATALOGUE = _catalogue()

QUERIES = (
    "running shoes",
    "rain jacket",
    "white shirt",
    "gift",
    "sale",
    "backpack",
    "summer dress",
    "watch strap",
    "yoga mat",
    "sneaker 42",
    "kids boots",
    "linen",
    "perfume",
    "socks",
    "Größe 38",
    "retour",
)
BROWSED_PAGES = (
    ("home", "/", 22.0),
    ("home", "/?utm_source=newsletter&utm_campaign=spring", 4.0),
    ("home", "/?utm_source=google&utm_medium=cpc", 7.0),
    *(("category", f"/c/{category}", 4.5) for category in CATEGORIES),
    ("sale", "/sale", 6.0),
    ("account", "/account", 2.0),
    ("account", "/account/orders", 2.0),
    ("help", "/help/returns", 1.0),
    ("help", "/help/shipping", 1.5),
    ("magazine", "/magazine/spring-looks", 1.5),
)
"""Kind, address and weight of the pages people move between."""

PURPOSE_PAGES = (
    ("cart", "/cart", 0.0),
    ("checkout", "/checkout", 0.0),
    ("checkout", "/checkout/address", 0.0),
    ("payment", "/checkout/payment", 0.0),
    ("thanks", "/order/thank-you", 0.0),
)
PAGES = (*BROWSED_PAGES, *PURPOSE_PAGES)
PAGE_TABLE = spread([weight for _, _, weight in BROWSED_PAGES])

FIRST_SEARCH_URL = len(PAGES)
FIRST_PRODUCT_URL = FIRST_SEARCH_URL + len(QUERIES)
URLS = (
    *(f"https://shop.example{address}" for _, address, _ in PAGES),
    *(f"https://shop.example/search?q={query.replace(' ', '+')}" for query in QUERIES),
    *(f"https://shop.example/p/{sku.lower()}" for sku in CATALOGUE.skus),
)
URL_KINDS = (
    *(kind for kind, _, _ in PAGES),
    *(["search"] * len(QUERIES)),
    *(["product"] * len(CATALOGUE.skus)),
)
"""What kind of page each of `URLS` is."""


def page(address: str) -> int:
    """Place of the page with this address."""
    return [other for _, other, _ in PAGES].index(address)


COUNTRIES = ("DE", "AT", "CH", "FR", "NL", "PL", "GB", "US", None)
COUNTRY_TABLE = spread([38, 9, 7, 12, 8, 8, 9, 7, 2])
PLANS = ("free", "plus", "premium", None)
PLAN_TABLE = spread([62, 24, 9, 5])

_DEVICE_ROWS = (
    ("phone", "iOS", "Safari", 390, 24.0),
    ("phone", "iOS", "Safari", 430, 10.0),
    ("phone", "Android", "Chrome", 412, 20.0),
    ("phone", "Android", "Samsung Internet", 384, 6.0),
    ("tablet", "iPadOS", "Safari", 820, 5.0),
    ("tablet", "Android", "Chrome", 800, 2.0),
    ("desktop", "Windows", "Chrome", 1920, 13.0),
    ("desktop", "Windows", "Edge", 1536, 7.0),
    ("desktop", "Windows", "Firefox", 1920, 3.0),
    ("desktop", "macOS", "Safari", 1440, 6.0),
    ("desktop", "macOS", "Chrome", 1512, 3.0),
    ("desktop", "Linux", "Firefox", 2560, 1.0),
)
DEVICES = pa.array(
    [
        {"type": kind, "os": system, "browser": browser, "screen_width": width}
        for kind, system, browser, width, _ in _DEVICE_ROWS
    ],
    pa.struct(
        [
            ("type", pa.string()),
            ("os", pa.string()),
            ("browser", pa.string()),
            ("screen_width", pa.int32()),
        ]
    ),
)
DEVICE_TABLE = spread([row[-1] for row in _DEVICE_ROWS])

_TEXT_MAP = pa.map_(pa.string(), pa.string())
TRAITS = pa.array(
    [
        None,
        *(
            [("segment", segment), ("language", language), *newsletter]
            for segment in ("new", "regular", "vip", "bargain")
            for language in ("de", "en", "fr")
            for newsletter in ([], [("newsletter", "yes")], [("newsletter", "no")])
        ),
    ],
    _TEXT_MAP,
)
"""What is known of a person; the first is for people nobody knows."""

EXPERIMENTS = pa.array(
    [
        [("checkout_button", button), *shipping, *ranking]
        for button in ("green", "blue")
        for shipping in ([], [("shipping_bar", "on")])
        for ranking in ([], [("ranking", "v1")], [("ranking", "v2")])
    ],
    _TEXT_MAP,
)
"""The variants of running experiments that a session sees."""
