"""References, what is behind them, and hiding it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from streamkit.delivery.secrets import MASK, Masker, Secrets
from streamkit.errors import DeliveryError
from streamkit.references import resolve

from .sending import VirtualClock


class InMemory(KeyringBackend):
    """A keyring as systems have one, without a system."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringError("locked")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def ring() -> Iterator[InMemory]:
    before, own = keyring.get_keyring(), InMemory()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


def test_each_kind_of_reference(
    ring: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment variable, a keyring's entry, a file's text without the line end at its end."""
    monkeypatch.setenv("CRM_TOKEN", "from-env\n")
    ring.set_password("https://crm/api", "token", "from-keyring")
    (tmp_path / "token").write_bytes(b"from file\r\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve("env:CRM_TOKEN") == "from-env"
    assert resolve("keyring:https://crm/api/token") == "from-keyring"
    for path in (tmp_path / "token", "~/token", "token"):
        assert resolve(f"file:{path}") == "from file"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE is not set"),
        ("env:EMPTY", "env:EMPTY is empty"),
        ("file:/no/such/file", "/no/such/file cannot be read: No such file"),
        ("file:.", "cannot be read: Is a directory"),
        ("file:binary", "is not UTF-8 text"),
        ("file:large", "larger than 64 KiB"),
        ("keyring:crm/token", "no such entry"),
        ("keyring:crm", "followed by service/name"),
        ("token", "no reference"),
        ("env:HALF", "env:HALF is not UTF-8 text"),
    ],
)
def test_nothing_behind_it(
    reference: str, message: str, ring: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the reference and what to do."""
    monkeypatch.setenv("EMPTY", "\n")
    monkeypatch.setenv("HALF", "a\udcffb")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DeliveryError) as caught:
        resolve(reference)
    assert message in str(caught.value)


def test_a_keyring_that_fails(ring: InMemory) -> None:
    """Every system's keyring fails in its own way; here it is one sentence."""
    ring.locked = True
    with pytest.raises(DeliveryError, match="the keyring of this system gives no answer"):
        resolve("keyring:crm/token")


def test_values_are_kept_for_a_minute() -> None:
    """A changed secret is noticed within a minute, and no keyring is asked for every request."""
    clock, values = VirtualClock(), {"env:A": "first-value"}
    secrets = Secrets(clock, values.__getitem__)
    assert secrets.resolve("env:A") == "first-value"
    values["env:A"] = "second-value"
    clock.pass_time(59)
    assert secrets.resolve("env:A") == "first-value"
    clock.pass_time(1)
    assert secrets.resolve("env:A") == "second-value"
    assert secrets.mask("first-value second-value") == f"{MASK} {MASK}"


def test_settings_that_are_no_references() -> None:
    """A value that is no reference stands for itself, and is no secret."""
    secrets = Secrets(reader=dict[str, str]().__getitem__)
    assert secrets.value("client-7") == "client-7"
    assert secrets.mask("client-7") == "client-7"


def test_showing_them_shows_nothing() -> None:
    """Neither the keeper of the values nor the masker shows one."""
    secrets = Secrets(reader={"env:A": "s3cr3t-value"}.__getitem__)
    secrets.resolve("env:A")
    assert repr(secrets) == "Secrets(env:A)"
    assert "s3cr3t" not in repr(secrets.masker)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "percent": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON, Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "HTML": html.escape,
    "Python": repr,
    "Python bytes": lambda text: repr(text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, unpadded": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 of URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30))
def test_every_form_is_hidden(encoding: str, text: str) -> None:
    """As it is, and as URLs, JSON, HTML, Python, base64 and hexadecimal write it."""
    form = ENCODINGS[encoding](text)
    shown = Masker([text]).mask(f"before {form} after")
    inner = form[1:-1] if encoding in {"JSON", "JSON, Unicode", "Python"} else form
    assert inner not in shown
    assert MASK in shown


@given(text=st.text(st.characters(max_codepoint=126), min_size=8, max_size=30))
def test_capitals_make_no_difference(text: str) -> None:
    """Servers that fold a text, and percent-encodings in small letters, hide nothing from it."""
    masker = Masker([text])
    assert masker.mask(text.upper()) == masker.mask(quote(text, safe="").lower()) == MASK


def test_the_longest_secret_is_hidden_first() -> None:
    """One that is part of another leaves no rest of it behind."""
    masker = Masker(["token", "token-and-more"])
    assert masker.mask("token-and-more, token") == f"{MASK}, {MASK}"
    assert Masker().mask("nothing to hide") == "nothing to hide"


def test_old_tokens_are_let_go() -> None:
    """A process that runs for months does not search for every token it ever had."""
    masker = Masker(f"token-{number:04}" for number in range(300))
    assert masker.mask("token-0299 token-0000") == f"{MASK} token-0000"
