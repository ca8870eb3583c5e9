"""Destinations: what is read, what is kept, and that no secret is repeated."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streamkit.definition import Stream, stream_json_schema
from streamkit.definition.destination_reading import DESTINATION_KEYS, RETRY_PROFILES
from streamkit.definition.urls import url_problem
from streamkit.errors import DefinitionError
from streamkit.references import is_reference, reference_problem

from .destination_strategies import destinations
from .strategies import garbage

CANARY = "c4n4ry-9f8e7d"


def stream(destination: Any) -> Stream:
    return Stream.from_dict({"name": "x", "steps": [{"event": "a"}], "destination": destination})


@given(destinations)
def test_a_destination_is_kept_as_it_was_written(destination: dict[str, Any]) -> None:
    """It stays plain data: what is read is what is written, in YAML, JSON and Python alike."""
    read = stream(destination)
    assert read.to_dict()["destination"] == destination
    assert Stream.from_dict(read.to_dict()) == read


@given(
    st.one_of(garbage, st.dictionaries(st.sampled_from(DESTINATION_KEYS), garbage)),
    st.sampled_from(["url", "headers", "retry"]),
)
def test_garbage_is_refused_as_everywhere(value: Any, key: str) -> None:
    """Whatever stands there, nothing but a DefinitionError comes of it."""
    for destination in (value, {"url": "env:X", key: value}):
        with contextlib.suppress(DefinitionError):
            stream(destination)


def test_the_json_schema_describes_every_key() -> None:
    """Editors complete the keys of a destination and explain each."""
    schema = stream_json_schema()["properties"]["destination"]
    assert tuple(schema["properties"]) == DESTINATION_KEYS
    assert all("description" in each for each in schema["properties"].values())
    wrong = {"name": "x", "steps": [{"event": "a"}], "destination": {"url": "env:X", "rate": -1}}
    assert not Draft202012Validator(stream_json_schema()).is_valid(wrong)


def test_the_standard_profile_lasts_five_hours() -> None:
    """5, 10, 20 … 760 seconds, thirty times: about five hours in all."""
    delays = RETRY_PROFILES["standard"]
    assert (len(delays), delays[:3], delays[-1]) == (30, (5, 10, 20), 760)
    assert 4.9 < sum(delays) / 3600 < 5.1


@pytest.mark.parametrize(
    "destination",
    [
        CANARY,
        {"url": f"http://x.example/{CANARY}"},
        {"url": f"https://x.example/hook?token={CANARY}"},
        {"url": f"https://{CANARY}@x.example/"},
        {"url": f"ftp://{CANARY}"},
        {"url": f"https://x.example/ {CANARY}"},
        {"url": f"https://[{CANARY}/"},
        {"url": f"https://x.example:{CANARY}/"},
        {"url": f"https://hooks.slack.com/services/T/B/{CANARY}"},
        {"url": [CANARY]},
        {"url": f"Bearer env:{CANARY}"},
        {"url": "env:X", "headers": CANARY},
        {"url": "env:X", "headers": {"Authorization": f"Bearer {CANARY}"}},
        {"url": "env:X", "headers": {"X-Api-Key": CANARY}},
        {"url": "env:X", "headers": {"X-A": f"{CANARY}\n"}},
        {"url": "env:X", "headers": {"X-A": f" {CANARY}"}},
        {"url": "env:X", "headers": {f"X-A: {CANARY}": "a"}},
    ],
)
def test_a_secret_in_plain_text_is_not_repeated(destination: Any) -> None:
    """What is refused may be a secret: the message says where it is, not what."""
    if isinstance(destination, str):
        destination = {"url": {"a": destination}}
    with pytest.raises(DefinitionError) as caught:
        stream(destination)
    messages = [f"{each.message} {each.hint}" for each in caught.value.problems]
    assert messages
    assert not any(CANARY in message for message in messages)


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("https://crm.example", True),
        ("https://crm.example/a?b=c", True),
        ("https://crm.example./a", True),
        ("https://xn--bcher-kva.example/", True),
        ("http://127.1.2.3/x", True),
        ("http://LOCALHOST:80/x", True),
        ("http://[::1]/x", True),
        ("https://10.0.0.1/x", True),  # refused when it is connected to, unless allow_private
        ("http://localhost.example/x", False),
        ("http://127.0.0.1.example/x", False),
        ("https://bücher.example/", False),
        ("https://2130706433/", False),
        ("https://0177.0.0.1/", False),
        ("https://0x7f000001/", False),
        ("https://127.1/", False),
        ("https://1.2.3.4.5/", False),
        ("https://127.0.0.1./", False),
        ("https://[::1%25lo]/", False),
        ("https://[::ffff:1.2.3.4/", False),
        ("https://[1.2.3.4]/", False),
        ("https:///x", False),
        ("https://a..b/", False),
        ("https://x.example:0/", False),
        ("https://x.example:/", False),
        ("https://x.example:99999/", False),
        ("https://x.example/#part", False),
        ("https://x.example\\@evil.example/", False),
        ("https://x.example/\r\nHost: a", False),
        ("//x.example/", False),
        ("crm.example/hook", False),
        ("javascript:alert(1)", False),
        ("", False),
        ("https://x.example/" + "a" * 4000, False),
    ],
)
def test_addresses(url: str, valid: bool) -> None:
    """An address has one meaning, for every reader of URLs."""
    assert (url_problem(url) is None) is valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("env:A_1", True),
        ("keyring:crm/token", True),
        ("keyring:https://x/y", True),
        ("file:/run/secrets/token", True),
        ("file:a b", True),
        ("env:", False),
        ("env:1A", False),
        ("env:A B", False),
        ("ENV:A", False),
        ("keyring:crm", False),
        ("keyring:/crm", False),
        ("keyring:crm/", False),
        ("file:", False),
        ("file:a\nb", False),
    ],
)
def test_references(text: str, valid: bool) -> None:
    """All of these are meant as references; the ones of a wrong form are refused, not sent."""
    assert is_reference(text)
    assert (reference_problem(text) is None) is valid
