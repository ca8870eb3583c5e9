"""`HOST:PORT`: reading it, and listening there."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self

from streamkit.errors import EventsError

__all__ = ["Address"]

TEXT = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:\s]+)):([0-9]{1,5})", re.ASCII)
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Args:
        host: A name or an IP address.
        port: The port; 0 for any that is free.
        found: The socket addresses that the host stands for.
    """

    host: str
    port: int
    found: tuple[tuple[socket.AddressFamily, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST:PORT`; an IPv6 address is in brackets.

        Raises:
            EventsError: Not of that form, or no such host.

        Example:
            >>> address = Address.parse("[::1]:8080")
            >>> address.host, address.port, address.is_loopback
            ('::1', 8080, True)
        """
        parts = TEXT.fullmatch(text) if isinstance(text, str) else None
        if parts is None or int(parts[3]) > 65_535:
            raise EventsError(
                f"{str(text)[:100]!r} is no address to listen on",
                code="bad-address",
                hint="write HOST:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
            )
        host, port = parts[1] or parts[2], int(parts[3])
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise EventsError(
                f"no host {host!r} is known",
                code="bad-address",
                hint="listen on an address of this machine, such as 127.0.0.1",
            ) from None
        found = ((family, str(place[0])) for family, _, _, _, place in infos)
        return cls(host, port, tuple(dict.fromkeys(found)))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine get there."""
        return all(ipaddress.ip_address(place).is_loopback for _, place in self.found)

    def listen(self) -> tuple[list[socket.socket], Address]:
        """Listen at once, so that who connects from now on is heard.

        Returns:
            The sockets, and the address with the port that was taken.

        Raises:
            EventsError: The port is taken, or the address is not this machine's.
        """
        sockets: list[socket.socket] = []
        port = self.port
        for family, place in self.found:
            each = socket.socket(family, socket.SOCK_STREAM)
            try:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                each.bind((place, port))
                each.listen(BACKLOG)
            except OSError as error:
                each.close()
                if sockets and error.errno != errno.EADDRINUSE:
                    continue  # a name may stand for IPv6 too where the machine has none
                for opened in sockets:
                    opened.close()
                raise EventsError(
                    f"cannot listen on {self}: {error.strerror or error}",
                    code="cannot-listen",
                    hint="another program has the port, or the address is not this machine's;"
                    " take another port, or 0 for any",
                ) from None
            sockets.append(each)
            port = each.getsockname()[1]
        return sockets, Address(self.host, port, self.found)
