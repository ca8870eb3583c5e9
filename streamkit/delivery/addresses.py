"""Which addresses nothing is sent to, so that no stream can reach into a network from inside.

A name is resolved once, every address it leads to is checked, and the connection goes to a checked
address and nowhere else: an answer that changes between the check and the connection has no effect.

The list is written out: Python's `is_global` calls some addresses global that lead back inside
(NAT64 and 6to4 wrappings of private addresses, multicast, the old site-local block). Of IPv6 only
2000::/3 is in use for the public internet, so all else is refused. Sources: the IANA registries of
special-purpose addresses for IPv4 and IPv6 (RFC 6890 and its updates).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from streamkit.definition.urls import is_loopback_host

__all__ = ["NEVER_KINDS", "Resolver", "allowed_addresses", "refusal", "resolve_host"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host and port; raises OSError where the name leads nowhere."""


def _networks(table: dict[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple(
        (ipaddress.ip_network(network), kind)
        for kind, networks in table.items()
        for network in networks.split()
    )


NEVER = _networks(
    {
        "the metadata address of a cloud": "169.254.169.254/32 169.254.170.0/24 100.100.100.200/32"
        " 168.63.129.16/32 192.0.0.192/32 fd00:ec2::/32 fd20:ce::254/128",
        "the address of no host": "0.0.0.0/8 ::/128",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "a reserved address": "240.0.0.0/4",
    }
)
"""Refused whatever is allowed: no webhook receiver lives there."""
NEVER_KINDS = frozenset(kind for _, kind in NEVER)

PRIVATE = _networks(
    {
        "this machine": "127.0.0.0/8 ::1/128",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7"
        " fec0::/10",
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "an address for tests and documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24"
        " 198.18.0.0/15 2001:db8::/32 3fff::/20",
        "a reserved address": "192.0.0.0/24 192.88.99.0/24 100::/64 5f00::/16",
        "an IPv4 address wrapped in IPv6": "::ffff:0:0/96 ::/96 64:ff9b::/96 64:ff9b:1::/48"
        " 2002::/16 2001::/32 ::ffff:0:0:0/96",
        "a special address": "2001::/23",
    }
)
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
ENDING_IN_IPV4 = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96"))
)
"""NAT64 and its kin: the last four bytes are the IPv4 address that is reached."""


def refusal(address: str, *, loopback: bool = False, allow_private: bool = False) -> str | None:
    """Why nothing is sent to an address.

    Args:
        address: In the plain form of IPv4 or IPv6.
        loopback: Whether this machine is meant, and therefore nothing else.
        allow_private: Whether addresses inside a network are allowed.

    Returns:
        What the address is, or None where it may be used.

    Example:
        >>> refusal("::ffff:10.0.0.1"), refusal("10.0.0.1", allow_private=True)
        ('an IPv4 address wrapped in IPv6', None)
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an address"
    for each in (found, *_wrapped(found)):
        for network, kind in NEVER:
            if each in network:
                return kind
    if loopback:
        own = found.is_loopback
        return None if own or allow_private else "not this machine, although it is called localhost"
    if allow_private:
        return None
    for network, kind in PRIVATE:
        if found in network:
            return kind
    if found.version == 6 and found not in PUBLIC_IPV6:
        return "an IPv6 address outside the public internet"
    return None


def _wrapped(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address carries and may lead to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    low = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address in network for network in ENDING_IN_IPV4) or 1 < int(address) < 1 << 32:
        found.append(low)
    return [each for each in found if each is not None]


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system resolves it, each once.

    Raises:
        OSError: The name leads nowhere.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("no such host") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def allowed_addresses(
    host: str, port: int, resolver: Resolver, *, allow_private: bool
) -> tuple[Sequence[str], str | None]:
    """The addresses of a host, or why none of them may be used.

    A single refused address refuses the host: which of several is taken must not be left to chance.

    Returns:
        The addresses and None, or nothing and what is wrong.

    Raises:
        OSError: The name leads nowhere.
    """
    loopback = is_loopback_host(host)
    try:
        addresses: Sequence[str] = (str(ipaddress.ip_address(host)),)
    except ValueError:
        addresses = await resolver(host, port)
    if not addresses:
        raise OSError("no such host")
    for address in addresses:
        reason = refusal(address, loopback=loopback, allow_private=allow_private)
        if reason is not None:
            return (), reason
    return addresses, None
