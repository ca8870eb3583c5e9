"""A rendered body: frozen bytes, and where secrets go in at the last moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Body"]


@dataclass(frozen=True, slots=True)
class Body:
    r"""The bytes of a body without its secrets.

    A secret has no placeholder in the bytes, because an event could hold the same text: it is
    known by the place where it goes.

    Args:
        content: UTF-8 JSON.
        secrets: Byte offsets in `content`, ascending, each with the reference of the secret whose
            JSON-escaped text goes in there.

    Example:
        >>> body = Body(b'{"token":""}', ((10, "env:CRM_TOKEN"),))
        >>> body.fill({"env:CRM_TOKEN": 'a"b'}.__getitem__)
        b'{"token":"a\\"b"}'
    """

    content: bytes
    secrets: tuple[tuple[int, str], ...] = ()

    def fill(self, resolve: Callable[[str], str]) -> bytes:
        """The bytes to send.

        Args:
            resolve: Gives the text behind a reference.
        """
        parts: list[bytes] = []
        start = 0
        for offset, reference in self.secrets:
            written = json.dumps(resolve(reference), ensure_ascii=False)[1:-1]
            parts += [self.content[start:offset], written.encode()]
            start = offset
        return b"".join([*parts, self.content[start:]])
