"""Connect many clients, from many source addresses where the machine has them.

A connection is named by its two endpoints. From one address to one listener there are only as many
as there are ephemeral ports (28,232 on Linux, of which those in TIME_WAIT are taken; ip(7)). All of
127.0.0.0/8 is loopback on Linux, so load takes 127.0.0.2, 127.0.0.3 and so on, each with ports of
its own. macOS has only 127.0.0.1 unless told otherwise, and IPv6 has a single loopback address,
::1, on every system: there the kernel chooses, and the ports of one address must do.
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
    """The source addresses for so many connections to `target`; none where the kernel chooses."""
    if target.family != socket.AF_INET or not _has_many():
        return ()
    wanted = -(-connections // _PER_SOURCE)
    return tuple(f"127.0.0.{2 + number}" for number in range(min(wanted, 250)))


def spread(sources: Sequence[str], connections: int) -> list[Source]:
    """A source address for each connection, in turn; None where the kernel chooses."""
    return list(islice(cycle(sources or (None,)), connections))


def connect(sock: socket.socket, target: Endpoint, until: float) -> None:
    """Connect a socket that `bound_socket` made, and make it not blocking.

    until: what `monotonic()` says when to give up. OSError comes from the kernel untouched:
    ECONNREFUSED, EADDRNOTAVAIL (no port is left); TimeoutError at `until`.
    """
    sock.settimeout(max(0.001, until - monotonic()))
    sock.connect(_sockaddr(target))
    sock.setblocking(False)


def start_connecting(sock: socket.socket, target: Endpoint) -> None:
    """Begin to connect a socket that `bound_socket` made, and make it not blocking.

    Raises what the kernel says at once (EADDRNOTAVAIL); the rest comes with the first use.
    """
    sock.setblocking(False)
    code = sock.connect_ex(_sockaddr(target))
    if code not in _UNDER_WAY:
        raise OSError(code, os.strerror(code))


def bound_socket(target: Endpoint, source: Source) -> socket.socket:
    """A socket for a connection to `target` from `source`, which the caller closes.

    OSError comes from the kernel untouched: EMFILE.
    """
    sock = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        # Else the end of a long request could wait for an acknowledgement of its middle (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            # Else bind() would take a port that no other connection of this address could share.
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
    """Whether this machine has loopback addresses beyond 127.0.0.1, found out by binding one."""
    if sys.platform != "linux":  # where the port must be chosen at bind(), this would gain nothing
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.2", 0))
    except OSError:
        return False
    return True
