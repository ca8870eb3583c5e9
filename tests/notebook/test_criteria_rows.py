"""Rows of a form and `where`: the way there and back loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import Stream
from streamkit.notebook.choices import condition_of, event_text
from streamkit.notebook.criteria_rows import (
    KINDS,
    Group,
    Row,
    kind_of,
    operand_text,
    read_operand,
    rows_of,
    where_of,
)
from streamkit.notebook.pattern_view import conditions_in, with_conditions
from tests.definition.strategies import wheres


def read_as(where: dict[str, Any]) -> Any:
    return Stream("x", [{"event": "a", "where": where}]).positive_steps[0].alternatives


@given(wheres)
def test_criteria_survive_rows(where: dict[str, Any]) -> None:
    """What rows are made of reads as the same criterion when it is written again."""
    rows = rows_of(where)
    assert rows is not None
    assert read_as(where_of(rows)) == read_as(where)


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"price": {"gt": 20, "lte": 50}, "plan": "pro"},
        {"price": {"eq": 1.10}},
        {"at": {"time": "2026-01-31T00:00:00Z"}},
        {"any": [{"a": 1}, {"b": 2, "c": {"exists": False}}], "not": {"d": {"in": ["x", "y"]}}},
        {"q": {"contains": "x", "starts_with": "y", "ignore_case": True}},
        {"all": [{"a": 1}], "b": 2},
        {"price": {}},
    ],
)
def test_spelling_survives(where: dict[str, Any]) -> None:
    """What nobody edits is written as it was."""
    rows = rows_of(where)
    assert rows is not None
    assert where_of(rows) == where


def test_two_rows_of_one_key() -> None:
    """Two tests of one property share a mapping; the same test twice takes an `all`."""
    rows = (Row("p", "gt", 1, is_bare=False), Row("p", "lt", 5, is_bare=False))
    assert where_of(rows) == {"p": {"gt": 1, "lt": 5}}
    twice = (Row("p", "gt", 1, is_bare=False), Row("p", "gt", 2, is_bare=False))
    assert where_of(twice) == {"all": [{"p": {"gt": 1}}, {"p": {"gt": 2}}]}
    assert [row.operand for row in rows_of(where_of(twice)) or () if isinstance(row, Row)] == [1, 2]
    unfilled = (Row(), Row())
    assert len(rows_of(where_of(unfilled)) or ()) == 2


def test_groups_keep_their_kind() -> None:
    """A mapping of several criteria inside a list stays one item of the list."""
    rows = rows_of({"any": [{"a": 1, "b": 2}, {"c": 3}]})
    assert rows is not None
    group = rows[0]
    assert isinstance(group, Group)
    assert [type(item) for item in group.items] == [Group, Row]


@pytest.mark.parametrize("where", [[], "x", {"any": 3}, {"all": [3]}, {"not": [1]}])
def test_what_no_form_can_show(where: Any) -> None:
    """It is left to the YAML editor and no error."""
    assert rows_of(where) is None


SCALARS = (
    st.text()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just({"time": "2026-01-31T00:00:00Z"})
)


@given(SCALARS)
def test_a_value_survives_its_field(value: Any) -> None:
    """A field shows a value so that it reads as the same value."""
    kind = kind_of(value)
    assert kind in KINDS
    assert read_operand(operand_text(value), kind, many=False) == value


@given(
    st.lists(st.text(), min_size=1, max_size=4)
    | st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4)
)  # fmt: skip # the two kinds of lists
def test_a_list_survives_its_field(values: list[Any]) -> None:
    """Commas, quotes, spaces and nothing at all inside a text are no end of it."""
    kind = kind_of(values)
    assert kind is not None
    assert read_operand(operand_text(values), kind, many=True) == values


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [("2x", "number", None), ("", "text", None), ('""', "text", ""), ("yes", "boolean", None)],
)
def test_what_is_no_value(text: str, kind: str, expected: Any) -> None:
    """Half a number is nothing yet, not a text; an empty text has to be said."""
    assert read_operand(text, kind, many=False) == expected


@given(st.text() | st.sampled_from(["(any event)", "defined: x", "event: x", "a  ·  3 rows"]))
def test_an_event_survives_its_field(name: str) -> None:
    """Whatever an event is called, and whatever its name looks like."""
    condition = {"event": name, "where": {"a": 1}}
    assert condition_of(event_text(condition), condition) == condition


@pytest.mark.parametrize("condition", [{}, {"where": {}}, {"where": {"a": 1}}, {"defined": "rage"}])
def test_a_condition_survives_its_field(condition: dict[str, Any]) -> None:
    """No event, any event, a named condition."""
    assert condition_of(event_text(condition), condition) == condition


@pytest.mark.parametrize(
    "pattern",
    [{"event": "a", "within": "1h"}, {"any_of": [{"event": "a"}, {"defined": "b"}], "at_least": 2}, {}],
)  # fmt: skip # a pattern each
def test_a_pattern_survives_its_alternatives(pattern: dict[str, Any]) -> None:
    """Its alternatives put back are the pattern, other keys included."""
    found = conditions_in(pattern)
    assert found is not None
    conditions = [
        {key: value for key, value in each.items() if key not in ("within", "at_least")}
        for _, each in found
    ]
    assert with_conditions(pattern, conditions) == pattern
