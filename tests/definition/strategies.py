"""Random stream definitions as plain data: valid ones with every feature, and garbage."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .destination_strategies import destinations
from .payload_strategies import payloads

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
TEXT_OPERATORS = ("contains", "starts_with", "ends_with")
NAMES = ("add_to_cart", "Checkout Start", "purchase", "page_view", "NO", "12:30", "null", "é✓", "")
PATHS = (
    "price",
    "url",
    'props."utm.source"',
    "items.0.sku",
    "any",
    '"any"',
    '"not"',
    "true",
    "0x1",
    "ü",
)
ODD_TEXTS = (
    "", " ", "NO", "no", "true", "~", "1.10", ".5e5", "1_000", "0o7", "2026-01-31", "a: b", "- a", "#", "a #b",
    "'", '"', "\\", "\n", " \n\n x", "\t", "\x00", "\x07", "\x85", "\u2028", "\ufeff", "\ud7ff", "😀", "%", "@a",
    "`", "|", ">", "{a}", "[", "!x", "&x", "*x", "? x", "?x", "=", "<<", "---", "...", "a\r\nb", "\x7f", "x" * 300,
)  # fmt: skip # a table reads better in rows

texts = st.one_of(
    st.sampled_from(ODD_TEXTS), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
durations = st.builds(
    lambda count, unit: f"{count}{unit}", st.integers(1, 400), st.sampled_from(list(UNITS))
)
numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-20, 20),
)
times = st.datetimes().map(lambda time: {"time": time.isoformat() + "Z"})
scalars = st.one_of(texts, st.booleans(), numbers, times)
ordered = st.one_of(texts, numbers, times)


def _sorted_pair(pair: tuple[Any, Any]) -> list[Any]:
    return sorted(
        pair, key=lambda value: value["time"].ljust(27, "0") if isinstance(value, dict) else value
    )


bounds = st.one_of(
    st.tuples(texts, texts).map(_sorted_pair),
    st.tuples(numbers, numbers).map(_sorted_pair),
    st.tuples(st.integers(1, 9), st.integers(1, 9)).map(
        lambda pair: [{"time": f"2026-01-0{day}T00:00:00Z"} for day in sorted(pair)]
    ),
)


@st.composite
def operators(draw: st.DrawFn) -> Any:
    """What stands beside a property: a bare value or operators."""
    kind = draw(st.sampled_from(["bare", "value", "folded"]))
    if kind == "bare":
        return draw(scalars)
    if kind == "folded":
        chosen = draw(
            st.lists(
                st.sampled_from([*TEXT_OPERATORS, "matches", "eq", "in"]), min_size=1, unique=True
            )
        )
        result: dict[str, Any] = {}
        for operator in chosen:
            negative = draw(st.booleans())
            name = {"eq": "ne"}.get(operator, f"not_{operator}") if negative else operator
            if operator == "in":
                result[name] = draw(st.lists(texts, min_size=1, max_size=4))
            else:
                result[name] = draw(
                    st.sampled_from(["a+", "^x$", r"\d"]) if operator == "matches" else texts
                )
        if draw(st.booleans()):
            result["ignore_case"] = draw(st.booleans())
        return result
    choices: dict[str, st.SearchStrategy[Any]] = {
        "eq": scalars,
        "ne": scalars,
        "in": st.lists(scalars, min_size=1, max_size=4),
        "not_in": st.lists(scalars, min_size=1, max_size=4),
        "gt": ordered,
        "gte": ordered,
        "lt": ordered,
        "lte": ordered,
        "between": bounds,
        "exists": st.booleans(),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=3, unique=True))
    return {operator: draw(choices[operator]) for operator in chosen}


def _grouped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"any": several}),
        st.fixed_dictionaries({"all": several}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries(
            {"price": operators(), "any": several}, optional={"not": inner, "url": operators()}
        ),
    )


properties = st.dictionaries(
    st.sampled_from([path for path in PATHS if path != "any"]), operators(), min_size=1, max_size=3
)
criteria = st.recursive(properties, _grouped, max_leaves=6)
wheres = st.one_of(st.just({}), criteria)
names = st.one_of(st.sampled_from(NAMES), texts)
conditions = st.one_of(
    st.fixed_dictionaries({"event": names}, optional={"where": wheres}),
    st.fixed_dictionaries({"where": wheres}),
)
patterns = st.one_of(
    conditions, st.lists(conditions, min_size=1, max_size=3).map(lambda items: {"any_of": items})
)


@st.composite
def streams(draw: st.DrawFn) -> dict[str, Any]:
    """A valid stream as plain data, with any of the features."""
    steps = [
        {
            "exclude": draw(patterns),
            **draw(st.fixed_dictionaries({}, optional={"lookback": durations})),
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    copies = 0
    for position in range(draw(st.integers(1, 4))):
        step = dict(draw(patterns))
        copies += 1
        option = draw(st.sampled_from(["none", "within", "at_least"]))
        if option == "within" and position:
            step["within"] = draw(durations)
        elif option == "at_least":
            step["at_least"] = draw(st.sampled_from([1, 2, 3, 100]))
            copies += step["at_least"] - 1
        steps += (
            [{"exclude": draw(patterns)} for _ in range(draw(st.integers(0, 2)))]
            if position
            else []
        )
        steps.append(step)
    data: dict[str, Any] = draw(_heads)
    window = draw(st.one_of(durations, st.just("unbounded")))
    if copies > 1 or draw(st.booleans()):
        data["within"] = window
    last = [{"exclude": draw(patterns)} for _ in range(draw(st.integers(0, 2)))]
    for exclude in last:
        if data.get("within", "unbounded") == "unbounded" or draw(st.booleans()):
            exclude["for"] = draw(durations)
    data["steps"] = steps + last
    if copies > 1 and draw(st.booleans()):
        data["exclude"] = draw(st.lists(patterns, min_size=1, max_size=2))
    keys = draw(st.permutations(sorted(data)))
    return {key: data[key] for key in keys}


plain_values = st.recursive(
    st.one_of(
        st.none(),
        texts,
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
_heads = st.fixed_dictionaries(
    {"name": st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)},
    optional={
        "description": texts,
        "enabled": st.booleans(),
        "per": st.sampled_from(
            ["session", "user", ["session", "sku"], ['"user"', "user"], ["user"]]
        ),
        "where": wheres,
        "frequency": st.sampled_from(["once", "every", "per_start", "non_overlapping"]),
        "cooldown": st.fixed_dictionaries(
            {"for": durations},
            optional={"by": st.sampled_from(["key", "session", "user", "props.plan"])},
        ),
        "payload": payloads,
        "destination": destinations,
    },
)
garbage = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.datetimes(), durations),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                texts,
                st.sampled_from(
                    ["name", "steps", "event", "where", "any_of", "exclude", "within", "for", "at_least", "in",
                     "between", "price", "any", "all", "not", "per", "cooldown", "payload", "time", "matches"]
                ),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=25,
)  # fmt: skip # a table reads better in rows
