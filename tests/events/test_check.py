"""`check` with data: each warning on rows that call for it, none on the shipped streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import streamkit
from streamkit.matching.check import check_streams
from tests.events.conftest import ROOT

ROWS = pl.DataFrame(
    {
        "time": [f"2026-03-01T10:0{n}:00Z" for n in range(6)],
        "event": ["page_view", "page_view", "purchase", "purchase", "logout", "logout"],
        "session_id": ["a", "a", "a", "b", None, None],
        "plan": ["pro", "free", "pro", "pro", None, None],
        "price": [None, None, 9.5, 20.0, None, None],
        "paid": [None, None, True, False, None, None],
        "props": ['{"kind": "home"}', '{"kind": "cart"}', '{"total": 3}', "{}", None, None],
    }
)
SCHEMA = {"time": "time", "name": "event", "session": "session_id", "json": ["props"]}


def found(**definition: Any) -> list[tuple[str, str, str | None]]:
    stream = streamkit.Stream.from_dict({"name": "s", **definition})
    problems = check_streams([stream], streamkit.History(ROWS, SCHEMA))
    return [(problem.code, problem.path, problem.hint) for problem in problems]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (
            {"steps": [{"event": "page_veiw"}]},
            [("unknown-event", "steps[0].event", "did you mean 'page_view'?")],
        ),
        (
            {"steps": [{"event": "page_view", "where": {"plan": "Pro"}}]},
            [("unseen-value", "steps[0].where.plan", "did you mean 'pro'?")],
        ),
        (
            {"steps": [{"event": "page_view", "where": {"props.kind": {"in": ["home", "cart"]}}}]},
            [],
        ),
        (
            {"steps": [{"event": "page_view", "where": {"props.knd": "home"}}]},
            [("unseen-key", "steps[0].where.props.knd", "did you mean 'props.kind'?")],
        ),
        (
            {"steps": [{"event": "purchase", "where": {"price": "20"}}]},
            [("type-mismatch", "steps[0].where.price", None)],
        ),
        (
            {"steps": [{"event": "purchase", "where": {"paid": {"gt": 1}}}]},
            [("type-mismatch", "steps[0].where.paid", None)],
        ),
        (
            {"steps": [{"event": "purchase", "where": {"plan": True}}]},
            [("type-mismatch", "steps[0].where.plan", None)],
        ),
        (
            {"steps": [{"event": "purchase", "where": {"price": {"gt": 15}, "paid": True}}]},
            [("never-met", "steps[0]", None)],
        ),
        (
            {
                "steps": [{"event": "page_view"}, {"exclude": {"event": "logout"}, "for": "5m"}],
            },
            [("missing-key", "steps[1].exclude", "choose another 'per', or fill the column")],
        ),
        (
            {"where": {"plan": "gold"}, "steps": [{"event": "page_view"}]},
            [("unseen-value", "where.plan", "values it has: 'pro', 'free', 'pro'")],
        ),
        ({"steps": [{"event": "page_view", "where": {"not": {"plan": "gold"}}}]}, []),
        ({"steps": [{"event": "page_view", "where": {"plan": {"ne": "gold"}}}]}, []),
    ],
)
def test_what_can_never_match_is_a_warning(
    definition: dict[str, Any], expected: list[tuple[str, str, str | None]]
) -> None:
    """With its code, its place and the nearest name; what is only unusual is none."""
    got = found(**definition)
    assert [each[:2] for each in got] == [each[:2] for each in expected]
    for (_, _, hint), (_, _, wanted) in zip(got, expected, strict=True):
        assert wanted is None or hint is not None
        assert wanted is None or wanted.split(":")[0] in hint


def test_a_column_that_is_not_there_is_an_error() -> None:
    """Binding refuses it; it is no warning."""
    with pytest.raises(streamkit.EventsError, match="no column 'pln'"):
        found(steps=[{"event": "page_view", "where": {"pln": "pro"}}])


def test_the_shipped_streams_can_all_match() -> None:
    """No warning on the data they were written for."""
    streams = streamkit.load(ROOT / "data" / "streams")
    history = streamkit.History(ROOT / "data" / "shop", ROOT / "data" / "schema.yaml")
    assert check_streams(streams, history) == []


def test_an_empty_history_warns_of_unknown_events_only(tmp_path: Path) -> None:
    """Nothing can be said of values where there are no rows."""
    history = streamkit.History(ROWS.clear(), SCHEMA)
    stream = streamkit.Stream.from_dict(
        {"name": "s", "steps": [{"event": "x", "where": {"plan": "pro"}}]}
    )
    assert [p.code for p in check_streams([stream], history)] == ["unknown-event"]
