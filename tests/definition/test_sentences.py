"""The sentence says every rule, in words a shop manager reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from streamkit.definition import Stream
from streamkit.errors import DefinitionError

from .examples import rescue_in_python
from .strategies import streams

SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"steps": [{"event": "purchase"}]}, "For each session, fires once, the first time that purchase happens."),
    (
        {"steps": [{"event": "Product Viewed"}], "per": "user", "frequency": "every", "enabled": False},
        'For each user, fires every time that "Product Viewed" happens (switched off).',
    ),
    (
        {
            "per": ["session", "sku"],
            "where": {"country": {"in": ["NO", "SE"]}},
            "steps": [
                {"exclude": {"event": "sale"}, "lookback": "1h"},
                {"exclude": {"event": "login"}},
                {"event": "view", "at_least": 3},
                {"event": "cart", "within": "90s"},
                {"exclude": {"event": "buy"}},
                {"exclude": {"event": "call"}, "for": "5m"},
            ],
            "exclude": [{"event": "help"}],
            "within": "2h",
            "frequency": "per_start",
            "cooldown": {"for": "7d"},
        },
        "For each combination of session and sku, fires once for each first event, as soon as "
        "at least 3 times view happens with no sale in the 1 hour before and no login earlier for the same "
        "combination of session and sku, then cart (within 90 seconds of the step before), "
        "within 2 hours from the first to the last event, "
        "with no help anywhere between the first and the last event, "
        "and then no buy for 2 hours and no call for 5 minutes after the last event, "
        'where every step\'s event also meets: country is one of "NO", "SE"; '
        "after a match, others of the same combination of session and sku are held back for 7 days.",
    ),
    (
        {"steps": [{"where": {"a": {"ne": 1}, "not": {"b": {"exists": True}}}}, {"event": "x"}], "within": "unbounded",
         "frequency": "non_overlapping"},
        "For each session, fires every time, starting anew after each match, that any event "
        "(a is missing or not 1 and not [b is present]) happens, then x, "
        "with any time from the first to the last event.",
    ),
]  # fmt: skip # texts read better in rows


@pytest.mark.parametrize(("data", "sentence"), SENTENCES)
def test_sentences(data: dict[str, Any], sentence: str) -> None:
    """Each rule of a definition appears in its sentence."""
    assert Stream.from_dict({"name": "x", **data}).sentence == sentence


def test_the_example() -> None:
    """The example of the docs reads as one sentence."""
    assert rescue_in_python().sentence == (
        "For each session, fires once, the first time that add_to_cart (price is above 20) happens, then "
        'checkout_start or page_view (url contains "/checkout") (within 10 minutes of the step before and '
        "with no remove_from_cart in between), then at least 2 times checkout_error, within 1 hour from the first "
        "to the last event, and then no purchase for 30 minutes after the last event; after a match, others of "
        "the same user are held back for 24 hours."
    )


@given(streams())
def test_any_stream_has_one_line(data: dict[str, Any]) -> None:
    """Every stream has a sentence: one line that ends with a full stop."""
    sentence = Stream.from_dict(data).sentence
    assert sentence.startswith("For each ")
    assert sentence.endswith(".")
    assert len(sentence.splitlines()) == 1


@settings(max_examples=50)
@given(streams(), streams())
def test_different_rules_read_differently(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Streams whose windows, frequency, key or cooldown differ have different sentences."""
    first = Stream.from_dict(one)
    for key in ("within", "per", "frequency", "cooldown"):
        changed = {name: value for name, value in one.items() if name != key}
        try:
            second = Stream.from_dict({**changed, **({key: other[key]} if key in other else {})})
        except DefinitionError:  # the change breaks a rule
            continue
        if first.version != second.version:
            assert first.sentence != second.sentence
