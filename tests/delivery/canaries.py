"""Secrets that occur nowhere else, and a search for them in whatever is shown or stored.

    canaries = Canaries()
    monkeypatch.setenv("CRM_TOKEN", canaries.make("token"))
    ...                                       # send, print, store
    canaries.assert_absent(text_or_bytes, "where it was found")

The search knows the ways in which a value is written elsewhere: percent-encoded, as JSON, HTML and
Python write it, hexadecimal, and base64 at any of its three offsets (so also inside a longer text
that was encoded as a whole, such as `user:password`).
"""

from __future__ import annotations

import base64
import html
import json
import secrets
from pathlib import Path
from urllib.parse import quote, quote_plus

__all__ = ["Canaries"]


class Canaries:
    """Makes secrets and finds them."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def make(self, name: str, *, odd: bool = False) -> str:
        """A new secret.

        Args:
            name: What it is for; its own characters are not searched for.
            odd: With characters that each encoding writes differently.
        """
        value = f"cnry{secrets.token_hex(10)}"
        self.made[name] = f'{value}/+&"<é>\\ %' if odd else value
        return self.made[name]

    def keep(self, name: str, value: str) -> str:
        """A secret that was made elsewhere."""
        self.made[name] = value
        return value

    def found_in(self, shown: str | bytes) -> dict[str, str]:
        """The secrets in a text or in bytes, each with the form it was found in."""
        data = shown.encode("utf-8", "surrogatepass") if isinstance(shown, str) else shown
        folded = data.lower()
        return {
            name: form.decode("latin-1")
            for name, value in self.made.items()
            for form in sorted(_forms(value))
            if form in data or (form.isalnum() and form.lower() in folded)
        }

    def assert_absent(self, shown: str | bytes, where: str) -> None:
        """Fail if a secret is in a text or in bytes."""
        assert self.made, "there are no canaries to search for"
        found = self.found_in(shown)
        assert not found, f"{where} shows {found}"

    def assert_absent_from_files(self, folder: Path) -> None:
        """Fail if a secret is in any file below a folder."""
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert files, "there are no files to search"
        for file in files:
            self.assert_absent(file.read_bytes(), str(file))


def _forms(value: str) -> set[bytes]:
    data = value.encode()
    texts = {
        value,
        quote(data, safe=""),
        quote(data),
        quote_plus(data),
        html.escape(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        data.hex(),
    }
    forms = {text.encode() for text in texts}
    for offset in range(3):
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * offset + data)
            # the first and last signs also depend on what stands around
            forms.add(whole[(0, 2, 3)[offset] : len(whole) // 4 * 4 - 4])
    return {form for form in forms if len(form) >= 8}
