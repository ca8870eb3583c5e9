"""Random valid destinations as plain data, with every key."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["destinations"]

lines = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="${"), max_size=8
)
header_names = st.sampled_from(
    ["X-Source", "x-team", "Content-Type", "Accept", "NO", "1.10", "x_y"]
)
references = st.sampled_from(
    ["env:HOOK", "keyring:crm/token", "file:/run/secrets/hook", "keyring:a/b/c"]
)
addresses = st.sampled_from(
    ["https://crm.example/hook", "https://crm.example:8443/a?b=c%20d&e", "http://127.0.0.1:8000/",
     "http://localhost/x", "http://[::1]:9/x", "HTTPS://CRM.EXAMPLE", "https://203.0.113.7/x"]
)  # fmt: skip # a table reads better in rows
headers = st.dictionaries(
    header_names,
    st.one_of(lines.filter(lambda text: ":" not in text), references),
    max_size=3,
)
durations = st.sampled_from(["1s", "90s", "10m", "24h", "1.5h"])
seconds = st.one_of(st.integers(0, 86_400), st.floats(0, 86_400, allow_nan=False), durations)
destinations = st.fixed_dictionaries(
    {"url": st.one_of(addresses, references)},
    optional={
        "method": st.sampled_from(["POST", "PUT", "PATCH"]),
        "connection": st.sampled_from(["crm", "NO", "my connection", "é✓", "1.10"]),
        "headers": headers,
        "retry": st.one_of(
            st.sampled_from(["standard", "quick", "none"]), st.lists(seconds, max_size=30)
        ),
        "rate": st.one_of(st.integers(1, 1000), st.floats(0.01, 1000)),
        "max_age": durations,
        "allow_http": st.booleans(),
        "allow_private": st.booleans(),
    },
)
