"""Endpoints of both families: read them and write them.

An *endpoint* is one end of a connection: an address and a port. A connection is identified by a
pair of them. Python passes endpoints as plain tuples, of two items for IPv4 and four for IPv6; here
they are one record, `Endpoint`, for both families.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import NamedTuple, cast

from sockets_lab.addresses.numeric import family_of, numeric

__all__ = ["Endpoint", "check_port", "endpoint_of", "format_endpoint", "parse_endpoint"]

LARGEST_PORT = 0xFFFF


class Endpoint(NamedTuple):
    """One end of a connection: a numeric address, a port and, for link-local IPv6, a scope.

    `str(endpoint)` is "127.0.0.1:80", "[::1]:80" or "[fe80::1%2]:80" (RFC 3986, RFC 4007). The
    scope is the network interface that a link-local address belongs to; 0 means none is needed.
    """

    host: str
    port: int
    scope_id: int = 0

    @property
    def family(self) -> socket.AddressFamily:
        """Return `AF_INET` or `AF_INET6`, as the address says."""
        return family_of(self.host)

    def __str__(self) -> str:
        return format_endpoint(self)


def endpoint_of(sockaddr: Sequence[object]) -> Endpoint:
    """Return the endpoint in a tuple from `getsockname()`, `getpeername()` or `accept()`.

    `sockaddr` is (host, port) for IPv4 and (host, port, flow, scope) for IPv6. TypeError for the
    address of any other kind of socket, ValueError for a port out of range.
    """
    if not isinstance(sockaddr, tuple) or len(sockaddr) not in (2, 4):
        raise TypeError(
            f"{sockaddr!r} is not an endpoint; give a tuple that getsockname() of an IPv4 or "
            "IPv6 socket returned"
        )
    host, port, *rest = sockaddr
    if not isinstance(host, str):
        raise TypeError(f"the host must be a string, not {host!r}; for example '127.0.0.1'")
    return Endpoint(host.partition("%")[0], check_port(port), cast(int, rest[1]) if rest else 0)


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint written as "127.0.0.1:80", "[::1]:80" or "[fe80::1%2]:80".

    The scope may be a number or the name of an interface of this machine ("%eth0"). Names are not
    looked up: `resolve` does that. ValueError describes what is wrong with the text; OSError
    (ENODEV or ENXIO) comes from the kernel for an interface that it does not have.
    """
    if not isinstance(text, str):
        raise TypeError(f"an endpoint must be a string, not {text!r}; for example '127.0.0.1:80'")
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()):
        raise ValueError(f"{text!r} does not end in a port; write '127.0.0.1:80' or '[::1]:80'")
    bracketed = host.startswith("[") and host.endswith("]")
    host, percent, scope = host.strip("[]").partition("%")
    address = numeric(host)
    if bracketed != isinstance(address, IPv6Address) or (percent and not (bracketed and scope)):
        raise ValueError(
            f"{text!r} is ambiguous; put an IPv6 address, and only an IPv6 address, in brackets, "
            "for example '[::1]:80' or '[fe80::1%2]:80'"
        )
    return Endpoint(host, check_port(int(port)), _scope(scope) if percent else 0)


def format_endpoint(endpoint: Endpoint) -> str:
    """Return the endpoint as text that `parse_endpoint` reads, an IPv6 address in brackets."""
    host, port, scope_id = endpoint
    if ":" not in host:
        return f"{host}:{port}"
    return f"[{host}%{scope_id}]:{port}" if scope_id else f"[{host}]:{port}"


def check_port(port: object) -> int:
    """Return `port`; raise TypeError or ValueError unless it is an integer from 0 to 65,535."""
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"the port must be an integer from 0 to {LARGEST_PORT}, not {port!r}")
    if not 0 <= port <= LARGEST_PORT:
        raise ValueError(f"the port must be from 0 to {LARGEST_PORT}, not {port!r}")
    return port


def _scope(name: str) -> int:
    return int(name) if name.isdecimal() else socket.if_nametoindex(name)
