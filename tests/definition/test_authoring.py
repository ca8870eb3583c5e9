"""Writing streams in Python says the same as the file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from streamkit.definition import Stream, cooldown, defined, event, exclude, prop
from streamkit.errors import DefinitionError

if TYPE_CHECKING:
    from streamkit.definition.criteria_authoring import Where

OPERATORS: list[tuple[Where, dict[str, Any]]] = [
    (prop("p") == 1, {"p": 1}),
    (prop("p") == True, {"p": True}),  # noqa: E712 # builds a criterion
    (prop("p") != "a", {"p": {"ne": "a"}}),
    (prop("p") > 1.5, {"p": {"gt": 1.5}}),
    (prop("p") >= 1, {"p": {"gte": 1}}),
    (prop("p") < 1, {"p": {"lt": 1}}),
    (prop("p") <= 1, {"p": {"lte": 1}}),
    (prop("p").equals("a", ignore_case=True), {"p": {"eq": "a", "ignore_case": True}}),
    (prop("p").not_equals("a", ignore_case=True), {"p": {"ne": "a", "ignore_case": True}}),
    (prop("p").is_in(["a", 1]), {"p": {"in": ["a", 1]}}),
    (prop("p").is_in(number for number in (1, 2)), {"p": {"in": [1, 2]}}),
    (
        prop("p").not_in(("a", "b"), ignore_case=True),
        {"p": {"not_in": ["a", "b"], "ignore_case": True}},
    ),
    (prop("p").between(1, 2), {"p": {"between": [1, 2]}}),
    (prop("p").contains("a"), {"p": {"contains": "a"}}),
    (prop("p").not_contains("a"), {"p": {"not_contains": "a"}}),
    (prop("p").starts_with("a"), {"p": {"starts_with": "a"}}),
    (prop("p").not_starts_with("a"), {"p": {"not_starts_with": "a"}}),
    (prop("p").ends_with("a"), {"p": {"ends_with": "a"}}),
    (prop("p").not_ends_with("a"), {"p": {"not_ends_with": "a"}}),
    (prop("p").matches("a", ignore_case=True), {"p": {"matches": "a", "ignore_case": True}}),
    (prop("p").not_matches("a"), {"p": {"not_matches": "a"}}),
    (prop("p").exists(), {"p": {"exists": True}}),
    (prop("p").missing(), {"p": {"exists": False}}),
    (
        prop("p") > datetime(2026, 1, 31, tzinfo=UTC),
        {"p": {"gt": {"time": "2026-01-31T00:00:00Z"}}},
    ),
    (
        prop("p") > datetime(2026, 1, 31),
        {"p": {"gt": {"time": "2026-01-31T00:00:00Z"}}},
    ),  # naive is UTC
    (prop("p") == date(2026, 1, 31), {"p": {"time": "2026-01-31 01:00:00+01:00"}}),
    (prop("any") == 1, {'"any"': 1}),
    ((prop("p") > 1) & (prop("q") == 2) & (prop("r") == 3), {"p": {"gt": 1}, "q": 2, "r": 3}),
    ((prop("p") > 1) | (prop("q") == 2), {"any": [{"p": {"gt": 1}}, {"q": 2}]}),
    (~(prop("p") == 1), {"not": {"p": 1}}),
    (
        ((prop("p") == 1) | (prop("p") == 2)) & ~prop("q").exists(),
        {"any": [{"p": 1}, {"p": 2}], "not": {"q": {"exists": True}}},
    ),
    ((prop("p") > 1) & (prop("p") < 5), {"p": {"gt": 1, "lt": 5}}),
]


@pytest.mark.parametrize(
    ("criterion", "data"), OPERATORS, ids=[repr(each[1]) for each in OPERATORS]
)
def test_operators(criterion: Where, data: dict[str, Any]) -> None:
    """Each operator in Python reads as its data in a file does."""
    written = Stream.from_dict({"name": "x", "steps": [{"event": "a", "where": data}]})
    assert Stream("x", [event("a").where(criterion)]) == written
    whole = Stream.from_dict({"name": "x", "where": data, "steps": [{"event": "a"}]})
    assert Stream("x", [event("a")], where=criterion) == whole


def test_several_where_add_up() -> None:
    """Several criteria, and several calls of `where`, must all hold, for every alternative."""
    narrow = event("a").where(prop("p") > 1).where(prop("q") == 2, {"r": 3})
    at_once = event("a").where((prop("p") > 1) & (prop("q") == 2), {"r": 3})
    assert Stream("x", [narrow]) == Stream("x", [at_once])
    both = (event("a").where(prop("p") > 1) | event("b")).where(prop("q") == 2)
    assert Stream("x", [both]).to_dict()["steps"] == [
        {
            "any_of": [
                {"event": "a", "where": {"p": {"gt": 1}, "q": 2}},
                {"event": "b", "where": {"q": 2}},
            ]
        }
    ]


def test_any_event() -> None:
    """`event()` is any event, with or without criteria."""
    assert Stream("x", [event()]).to_dict()["steps"] == [{"where": {}}]
    assert Stream("x", [event().where(prop("p") == 1)]).to_dict()["steps"] == [{"where": {"p": 1}}]


def test_excludes_and_cooldown() -> None:
    """Excludes take their lengths by name, at the top they are conditions; so is a cooldown."""
    stream = Stream(
        "x",
        [exclude(event("a"), lookback="1d"), event("b"), event("c")],
        exclude=[event("d") | event("e"), exclude(event("f"))],
        within="unbounded",
        cooldown=cooldown("1h"),
    )
    assert stream.to_dict() == {
        "name": "x",
        "steps": [{"exclude": {"event": "a"}, "lookback": "24h"}, {"event": "b"}, {"event": "c"}],
        "exclude": [{"any_of": [{"event": "d"}, {"event": "e"}]}, {"event": "f"}],
        "within": "unbounded",
        "cooldown": {"for": "1h"},
    }


def test_defined_in_python() -> None:
    """`defined(...)` is looked up in what `Stream` is given, and knows what it stands for."""
    stream = Stream("x", [defined("rage")], defined={"rage": event("click") | event("tap")})
    assert stream == Stream.from_dict(
        stream.to_dict(), defined={"rage": event("click") | event("tap")}
    )
    assert stream.version == Stream("y", [event("tap") | event("click")]).version
    with pytest.raises(DefinitionError) as caught:
        Stream("x", [defined("rgae")], defined={"rage": event("click")})
    assert caught.value.hint == "did you mean 'rage'?"


def test_all_problems_at_once() -> None:
    """Nothing is refused before `Stream`, which then tells everything with its place."""
    with pytest.raises(DefinitionError) as caught:
        Stream(
            "",
            [event("a").at_least(0).where(prop("u").matches("(")), event("b").within("soon")],
            frequency="always",
            exclude=[exclude(event("c"), for_="1h")],
        )
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("name-form", "name"),
        ("bad-regex", "steps[0].where.u.matches"),
        ("at-least-range", "steps[0].at_least"),
        ("bad-duration", "steps[1].within"),
        ("unknown-key", "exclude[0]"),
        ("unknown-value", "frequency"),
        ("within-required", ""),
    ]


def test_words_that_python_would_swallow() -> None:
    """`and`, `or`, `not` and chained comparisons cannot silently drop a criterion."""
    with pytest.raises(TypeError, match="&"):
        _ = (prop("p") > 1) and (prop("q") > 1)
    with pytest.raises(TypeError, match="&"):
        _ = 1 < prop("p") < 5
    with pytest.raises(TypeError, match=r"\|"):
        _ = event("a") or event("b")


def test_misuse_is_explained() -> None:
    """A step's options inside `|`, and criteria on a name, are refused with a reason."""
    with pytest.raises(DefinitionError, match="as a whole"):
        _ = event("a").within("5m") | event("b")
    with pytest.raises(DefinitionError, match="named condition"):
        defined("rage").where(prop("p") == 1)
    with pytest.raises(DefinitionError, match="compares with a list"):
        Stream("x", [event("a").where(prop("p").is_in("abc"))])
    with pytest.raises(DefinitionError, match="exists: false"):
        Stream("x", [event("a").where(prop("p") == None)])  # noqa: E711 # builds a criterion
