"""Read the table of TCP sockets with psutil, on every system but Linux: the third way.

Windows lists every socket of the machine; so does Linux, where tests force this way. macOS lists
other processes' sockets only for root: without root the table holds this process's own, without
connections that are not accepted yet or are still closing after close().
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import Row

if TYPE_CHECKING:
    from psutil._ntuples import pconn, sconn

__all__ = ["parse", "rows"]

_NAMES: Final = {
    "FIN_WAIT1": "FIN_WAIT_1",
    "FIN_WAIT2": "FIN_WAIT_2",
    "CLOSE": "CLOSED",
    "DELETE_TCB": "CLOSED",  # Windows: about to be deleted
    "BOUND": "CLOSED",
    "NONE": "CLOSED",
}


def rows(ports: Collection[int]) -> tuple[list[Row], bool]:
    """Return the TCP sockets with one of `ports` at either end, and True if these are all.

    They are not all where this user may only see this process's own sockets.
    """
    connections, are_all = _connections()
    parsed = [parse(connection) for connection in connections if connection.laddr]
    return [row for row in parsed if row.has_port_of(ports)], are_all


def parse(connection: "sconn | pconn") -> Row:
    """Convert one of psutil's records."""
    state = _NAMES.get(connection.status, connection.status)
    peer = Endpoint(*connection.raddr) if connection.raddr and state != "LISTEN" else None
    # Windows has no descriptors here, and names the listener's process for unaccepted connections.
    held = True if connection.fd >= 0 else None
    return Row(state, Endpoint(*connection.laddr), peer, False if state == "TIME_WAIT" else held)


def _connections() -> "tuple[Sequence[sconn | pconn], bool]":
    import psutil

    try:
        return psutil.net_connections("tcp"), True
    except psutil.AccessDenied:
        return psutil.Process().net_connections("tcp"), False
