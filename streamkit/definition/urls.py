"""What an address to send to may look like."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

__all__ = ["UrlProblem", "is_loopback_host", "url_problem"]

LONGEST_URL = 4_000


class UrlProblem(NamedTuple):
    """What is wrong with an address, and what to do; neither repeats the address."""

    message: str
    hint: str | None = None


def url_problem(url: str, *, allow_http: bool = False) -> UrlProblem | None:
    """What is wrong with the form of an address.

    Args:
        url: The address. It may be a secret: no message repeats a part of it.
        allow_http: Whether http is allowed for other hosts than loopback.

    Returns:
        The first problem, or None.

    Example:
        >>> url_problem("http://shop.example/hook").message
        'the address is http, so anybody on the way can read what is sent'
        >>> url_problem("http://127.0.0.1:8000/hook") is None
        True
    """
    if len(url) > LONGEST_URL:
        return UrlProblem(f"the address has more than {LONGEST_URL:,} characters")
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in ' \\"<>^`{|}'):
        return UrlProblem(
            "the address holds a space, a control character or one that is not ASCII",
            "percent-encode it, such as %20 for a space; a host in other letters is written xn--…",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return UrlProblem("the address is not readable as a URL", "write https://host/path")
    if parts.scheme.lower() not in {"https", "http"}:
        return UrlProblem("the address starts with neither https:// nor http://")
    return _parts_problem(parts, port, allow_http=allow_http)


def _parts_problem(parts: SplitResult, port: int | None, *, allow_http: bool) -> UrlProblem | None:
    host = parts.hostname or ""
    if "@" in parts.netloc:
        return UrlProblem(
            "the address holds a user name or password", "use a connection of type basic"
        )
    if parts.fragment:
        return UrlProblem("the address has a part after #, which is never sent", "remove it")
    if port == 0 or parts.netloc.endswith(":"):
        return UrlProblem("the address has no port after the colon", "write a number or no colon")
    problem = _host_problem(host)
    if problem is not None:
        return problem
    if parts.scheme.lower() == "http" and not allow_http and not is_loopback_host(host):
        return UrlProblem(
            "the address is http, so anybody on the way can read what is sent",
            "write https://, or allow_http: true beside the address if that is meant",
        )
    return None


def _host_problem(host: str) -> UrlProblem | None:
    """Odd ways to write an address (decimal, octal, short, with a zone) hide what is meant."""
    if not host or len(host) > 253 or "%" in host:
        return UrlProblem("the address has no host that can be read", "write https://host/path")
    if ":" in host:
        return None if _address(host) else UrlProblem("the address has no readable IPv6 host")
    labels = host.rstrip(".").split(".")
    last = labels[-1]
    if (last.isdigit() or last.startswith("0x")) and not _address(host):
        return UrlProblem(
            "the host is a number in an unusual form", "write an address as 203.0.113.7"
        )
    if not all(0 < len(label) < 64 for label in labels):
        return UrlProblem("the address has no host that can be read", "write https://host/path")
    return None


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine by the way it is written.

    Only `localhost`, 127.0.0.0/8 and ::1 are; any other name that leads to this machine is not.

    Example:
        >>> [is_loopback_host(host) for host in ("localhost", "127.0.0.9", "::1", "a.localhost")]
        [True, True, True, False]
    """
    if host.lower() == "localhost":
        return True
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return address == ipaddress.IPv6Address("::1")
    return address is not None and address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
