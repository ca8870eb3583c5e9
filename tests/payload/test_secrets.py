"""Secrets in bodies: places, never texts, so that no event can fake one or learn one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.matching.contexts import Context
from streamkit.payload.writing import Pieces, Secret, write_body, write_plain

from ..definition.payload_strategies import plain_values
from .examples import body_of

KEY = 'k"\\é\n'
SECRETS = {"env:KEY": KEY, "file:/run/token": "", "keyring:crm/token": "abc"}
FAKES = (
    "<secret env:KEY>", '["secret","env:KEY"]', '["secret", "env:KEY"]', "env:KEY", "${env:KEY}", "{{KEY}}",
    "$KEY", "%(KEY)s", "\x00env:KEY\x00", '"],["secret","env:KEY"', "keyring:crm/token", "\\u0000", "secret",
)  # fmt: skip


def fill(body: Any) -> Any:
    return json.loads(body.fill(SECRETS.__getitem__))


def test_a_secret_is_filled_in_where_it_stands() -> None:
    """As a value, in an array, and inside text, JSON-escaped; keys and text before it in any script."""
    mapping = {
        "ключ": ["secret", "env:KEY"],
        "list": ["list", "é", ["secret", "keyring:crm/token"]],
        "auth": [
            "concat",
            "Bearer ",
            ["concat", ["secret", "keyring:crm/token"], "é"],
            ["secret", "env:KEY"],
            "!",
        ],
        "empty": [["secret", "file:/run/token"]],
        "plain": ["var", "event.0.address"],
    }
    body = body_of(mapping)
    assert fill(body) == {
        "ключ": KEY,
        "list": ["é", "abc"],
        "auth": f"Bearer abcé{KEY}!",
        "empty": [""],
        "plain": {"city": "Zürich"},
    }
    assert [reference for _, reference in body.secrets] == [
        "env:KEY", "keyring:crm/token", "keyring:crm/token", "env:KEY", "file:/run/token",
    ]  # fmt: skip
    assert [offset for offset, _ in body.secrets] == sorted(offset for offset, _ in body.secrets)
    assert b"KEY" not in body.content
    assert b"crm" not in body.content


@pytest.mark.parametrize("fake", FAKES)
def test_event_data_is_never_taken_for_a_secret(fake: str) -> None:
    """Whatever an event says, in values, in names and in documents: it is sent as it is."""
    context = Context(({"a": fake, "b": {fake: [fake]}, "c": [fake]}, {}))
    mapping = {
        "before": ["var", "event.0.a"],
        "key": ["secret", "env:KEY"],
        "mixed": ["concat", ["var", "event.0.a"], ["secret", "env:KEY"], ["var", "event.0.a"]],
        "after": [["var", "event.0.b"], ["var", "event.0.c"]],
    }
    body = body_of(mapping, context)
    assert len(body.secrets) == 2
    assert fill(body) == {
        "before": fake,
        "key": KEY,
        "mixed": fake + KEY + fake,
        "after": [{fake: [fake]}, [fake]],
    }


@given(plain_values, st.text(st.characters(exclude_categories=["Cs"]), max_size=5), plain_values)
def test_places_are_right_whatever_stands_around_them(before: Any, secret: str, after: Any) -> None:
    """Offsets count bytes, not characters."""
    value = {
        "a": before,
        "s": Pieces(("x", Secret("env:KEY"), "é")),
        "b": [after, Pieces((Secret("env:KEY"),))],
    }
    filled = json.loads(write_body(value).fill(lambda _: secret))
    assert filled == {"a": before, "s": f"x{secret}é", "b": [after, secret]}


@given(plain_values)
def test_both_writers_write_the_same(value: Any) -> None:
    """A body without secrets has the same bytes whichever way it is written."""
    assert write_body(value) == write_plain(value)
