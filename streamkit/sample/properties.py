"""The free-form part of each event: JSON text as a tracker sends it, oddities included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from streamkit.sample.behaviour import EVENT_OF_STATE, EVENTS
from streamkit.sample.catalogue import (
    CATALOGUE,
    FIRST_SEARCH_URL,
    QUERIES,
    URL_KINDS,
    page,
)
from streamkit.sample.faults import BAD_PROPERTIES, NO_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["money", "properties_of"]

_PRODUCT = '"sku":"<sku>","category":"<category>"'
_CART = '"cart":{"total":"<price>","currency":"EUR"}'

TEMPLATES: dict[str, tuple[str, ...]] = {
    "page_view": (
        '{"page":{"kind":"<kind>","load_ms":"<load>"},"referrer":"<referrer>"}',
        '{"page":{"kind":"<kind>","load_ms":null},"referrer":null}',
        '{"page":{"kind":"<kind>"},"utm":{"source":"<referrer>","campaign":"spring"}}',
    ),
    "product_view": (
        '{"product":{<product>,"rating":<rating>,"tags":["<tag>","new"]},"list_price":"<price>"}',
        '{"product":{<product>,"rating":null,"tags":[]},"list_price":"<price>"}',
        '{"product":{<product>},"list_price":null,"position":<few>}',
    ),
    "scroll": ('{"depth":<depth>}', '{"depth":"<depth>"}'),
    "search": (
        '{"query":"<query>","results":<results>,"filters":[{"field":"size","value":"<size>"}]}',
        *('{"query":"<query>","results":0,"filters":[]}',) * 4,
        '{"query":"<query>","results":null}',
    ),
    "add_to_cart": (
        '{"product":{<product>},"quantity":<quantity>,"unit_price":"<price>","source":"<source>"}',
        '{"product":{<product>},"quantity":"<quantity>","unit_price":"<price>","source":null}',
    ),
    "remove_from_cart": (
        '{"product":{<product>},"unit_price":"<price>","reason":"<reason>"}',
        '{"product":{<product>},"unit_price":"<price>"}',
    ),
    "cart_view": (
        '{<cart>,"shipping":{"method":"standard","cost":"4.90"}}',
        '{<cart>,"shipping":null}',
    ),
    "coupon_apply": (
        '{"coupon":{"code":"<coupon>","accepted":true,"reason":null}}',
        *('{"coupon":{"code":"<coupon>","accepted":false,"reason":"expired"}}',) * 5,
    ),
    "checkout_start": ('{<cart>,"guest":<boolean>}', "{<cart>}"),
    "checkout_error": (
        '{"error":{"code":"<error>","step":"<kind>","retryable":<boolean>},"attempt":<attempt>,<cart>}',
        '{"error":{"code":"<error>","step":"<kind>"},"attempt":"<attempt>",<cart>}',
        '{"error":null,"attempt":<attempt>}',
    ),
    "payment_submit": ('{"payment":{"method":"<method>","amount":"<price>"},"attempt":<attempt>}',),
    "purchase": (
        '{"order":{"total":"<price>","currency":"EUR"},"payment":{"method":"<method>"},"gift":false}',
        '{"order":{"total":"<price>","currency":"EUR"},"payment":{"method":"<method>"},"gift":true}',
    ),
    "rage_click": (
        '{"target":{"selector":"<selector>","text":"<label>"},"clicks":<clicks>}',
        '{"target":{"selector":"<selector>"},"clicks":"<clicks>"}',
    ),
    "dead_click": ('{"target":{"selector":"<selector>"}}',),
    "error_click": ('{"target":{"selector":"<selector>"},"message":"<message>"}',),
    "app_error": (
        '{"error":{"name":"<message>","stack":["main.js:<depth>","vendor.js:<few>"]},"fatal":<boolean>}',
        '{"error":{"name":"<message>","stack":[]},"fatal":null}',
    ),
    "login": ('{"method":"<login>","two_factor":<boolean>}',),
    "signup": ('{"method":"<login>","consent":{"newsletter":<boolean>,"ads":false}}',),
    "newsletter_signup": ('{"consent":{"newsletter":true,"ads":<boolean>}}',),
    "wishlist_add": ('{"product":{<product>},"list_price":"<price>"}',),
    "video_play": ('{"video":{"seconds":"<depth>","muted":<boolean>}}',),
    "share": ('{"channel":"<channel>"}',),
    "return_request": ('{"return":{"reason":"<reason>","items":<few>}}',),
    "support_chat_open": ('{"topic":"<topic>","wait_s":"<depth>"}', '{"topic":null}'),
}
"""What each event carries. `<…>` is a field; each further template takes a sixteenth of the rows."""

_PAY_URLS = (page("/checkout"), page("/checkout/payment"))
_KINDS = pl.Series(URL_KINDS)
_SKUS, _CATEGORIES = pl.Series(CATALOGUE.skus), pl.Series(CATALOGUE.categories)


def money(amounts: pl.Series) -> pl.Series:
    """Amounts as text with two decimals, such as `19.90`."""
    cents = (amounts * 100).round().cast(pl.Int64)
    whole, rest = (cents // 100).cast(pl.String), (cents % 100).cast(pl.String)
    return whole + "." + rest.str.zfill(2)


def _bits(rows: pl.DataFrame, shift: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    words = rows["noise"].to_numpy()
    return ((words >> np.uint64(shift)) % np.uint64(size)).astype(np.int64)


def _one_of(*values: str, shift: int = 20) -> Callable[[pl.DataFrame], pl.Series]:
    """A text of the list, by the row's noise; one that is named twice comes twice as often."""
    texts = pl.Series(values)
    return lambda rows: texts.gather(_bits(rows, shift, len(values)))


def _number(start: int, count: int, step: int = 1) -> Callable[[pl.DataFrame], pl.Series]:
    return _one_of(*(str(start + step * place) for place in range(count)), shift=24)


def _text_of(column: str) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda rows: rows[column].cast(pl.String)


def _when_paying(text: str, *otherwise: str) -> Callable[[pl.DataFrame], pl.Series]:
    """One text on the pages of the checkout, one of the others elsewhere."""
    elsewhere = _one_of(*otherwise)

    def field(rows: pl.DataFrame) -> pl.Series:
        paying = pl.lit(rows["url"].is_between(*_PAY_URLS))
        chosen = pl.when(paying).then(pl.lit(text)).otherwise(pl.lit(elsewhere(rows)))
        return pl.select(chosen).to_series()

    return field


FIELDS: dict[str, Callable[[pl.DataFrame], pl.Series]] = {
    "sku": lambda rows: _SKUS.gather(rows["product"]),
    "category": lambda rows: _CATEGORIES.gather(rows["product"]),
    "price": lambda rows: money(rows["price"]),
    "quantity": _text_of("quantity"),
    "attempt": _text_of("attempt"),
    "kind": lambda rows: _KINDS.gather(rows["url"]),
    "query": lambda rows: pl.Series(QUERIES).gather(rows["url"] - FIRST_SEARCH_URL),
    "selector": _when_paying("#pay-now", ".filter-size", ".gallery-next", "#menu", ".tile > img"),
    "boolean": _one_of("true", "false", "false"),
    "label": _when_paying("Pay now", "Size", "Next", "Menu", ""),
    "referrer": _one_of("", "", "", "google", "google", "instagram", "newsletter", "price.example"),
    "rating": _one_of("3.5", "4", "4.0", "4.2", "4.5", "4.5", "4.8", "5"),
    "tag": _one_of("sale", "organic", "bestseller", "last-pieces"),
    "size": _one_of("36", "38", "40", "42", "M", "L", "XL", "one size"),
    "source": _one_of("product_page", "product_page", "wishlist", "recommendation"),
    "reason": _one_of("too_expensive", "wrong_size", "changed_mind", "found_elsewhere"),
    "coupon": _one_of("SPRING10", "WELCOME5", "FREESHIP", "VIP20"),
    "error": _one_of(
        "card_declined",
        "card_declined",
        "card_declined",
        "3ds_timeout",
        "address_invalid",
        "gateway_unavailable",
        "out_of_stock",
    ),
    "method": _one_of("card", "card", "paypal", "invoice", "apple_pay"),
    "message": _one_of("TypeError", "TypeError", "NetworkError", "ChunkLoadError"),
    "login": _one_of("password", "password", "google", "apple"),
    "channel": _one_of("whatsapp", "mail", "copy_link"),
    "topic": _one_of("payment", "delivery", "returns", "sizes"),
    "load": _number(180, 64, 35),
    "depth": _number(10, 10, 10),
    "few": _number(1, 12),
    "results": _number(0, 60, 3),
    "clicks": _number(3, 6),
}


def _render(template: str, rows: pl.DataFrame) -> pl.Series:
    template = template.replace("<product>", _PRODUCT).replace("<cart>", _CART)
    # Literal text and field names take turns; the literal in front is as long as the rows.
    front, *pieces = re.split(r"<(\w+)>", template)
    parts = [
        pl.lit(piece) if number % 2 else pl.lit(FIELDS[piece](rows))
        for number, piece in enumerate(pieces)
    ]
    return pl.select(pl.concat_str([pl.repeat(front, len(rows)), *parts])).to_series()


def properties_of(rows: pl.DataFrame) -> pl.Series:
    """The JSON text of each row; null, or cut off in the middle, where the row's fault says so."""
    events = EVENT_OF_STATE[rows["state"].to_numpy()]
    variants = _bits(rows, 60, 16)
    texts: list[pl.Series] = []
    places: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for event, name in enumerate(EVENTS):
        templates = TEMPLATES.get(name, ("{}",))
        for number, template in enumerate(templates):
            chosen = variants == 16 - number if number else variants <= 16 - len(templates)
            place = np.flatnonzero((events == event) & chosen)
            if len(place):
                texts.append(_render(template, rows[place]))
                places.append(place)
    back = np.empty(len(rows), dtype=np.int64)
    back[np.concatenate(places)] = np.arange(len(rows))
    text = pl.concat(texts).gather(back)
    fault = rows["fault"]
    return pl.select(
        pl.when((fault & NO_PROPERTIES) > 0)
        .then(None)
        .when((fault & BAD_PROPERTIES) > 0)
        .then(text.str.head(-4))
        .otherwise(text)
        .alias("properties")
    ).to_series()
