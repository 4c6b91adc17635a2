"""From a name to its addresses."""

import socket
from typing import NamedTuple, cast

from sockets_lab.addresses.endpoints import Endpoint, check_port, endpoint_of

__all__ = ["Resolved", "resolve"]


class Resolved(NamedTuple):
    """One answer of `resolve`: what `socket.socket()` and then `connect()` or `bind()` take."""

    family: socket.AddressFamily
    kind: socket.SocketKind
    protocol: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def endpoint(self) -> Endpoint:
        """Return the answer's address and port."""
        return endpoint_of(self.sockaddr)


def resolve(
    host: str | None,
    port: int,
    *,
    family: socket.AddressFamily | None = None,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    passive: bool = False,
) -> tuple[Resolved, ...]:
    """Return every address of a name, with the port, in the order in which to try them.

    `host` is a name, a numeric address, or None: the loopback address, or with `passive=True` (to
    bind, not to connect) the wildcard. `family` keeps only `AF_INET` or `AF_INET6`.
    `socket.gaierror` comes from the resolver for a name that it cannot find; TypeError and
    ValueError for an invalid host or port. See getaddrinfo(3), RFC 6724 for the order.
    """
    if not (host is None or isinstance(host, str)):
        raise TypeError(f"the host must be a string, not {host!r}; for example '127.0.0.1'")
    found = socket.getaddrinfo(
        host,
        check_port(port),
        family=family if family is not None else socket.AF_UNSPEC,
        type=kind,
        flags=socket.AI_PASSIVE if passive else 0,
    )
    return tuple(
        Resolved(family, kind, protocol, cast("tuple[str, int]", sockaddr))
        for family, kind, protocol, _, sockaddr in found
    )
