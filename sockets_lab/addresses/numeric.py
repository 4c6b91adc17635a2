"""Numeric addresses as objects of the standard library, and errors in words."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["family_of", "numeric"]


def numeric(host: str) -> IPv4Address | IPv6Address:
    """The address that `host` writes, without its scope; ValueError for a name."""
    try:
        return ip_address(host)
    except ValueError as error:
        raise ValueError(
            f"{host!r} is no numeric address: write one like '127.0.0.1' or '::1', or look the "
            "name up with resolve()"
        ) from error


def family_of(host: str) -> socket.AddressFamily:
    """`AF_INET` or `AF_INET6`; ValueError for what is no numeric address."""
    return socket.AF_INET if isinstance(numeric(host), IPv4Address) else socket.AF_INET6
