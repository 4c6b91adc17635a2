"""Third way to the table of TCP sockets: psutil, on every system but Linux.

Windows tells of every socket of the machine; so does Linux, where tests force this way. macOS tells
only root of other processes' sockets: then the table holds this process's own, and nothing of
connections that nobody has accepted or that are still ending after close().
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
    "DELETE_TCB": "CLOSED",  # Windows: about to be forgotten
    "BOUND": "CLOSED",
    "NONE": "CLOSED",
}


def rows(ports: Collection[int]) -> tuple[list[Row], bool]:
    """TCP sockets with one of `ports` as their own or their peer's; and whether these are all.

    They are not where this user may only see this process's own sockets.
    """
    connections, are_all = _connections()
    parsed = [parse(connection) for connection in connections if connection.laddr]
    return [row for row in parsed if row.has_port_of(ports)], are_all


def parse(connection: "sconn | pconn") -> Row:
    """The row that one of psutil's records holds."""
    state = _NAMES.get(connection.status, connection.status)
    peer = Endpoint(*connection.raddr) if connection.raddr and state != "LISTEN" else None
    # Windows gives no descriptor, and names the listener's process for what is not accepted yet.
    held = True if connection.fd >= 0 else None
    return Row(state, Endpoint(*connection.laddr), peer, False if state == "TIME_WAIT" else held)


def _connections() -> "tuple[Sequence[sconn | pconn], bool]":
    import psutil

    try:
        return psutil.net_connections("tcp"), True
    except psutil.AccessDenied:
        return psutil.Process().net_connections("tcp"), False
