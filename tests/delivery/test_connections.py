"""Connections as a file and as objects: read with all problems at once, never showing a secret."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.definition import Stream
from streamkit.delivery.connection_reading import TYPES
from streamkit.delivery.connections import Connection, Connections
from streamkit.delivery.destination import Destination
from streamkit.duration import Duration
from streamkit.errors import DeliveryError, Problem

CANARY = "c4n4ry-5f4e3d"
EVERY_TYPE = """\
# how our endpoints know us
crm: {type: bearer, token: env:CRM_TOKEN}   # renewed each spring
shop:
  type: basic
  username: streamkit
  password: keyring:shop/streamkit
maps: {type: api_key, name: key, value: file:/run/secrets/maps, in: query}
erp:
  type: oauth2
  token_url: https://login.example/token
  client_id: streamkit
  client_secret: env:ERP_SECRET
  scopes: read, write
  client_auth: body
  headers: {X-Tenant: "7"}
hooks: {type: hmac, header: X-Signature, secret: env:NEW, previous_secret: env:OLD, standard_webhooks: true}
open: {type: none}
"""


def problems_of(text: str, folder: Path) -> list[Problem]:
    file = folder / "connections.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeliveryError) as caught:
        Connections.from_file(file)
    assert {problem.file for problem in caught.value.problems} == {str(file)}
    return list(caught.value.problems)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "connections.yaml"
    path.write_text(EVERY_TYPE, encoding="utf-8")
    return path


def test_every_type_is_read(file: Path) -> None:
    """A name each; settings as they are written, scopes as a list."""
    connections = Connections.from_file(file)
    assert connections.names == ("crm", "shop", "maps", "erp", "hooks", "open")
    assert connections["crm"] == Connection("bearer", token="env:CRM_TOKEN")  # noqa: S106 # a reference
    assert connections["maps"] == Connection(
        "api_key", name="key", value="file:/run/secrets/maps", in_="query"
    )
    assert connections.entry("erp").get("scopes") == ("read", "write")
    assert connections["erp"].headers == (("X-Tenant", "7"),)
    assert connections["hooks"].sets == ("X-Signature", "X-Signature-Previous")
    assert Connections.from_dict(connections.to_dict()) == connections


def test_json_is_read_too(tmp_path: Path) -> None:
    """Like every file here."""
    path = tmp_path / "connections.json"
    path.write_text('{"crm": {"type": "bearer", "token": "env:A"}}')
    assert Connections.from_file(path).names == ("crm",)


def test_an_empty_file_has_no_connections(tmp_path: Path) -> None:
    """Nothing is wrong with none."""
    path = tmp_path / "connections.yaml"
    path.write_text("# later\n")
    assert len(Connections.from_file(path)) == 0


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Each with its place, its line and its remedy."""
    text = (
        "crm: {type: bearr, token: env:A}\n"
        "shop:\n  type: basic\n  user: a\n  password: env:B\n"
        "maps: {type: api_key, name: Host, value: env:C, in: body}\n"
        "erp:\n  type: oauth2\n  token_url: http://login.example/\n  client_id: a\n"
        "  client_secret: env:B-C\n  client_auth: digest\n  scopes: ['a\"b']\n"
        "hooks: {type: hmac, secret: env:D}\n"
        "other: {type: hmac, secret: env:D, header: webhook-id, headers: {Connection: close}}\n"
        "mine: {type: bearer, token: env:E, headers: {authorization: env:F}}\n"
        "nothing:\n"
        "untyped: {token: env:A}\n"
    )
    found = [(each.code, each.path, each.line) for each in problems_of(text, tmp_path)]
    assert found == [
        ("unknown-value", "crm.type", 1),
        ("missing-key", "shop", 2),
        ("unknown-key", "shop", 4),
        ("unknown-value", "maps.in", 6),
        ("header-form", "maps.name", 6),
        ("url-form", "erp.token_url", 9),
        ("reference-form", "erp.client_secret", 11),
        ("unknown-value", "erp.client_auth", 12),
        ("wrong-kind", "erp.scopes", 13),
        ("missing-key", "hooks", 14),
        ("header-form", "other.header", 15),
        ("header-form", "other.headers", 15),
        ("header-form", "mine.headers", 16),
        ("wrong-kind", "nothing", 17),
        ("missing-key", "untyped", 18),
    ]


def test_near_names(tmp_path: Path) -> None:
    """A misspelt key or type comes with the nearest right one."""
    problems = problems_of("a: {type: bearr}\nb: {type: bearer, tokn: env:A}\n", tmp_path)
    assert problems[0].hint == "did you mean 'bearer'?"
    assert {problem.hint for problem in problems} >= {"did you mean 'token'?"}


@pytest.mark.parametrize(
    "data",
    [
        CANARY,
        [CANARY],
        {"type": "bearer", "token": CANARY},
        {"type": "bearer", "token": [CANARY]},
        {"type": "bearer", "token": {"a": CANARY}},
        {"type": "bearer", "token": f"Bearer env:{CANARY}"},
        {"type": "basic", "username": [CANARY], "password": CANARY},
        {"type": "basic", "username": f"{CANARY}\n", "password": "env:A"},
        {"type": "api_key", "name": "key", "value": CANARY},
        {"type": "oauth2", "token_url": f"https://a:{CANARY}@x.example/", "client_id": "a",
         "client_secret": CANARY},
        {"type": "oauth2", "token_url": f"https://x.example/?secret={CANARY}", "client_id": "a",
         "client_secret": CANARY, "scopes": [f'"{CANARY}']},
        {"type": "hmac", "header": "X-S", "secret": CANARY, "previous_secret": CANARY},
        {"type": "none", "headers": {"Authorization": CANARY}},
        {"type": "none", "headers": CANARY},
    ],
)  # fmt: skip # a table reads better in rows
def test_a_secret_in_plain_text_is_refused_and_not_repeated(data: Any, tmp_path: Path) -> None:
    """In a file, as plain data and as an object; the hint says where to put it."""
    with pytest.raises(DeliveryError) as caught:
        Connections({"crm": data})
    assert CANARY not in str(caught.value)
    if isinstance(data, dict):
        settings = {key: value for key, value in data.items() if key != "type"}
        with pytest.raises(DeliveryError) as caught:
            Connection(data["type"], **settings)
        assert CANARY not in str(caught.value)
    text = f"crm: {CANARY}\nshop: {{type: bearer, token: {CANARY}}}\n"
    assert not any(CANARY in str(each) for each in problems_of(text, tmp_path))


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from(["env:A", "https://x.example/", "X-A", "header", "a:b"]),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)
keys = sorted({"headers", *(key for settings in TYPES.values() for key in settings)})


@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.sampled_from(keys), values))
def test_garbage_is_refused_as_everywhere(type_: str, settings: dict[str, Any]) -> None:
    """Whatever stands there, nothing but a DeliveryError comes of it; what is read reads again."""
    with contextlib.suppress(DeliveryError):
        connections = Connections({"c": {"type": type_, **settings}})
        assert Connections.from_dict(connections.to_dict()) == connections


def test_wrong_syntax_does_not_repeat_it(tmp_path: Path) -> None:
    """Nor do the messages about YAML and JSON themselves."""
    for text in (f"crm: {{token: {CANARY}", f"crm: '{CANARY}\n", f"crm: !x {CANARY}\n"):
        assert not any(CANARY in str(each) for each in problems_of(text, tmp_path))


def test_connections_are_objects() -> None:
    """Made, listed, used again and changed in Python; a change is another value."""
    first = Connections({"crm": Connection("bearer", token="env:A")})  # noqa: S106 # a reference
    second = first.with_entry("shop", {"type": "none"})
    assert (first.names, second.names) == (("crm",), ("crm", "shop"))
    assert dict(second) == {"crm": first["crm"], "shop": Connection("none")}
    with pytest.raises(dataclasses.FrozenInstanceError):
        first["crm"].type = "none"  # type: ignore[misc]
    assert hash(first["crm"]) == hash(Connection("bearer", token="env:A"))  # noqa: S106 # a reference


def test_they_show_references(file: Path) -> None:
    """A connection shows how to make it again; a secret's reference is no secret."""
    connections = Connections.from_file(file)
    for connection in connections.values():
        assert eval(repr(connection)) == connection  # noqa: S307 # made by the test itself
    assert "env:CRM_TOKEN" in repr(connections)


def test_an_unknown_connection_names_the_nearest(file: Path) -> None:
    """And the place in the stream that asks for it."""
    connections = Connections.from_file(file)
    for asked, hint in (("crn", "did you mean 'crm'?"), ("zzz", "the connections are crm, shop")):
        with pytest.raises(DeliveryError) as caught:
            connections.entry(asked, "destination.connection", "a.yaml")
        assert str(hint) in str(caught.value.hint)
        assert str(caught.value).startswith("a.yaml: destination.connection: ")
    with pytest.raises(DeliveryError, match="--connections"):
        Connections().entry("crm")


def test_saving_keeps_comments(file: Path) -> None:
    """What did not change stays as it was written."""
    Connections.from_file(file).with_entry("crm", {"type": "none"}).save(file)
    text = file.read_text()
    assert "# how our endpoints know us" in text
    assert "scopes: " in text
    assert Connections.from_file(file)["crm"] == Connection("none")
    assert Connections.from_file(file)["shop"].get("username") == "streamkit"


def test_saving_a_new_file(tmp_path: Path) -> None:
    """It reads back as what was saved; a file that is not valid is not overwritten."""
    path = tmp_path / "new.yaml"
    connections = Connections({"NO": Connection("api_key", name="k", value="env:A", in_="query")})
    connections.save(path)
    assert Connections.from_file(path) == connections
    path.write_text("a: [")
    with pytest.raises(DeliveryError):
        connections.save(path)
    assert path.read_text() == "a: ["
    Connections().save(tmp_path / "none.yaml")
    assert len(Connections.from_file(tmp_path / "none.yaml")) == 0


def test_checking_references(file: Path) -> None:
    """Which of them lead to something, not what; in settings and headers."""
    values = {"env:CRM_TOKEN": CANARY, "env:NEW": CANARY}

    def read(reference: str) -> str:
        if reference not in values:
            raise DeliveryError(f"{reference}: nothing there")
        return values[reference]

    checks = Connections.from_file(file).check(read)
    found = {(each.owner, each.key): each.found for each in checks}
    assert found == {
        ("crm", "token"): True,
        ("shop", "password"): False,
        ("maps", "value"): False,
        ("erp", "client_secret"): False,
        ("hooks", "secret"): True,
        ("hooks", "previous_secret"): False,
    }
    assert CANARY not in "".join(map(str, checks)) + repr(checks)
    assert str(checks[0]) == "crm: token: env:CRM_TOKEN: found"


def test_destinations_are_filled_in() -> None:
    """What a stream leaves out has the values of the contract."""
    stream = Stream("x", [{"event": "a"}], destination={"url": "env:HOOK", "connection": None})
    destination = Destination.of(stream)
    assert (destination.method, destination.rate, len(destination.delays)) == ("POST", 10, 30)
    assert destination.max_age == Duration.parse("72h")
    assert not destination.allow_http
    assert not destination.allow_private
    more = {"url": "env:HOOK", "retry": [5, "1.5m", 0.5], "max_age": "1h", "rate": 2}
    other = Destination.of(Stream("x", [{"event": "a"}], destination=more))
    assert (other.delays, other.rate, str(other.max_age)) == ((5, 90, 0.5), 2, "1h")
    assert destination.fingerprint != other.fingerprint


def test_a_stream_cannot_override_the_connection() -> None:
    """A header that says who sends is the connection's; all of them are told at once."""
    connections = Connections({"c": Connection("hmac", header="X-Sig", secret="env:A")})  # noqa: S106 # a reference
    headers = {"x-sig": "1", "X-SIG-previous": "2", "X-Other": "3"}
    with pytest.raises(DeliveryError) as caught:
        Destination.of(
            Stream(
                "x",
                [{"event": "a"}],
                destination={"url": "env:HOOK", "connection": "c", "headers": headers},
            ),
            connections,
        )
    assert [each.code for each in caught.value.problems] == ["header-form"] * 2
    with pytest.raises(DeliveryError, match="no destination"):
        Destination.of(Stream("x", [{"event": "a"}]))
