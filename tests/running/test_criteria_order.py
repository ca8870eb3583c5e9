"""Criteria of one event that hang together in groups."""

from __future__ import annotations

from typing import Any

import pytest

from tests.running.examples import a_then_b, event, matcher

WHERES = [
    ({}, True),
    ({"all": [{"all": [{"q": 1}]}, {"all": [{"p": 1}]}]}, True),
    ({"all": [{"p": 1}, {"not": {"any": [{"q": 2}, {"p": 3}]}}]}, True),
    ({"p": 1, "q": 1, "props.p": 1, "all": [{"p": {"lt": 2}}]}, True),
    ({"p": 1, "q": 1, "props.p": 1, "all": [{"p": {"lt": 1}}]}, False),
    ({"any": [{"p": 2}, {"props.p": 2}]}, False),
]


@pytest.mark.parametrize(("where", "holds"), WHERES, ids=str)
def test_groups_hold_whatever_their_order(where: dict[str, Any], holds: bool):
    """The cheap criteria are asked first, and that never shows."""
    running = matcher(a_then_b(steps=[{"event": "A", "where": where}], where=where, within=None))
    running.push(event("A", 0, p=1, q=1, props='{"p": 1}'))
    assert bool(running.flush()) is holds
