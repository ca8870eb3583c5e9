"""The version changes exactly when matching changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.definition import Stream

from .strategies import streams

BASE: dict[str, Any] = {
    "name": "x",
    "steps": [
        {"event": "a", "where": {"p": 1, "q": {"gt": 2}}},
        {"exclude": {"event": "n"}},
        {"event": "b"},
    ],
    "within": "1h",
}


def version(**changes: Any) -> str:
    return Stream.from_dict({**BASE, **changes}).version


def where(criteria: dict[str, Any]) -> str:
    return version(where=criteria)


def shuffled(data: Any, seed: int) -> Any:
    """The same data with the keys of every mapping turned around."""
    if isinstance(data, dict):
        keys = list(data)
        turn = seed % len(keys) if keys else 0
        return {key: shuffled(data[key], seed + 1) for key in reversed(keys[turn:] + keys[:turn])}
    return [shuffled(item, seed + 1) for item in data] if isinstance(data, list) else data


def test_form() -> None:
    """A version is twelve hex digits, the same on every machine."""
    assert version() == "843c58a74e9b"


@settings(max_examples=50)
@given(streams(), st.integers(0, 5))
def test_key_order(data: dict[str, Any], seed: int) -> None:
    """The order of keys, criteria in `where` included, does not matter."""
    assert Stream.from_dict(shuffled(data, seed)).version == Stream.from_dict(data).version


@settings(max_examples=50)
@given(streams(), streams())
def test_what_is_sent_does_not_matter(data: dict[str, Any], other: dict[str, Any]) -> None:
    """Name, description, enabled, payload and destination are not part of it."""
    taken = {
        key: other[key]
        for key in ("name", "description", "enabled", "payload", "destination")
        if key in other
    }
    assert Stream.from_dict({**data, **taken}).version == Stream.from_dict(data).version


SAME: list[tuple[str, str]] = [
    (version(), version(within="60m")),
    (version(), version(per=["session"], frequency="once")),
    (
        version(),
        version(
            steps=[{"event": "a", "where": {"q": {"gt": 2.0}, "p": {"eq": 1}}}, *BASE["steps"][1:]]
        ),
    ),
    (version(), version(steps=[{"any_of": [BASE["steps"][0]]}, *BASE["steps"][1:]])),
    (where({"p": {"in": [1]}}), where({"p": 1})),
    (where({"p": {"in": [2, 1, 2]}}), where({"p": {"in": [1, 2]}})),
    (where({"p": {"ne": 1}}), where({"not": {"p": 1}})),
    (where({"p": {"exists": False}}), where({"not": {"p": {"exists": True}}})),
    (where({"any": [{"p": 1}, {"q": 2}]}), where({"any": [{"q": 2}, {"any": [{"p": 1}]}]})),
    (where({"p": 1, "all": [{"q": 2}]}), where({"all": [{"q": 2, "p": 1}]})),
    (
        where({"p": {"time": "2026-01-01T00:00:00Z"}}),
        where({"p": {"time": "2026-01-01 01:00:00.0+01:00"}}),
    ),
    (where({"p": {"contains": "a", "ignore_case": False}}), where({"p": {"contains": "a"}})),
    (where({'"p"': 1}), where({"p": 1})),
    (version(cooldown={"for": "1d"}), version(cooldown={"for": "24h", "by": "session"})),
    (
        version(exclude=[{"event": "y"}, {"event": "z"}]),
        version(exclude=[{"any_of": [{"event": "z"}, {"event": "y"}]}]),
    ),
    (
        version(steps=[*BASE["steps"], {"exclude": {"event": "z"}}]),
        version(steps=[*BASE["steps"], {"exclude": {"event": "z"}, "for": "60m"}]),
    ),
    (version(steps=[{"event": "a"}]), version(steps=[{"event": "a"}], within="unbounded")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equivalent_spellings(one: str, other: str) -> None:
    """Two spellings of one meaning have one version."""
    assert one == other


def test_differences() -> None:
    """Whatever changes matching changes the version."""
    first, middle, last = BASE["steps"]
    wait = {"exclude": {"event": "z"}}
    variants = [
        version(),
        version(within="61m"),
        version(within="unbounded"),
        version(per="user"),
        version(per=["session", "p"]),
        version(per=["p", "session"]),
        version(frequency="every"),
        version(frequency="per_start"),
        version(frequency="non_overlapping"),
        version(cooldown={"for": "1h"}),
        version(cooldown={"for": "1h", "by": "user"}),
        version(cooldown={"for": "2h"}),
        version(exclude=[{"event": "n"}]),
        version(steps=[first, last]),
        version(steps=[middle, first, last]),
        version(steps=[{**middle, "lookback": "1h"}, first, last]),
        version(steps=[first, middle, last, wait]),
        version(steps=[first, middle, last, {**wait, "for": "2h"}]),
        version(steps=[first, middle, {**last, "within": "1h"}]),
        version(steps=[first, middle, {**last, "at_least": 2}]),
        version(steps=[last, middle, first]),
        where({"p": 1}),
        where({"p": "1"}),
        where({"p": True}),
        where({"p": {"ne": 1}}),
        where({"p": {"gt": 1}}),
        where({"p": {"gt": 1.5}}),
        where({"p": {"contains": "a"}}),
        where({"p": {"contains": "a", "ignore_case": True}}),
        where({"p.q": 1}),
        where({'"p.q"': 1}),
        where({"any": [{"p": 1}, {"q": 1}]}),
        where({"p": 1, "q": 1}),
        where({"p": {"between": [1, 2]}}),
        where({"p": {"in": [1, 2]}}),
        where({"p": {"time": "2026-01-01T00:00:00Z"}}),
        where({"p": "2026-01-01T00:00:00Z"}),
        where({"p": {"eq": 9007199254740993}}),
        where({"p": {"eq": 9007199254740992.0}}),
    ]
    assert len(set(variants)) == len(variants)


def test_named_conditions_are_resolved() -> None:
    """A name counts as what it stands for, so changing events.yaml changes the version."""
    steps = [{"defined": "n"}]
    one = Stream.from_dict({"name": "x", "steps": steps}, defined={"n": {"event": "a"}})
    two = Stream.from_dict({"name": "x", "steps": steps}, defined={"n": {"event": "b"}})
    assert one.version == Stream.from_dict({"name": "x", "steps": [{"event": "a"}]}).version
    assert one.version != two.version
