"""Snapshots of live sockets: what the kernel knows of each, but not its role."""

import socket
import string
from collections.abc import Iterable
from typing import NamedTuple

from sockets_lab.addresses import Endpoint, endpoint_of
from sockets_lab.kernel import state_of

__all__ = ["LiveSocket", "live_sockets", "snapshot_words"]


class LiveSocket(NamedTuple):
    """One row of a snapshot: what the kernel knows of a socket, but not its role.

    `protocol` is "tcp" or "udp"; `state` is the kernel's word ("LISTEN", "ESTABLISHED"...);
    `local` and `peer` are endpoints of host and port, `peer` is None when the socket has none.
    """

    protocol: str
    state: str
    local: Endpoint
    peer: Endpoint | None


def live_sockets(*sockets: socket.socket) -> list[LiveSocket]:
    """Return a row for each of `sockets`, in their order.

    Raises OSError EBADF for a closed one.
    """
    return [_row(sock) for sock in sockets]


def snapshot_words(rows: Iterable[LiveSocket]) -> str:
    """Return `rows` as a table with letters for port numbers, the same on every run."""
    letters: dict[int, str] = {}
    lines = []
    for row in rows:
        ends = [_lettered(end, letters) for end in (row.local, row.peer)]
        lines.append(f"{row.protocol}  {row.state:<12}{ends[0]:<16}{ends[1]:<16}".rstrip())
    return "\n".join(lines)


def _row(sock: socket.socket) -> LiveSocket:
    protocol = "udp" if sock.type == socket.SOCK_DGRAM else "tcp"
    try:
        peer = endpoint_of(sock.getpeername())
    except OSError:  # ENOTCONN: it has none
        peer = None
    return LiveSocket(protocol, state_of(sock), endpoint_of(sock.getsockname()), peer)


def _lettered(end: Endpoint | None, letters: dict[int, str]) -> str:
    if end is None:
        return "-"
    port = letters.setdefault(end.port, string.ascii_uppercase[len(letters)])
    return f"[{end.host}]:{port}" if ":" in end.host else f"{end.host}:{port}"
