"""One definition with every feature, as YAML and as Python."""

from __future__ import annotations

from streamkit.definition import Stream, cooldown, event, exclude, prop

__all__ = ["RESCUE_YAML", "rescue_in_python"]

RESCUE_YAML = """\
name: checkout-rescue
description: Shopper hits checkout errors with a full basket and does not buy
enabled: true
steps:
  - event: add_to_cart
    where: {price: {gt: 20}}
  - exclude: {event: remove_from_cart}      # never between the steps around it
  - any_of:                                 # "or" between events
      - event: checkout_start
      - event: page_view
        where: {url: {contains: /checkout}}
    within: 10m                             # of the previous step
  - event: checkout_error
    at_least: 2
  - exclude: {event: purchase}              # last place: never for 30 min after the last step
    for: 30m
within: 1h                                  # first to last step
frequency: once
cooldown: {for: 24h, by: user}
"""


def rescue_in_python() -> Stream:
    return Stream(
        name="checkout-rescue",
        description="Shopper hits checkout errors with a full basket and does not buy",
        steps=[
            event("add_to_cart").where(prop("price") > 20),
            exclude(event("remove_from_cart")),
            (
                event("checkout_start")
                | event("page_view").where(prop("url").contains("/checkout"))
            ).within("10m"),
            event("checkout_error").at_least(2),
            exclude(event("purchase"), for_="30m"),
        ],
        within="1h",
        cooldown=cooldown("24h", by="user"),
    )
