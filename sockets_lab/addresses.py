"""Endpoints of both families: read them, write them, resolve names to them.

An *endpoint* is one end of a conversation: an address and a port. It is not a connection, which
is named by a pair of them. Python hands endpoints around as bare tuples, two long for IPv4 and
four long for IPv6; here they are one record, `Endpoint`, whatever the family.
"""

import os
import socket
from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, cast

__all__ = [
    "Endpoint",
    "Resolved",
    "endpoint_of",
    "format_endpoint",
    "ipv6_works",
    "is_loopback",
    "loopback",
    "parse_endpoint",
    "resolve",
]

LARGEST_PORT = 0xFFFF


class Endpoint(NamedTuple):
    """One end of a conversation: a numeric address, a port and, for link-local IPv6, a scope.

    `str(endpoint)` is "127.0.0.1:80", "[::1]:80" or "[fe80::1%2]:80" (RFC 3986, RFC 4007). The
    scope says which network interface a link-local address belongs to; 0 means none is needed.
    """

    host: str
    port: int
    scope_id: int = 0

    @property
    def family(self) -> socket.AddressFamily:
        """`AF_INET` or `AF_INET6`, told from the address."""
        return _family_of(_address(self.host))

    def __str__(self) -> str:
        return format_endpoint(self)


class Resolved(NamedTuple):
    """One answer of `resolve`: what `socket.socket()` and then `connect()` or `bind()` want."""

    family: socket.AddressFamily
    kind: socket.SocketKind
    protocol: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def endpoint(self) -> Endpoint:
        """The answer's address and port."""
        return endpoint_of(self.sockaddr)


def endpoint_of(sockaddr: Sequence[object]) -> Endpoint:
    """The endpoint in a tuple that `getsockname()`, `getpeername()` or `accept()` gave.

    `sockaddr` is (host, port) for IPv4 and (host, port, flow, scope) for IPv6. TypeError for the
    name of any other kind of socket, ValueError for a port that cannot be.
    """
    if not isinstance(sockaddr, tuple) or len(sockaddr) not in (2, 4):
        raise TypeError(
            f"{sockaddr!r} is no endpoint: give the tuple that getsockname() of an IPv4 or "
            "IPv6 socket returned"
        )
    host, port, *rest = sockaddr
    if not isinstance(host, str):
        raise TypeError(f"the host {host!r} is no text: write it like '127.0.0.1'")
    return Endpoint(host.partition("%")[0], _port(port), cast(int, rest[1]) if rest else 0)


def parse_endpoint(text: str) -> Endpoint:
    """The endpoint written as "127.0.0.1:80", "[::1]:80" or "[fe80::1%2]:80".

    The scope may be a number or the name of an interface of this machine ("%eth0"). Names are not
    looked up: `resolve` does that. ValueError says what is wrong with the text; OSError (ENODEV or
    ENXIO) comes from the kernel for an interface that it does not have.
    """
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text: write an endpoint like '127.0.0.1:80'")
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()):
        raise ValueError(f"{text!r} ends in no port: write it like '127.0.0.1:80' or '[::1]:80'")
    bracketed = host.startswith("[") and host.endswith("]")
    host, percent, scope = host.strip("[]").partition("%")
    address = _address(host)
    if bracketed != isinstance(address, IPv6Address) or (percent and not (bracketed and scope)):
        raise ValueError(
            f"{text!r} cannot be told apart: put an IPv6 address, and only that, in brackets "
            "like '[::1]:80' or '[fe80::1%2]:80'"
        )
    return Endpoint(host, _port(int(port)), _scope(scope) if percent else 0)


def format_endpoint(endpoint: Endpoint) -> str:
    """The endpoint as text, with brackets around an IPv6 address; `parse_endpoint` reads it."""
    host, port, scope_id = endpoint
    if ":" not in host:
        return f"{host}:{port}"
    return f"[{host}%{scope_id}]:{port}" if scope_id else f"[{host}]:{port}"


def resolve(
    host: str | None,
    port: int,
    *,
    family: socket.AddressFamily | None = None,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    passive: bool = False,
) -> tuple[Resolved, ...]:
    """Every address that a name and a port stand for, in the order in which to try them.

    `host` is a name, a numeric address, or None: the loopback address, or with `passive=True` (to
    bind, not to connect) the wildcard. `family` keeps only `AF_INET` or `AF_INET6`.
    `socket.gaierror` comes from the resolver for a name that it cannot find; TypeError and
    ValueError say what is wrong with host or port. See getaddrinfo(3), RFC 6724 for the order.
    """
    if not (host is None or isinstance(host, str)):
        raise TypeError(f"the host {host!r} is no text: write a name or address like '127.0.0.1'")
    found = socket.getaddrinfo(
        host,
        _port(port),
        family=family if family is not None else socket.AF_UNSPEC,
        type=kind,
        flags=socket.AI_PASSIVE if passive else 0,
    )
    return tuple(
        Resolved(family, kind, protocol, cast("tuple[str, int]", sockaddr))
        for family, kind, protocol, _, sockaddr in found
    )


def loopback(family: socket.AddressFamily) -> str:
    """The address by which a machine reaches itself: "127.0.0.1" or "::1" (RFC 6890)."""
    if family == socket.AF_INET:
        return "127.0.0.1"
    if family == socket.AF_INET6:
        return "::1"
    raise ValueError(f"{family!r} has no loopback address: give AF_INET or AF_INET6")


def is_loopback(host: str) -> bool:
    """Whether a numeric address never leaves this machine: 127.0.0.0/8, ::1, or one mapped.

    ValueError for a name: `resolve` it first, for only its addresses can be judged.
    """
    address = _address(host.partition("%")[0])
    # Python before 3.13 does not look inside ::ffff:127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def ipv6_works() -> bool:
    """Whether this machine can really bind the IPv6 loopback address.

    `socket.has_ipv6` only says how Python was built. Set SOCKETS_LAB_WITHOUT=ipv6 to be told no.
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


def _address(host: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(host)
    except ValueError as error:
        raise ValueError(
            f"{host!r} is no numeric address: write one like '127.0.0.1' or '::1', or look the "
            "name up with resolve()"
        ) from error


def _family_of(address: IPv4Address | IPv6Address) -> socket.AddressFamily:
    return socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6


def _port(port: object) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"the port {port!r} is no whole number: write one from 0 to {LARGEST_PORT}")
    if not 0 <= port <= LARGEST_PORT:
        raise ValueError(f"there is no port {port!r}: write a number from 0 to {LARGEST_PORT}")
    return port


def _scope(name: str) -> int:
    return int(name) if name.isdecimal() else socket.if_nametoindex(name)
