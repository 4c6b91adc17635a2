"""Numeric addresses as objects of the standard library, with helpful errors."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["family_of", "numeric"]


def numeric(host: str) -> IPv4Address | IPv6Address:
    """Return the address in `host`, written without a scope; ValueError for a name."""
    try:
        return ip_address(host)
    except ValueError as error:
        raise ValueError(
            f"{host!r} is not a numeric address; write one like '127.0.0.1' or '::1', or look the "
            "name up with resolve()"
        ) from error


def family_of(host: str) -> socket.AddressFamily:
    """Return `AF_INET` or `AF_INET6`; ValueError if `host` is not a numeric address."""
    return socket.AF_INET if isinstance(numeric(host), IPv4Address) else socket.AF_INET6
