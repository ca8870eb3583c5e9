"""Random payloads: valid mappings of every call, and garbage that looks like one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from streamkit.definition.payload_calls import CALLS

__all__ = ["context_paths", "garbage_mappings", "mappings", "payloads", "plain_values"]

PROPERTIES = ("price", "tags", "props", "props.a", "props.b.0", '"od d"', "missing")
context_paths = st.one_of(
    st.builds(
        lambda step, path: f"event.{step}.{path}",
        st.sampled_from([0, "first", "last"]),
        st.sampled_from(PROPERTIES),
    ),
    st.sampled_from(
        ["match.id", "match.fired_at", "match.duration", "key", "key.0", "stream.name", "user.id",
         "user.email", "session.id", "session.event_count", "session.last.price", "session.duration"]
    ),
)  # fmt: skip
texts = st.one_of(
    st.sampled_from(["", "a", "42", "-1.5", "true", "F", " x ", ",", "2026-01-31T00:00:00Z", "é✓😀", "\x00\u2028"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)  # fmt: skip
numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(st.none(), st.booleans(), texts, numbers)
plain_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=6,
)


def _call(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    @st.composite
    def call(draw: st.DrawFn) -> list[Any]:
        name = draw(st.sampled_from([name for name in CALLS if name != "secret"]))
        if name == "var":
            return ["var", draw(context_paths), *draw(st.lists(inner, max_size=1))]
        if name == "literal":
            return ["literal", draw(plain_values)]
        if name == "formatTime":
            return [
                "formatTime",
                draw(inner),
                "%Y-%m-%d %H:%M:%S.%f %j %A %b %p %z",
                "Europe/Berlin",
            ]
        least, most = CALLS[name].least, CALLS[name].most
        arguments = st.lists(inner, min_size=least, max_size=least + 3 if most is None else most)
        return [name, *draw(arguments)]

    return call()


mappings = st.recursive(
    st.one_of(scalars, context_paths.map(lambda path: ["var", path])),
    lambda inner: st.one_of(
        _call(inner),
        st.dictionaries(texts, inner, max_size=4),
        st.lists(inner, max_size=4).map(lambda items: ["list", *items]),
        st.lists(inner, max_size=3).filter(
            lambda items: not items or not isinstance(items[0], str)
        ),
    ),
    max_leaves=12,
)
"""Mappings whose form is right; they may ask for what an event does not have."""
garbage_mappings = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(texts, inner, max_size=3),
        st.builds(
            lambda name, items: [name, *items],
            st.sampled_from([*CALLS, "param", "limit", "vra"]),
            st.lists(inner, max_size=4),
        ),
        st.builds(lambda path: ["var", path], st.one_of(texts, context_paths)),
    ),
    max_leaves=12,
)
"""Any JSON, with the names of calls now and then."""
fields = st.lists(
    st.builds(
        lambda step, path, name: {"step": step, "property": path, "as": name},
        st.sampled_from([0, "first", "last"]),
        st.sampled_from(PROPERTIES),
        texts,
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row["as"],
)
missing = {"missing": st.sampled_from(["as_null", "omit", "error"])}
payloads = st.one_of(
    st.fixed_dictionaries(
        {"json": mappings.filter(lambda mapping: not isinstance(mapping, str))}, optional=missing
    ),
    st.fixed_dictionaries({"fields": fields}, optional=missing),
    st.fixed_dictionaries(
        {"template": st.just("slack"), "with": st.fixed_dictionaries({"text": mappings})}
    ),
)
"""Payloads whose form is right."""
