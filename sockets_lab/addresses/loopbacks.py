"""The addresses by which a machine reaches itself, and a probe for IPv6."""

import os
import socket
from functools import cache
from ipaddress import IPv6Address

from sockets_lab.addresses.numeric import numeric

__all__ = ["ipv6_works", "is_loopback", "loopback"]


def loopback(family: socket.AddressFamily) -> str:
    """Return the address by which a machine reaches itself: "127.0.0.1" or "::1" (RFC 6890)."""
    if family == socket.AF_INET:
        return "127.0.0.1"
    if family == socket.AF_INET6:
        return "::1"
    raise ValueError(f"{family!r} has no loopback address; give AF_INET or AF_INET6")


def is_loopback(host: str) -> bool:
    """Return True for a loopback address: 127.0.0.0/8, ::1, or an IPv4-mapped one.

    ValueError for a name: `resolve` it first, and check its addresses.
    """
    address = numeric(host.partition("%")[0])
    # Python before 3.13 does not look inside ::ffff:127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def ipv6_works() -> bool:
    """Return True if this machine can really bind the IPv6 loopback address.

    `socket.has_ipv6` only says how Python was built. SOCKETS_LAB_WITHOUT=ipv6 makes this False.
    """
    switched_off = os.environ.get("SOCKETS_LAB_WITHOUT", "").split(",")
    return "ipv6" not in (name.strip() for name in switched_off) and _binds_ipv6()


@cache
def _binds_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
