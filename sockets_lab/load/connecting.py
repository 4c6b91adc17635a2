"""Connect many clients, from many source addresses where the machine has them.

A connection is named by its two endpoints. From one address to one listener there are only as many
as there are ephemeral ports (28,232 on Linux, of which those in TIME_WAIT are taken; ip(7)). All of
127.0.0.0/8 is loopback on Linux, so load comes from 127.0.0.2, 127.0.0.3 and so on, each with its
own ports. macOS has only 127.0.0.1 unless configured otherwise, and IPv6 has a single loopback
address, ::1, on every system: there the kernel chooses, and the ports of one address must do.
"""

import errno
import os
import socket
import sys
from collections.abc import Sequence
from functools import cache
from itertools import cycle, islice
from time import monotonic
from typing import Final

from sockets_lab.addresses import Endpoint

__all__ = ["Source", "bound_socket", "connect", "sources_for", "spread", "start_connecting"]

_PER_SOURCE: Final = 2_000
_BIND_NO_PORT: Final = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)  # Python 3.12 has the name

_UNDER_WAY: Final = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)}

Source = str | None


def sources_for(target: Endpoint, connections: int) -> tuple[str, ...]:
    """Return source addresses for connections to `target`; none where the kernel chooses."""
    if target.family != socket.AF_INET or not _has_many():
        return ()
    wanted = -(-connections // _PER_SOURCE)
    return tuple(f"127.0.0.{2 + number}" for number in range(min(wanted, 250)))


def spread(sources: Sequence[str], connections: int) -> list[Source]:
    """Return a source address for each connection, in turn; None where the kernel chooses."""
    return list(islice(cycle(sources or (None,)), connections))


def connect(sock: socket.socket, target: Endpoint, until: float) -> None:
    """Connect a socket that `bound_socket` created, and make it non-blocking.

    until: the value of `monotonic()` at which to give up. OSError comes from the kernel untouched:
    ECONNREFUSED, EADDRNOTAVAIL (no port is left); TimeoutError at `until`.
    """
    sock.settimeout(max(0.001, until - monotonic()))
    sock.connect(_sockaddr(target))
    sock.setblocking(False)


def start_connecting(sock: socket.socket, target: Endpoint) -> None:
    """Make a socket that `bound_socket` created non-blocking, and begin to connect it.

    OSError for what connect(2) reports immediately (EADDRNOTAVAIL); other errors come with the
    first use of the socket.
    """
    sock.setblocking(False)
    code = sock.connect_ex(_sockaddr(target))
    if code not in _UNDER_WAY:
        raise OSError(code, os.strerror(code))


def bound_socket(target: Endpoint, source: Source) -> socket.socket:
    """Create a socket for a connection to `target` from `source`; the caller closes it.

    OSError comes from the kernel untouched: EMFILE.
    """
    sock = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        # Without it the end of a long request could wait for an ACK of its middle (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            # Without it bind() would take a port that no other connection of this address shares.
            sock.setsockopt(socket.IPPROTO_IP, _BIND_NO_PORT, 1)
            sock.bind((source, 0))
    except BaseException:
        sock.close()
        raise
    return sock


def _sockaddr(target: Endpoint) -> tuple[str, int] | tuple[str, int, int, int]:
    if target.family == socket.AF_INET:
        return (target.host, target.port)
    return (target.host, target.port, 0, target.scope_id)


@cache
def _has_many() -> bool:
    """Return True if a loopback address beyond 127.0.0.1 can be bound."""
    if sys.platform != "linux":  # bind() chooses the port there, so more addresses gain nothing
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.2", 0))
    except OSError:
        return False
    return True
