"""Third way to the table of TCP sockets: psutil, on every system but Linux.

Windows tells of every socket of the machine; so does Linux, where tests force this way. macOS tells
only root of other processes' sockets: then the table holds this process's own, and nothing of
connections that nobody has accepted or that are still ending after close().
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from sockets_lab.addresses import Endpoint
from sockets_lab.kernel.records import Row

if TYPE_CHECKING:
    from psutil._ntuples import pconn, sconn

__all__ = ["parse", "rows", "sees_every_process"]

_NAMES: Final = {
    "FIN_WAIT1": "FIN_WAIT_1",
    "FIN_WAIT2": "FIN_WAIT_2",
    "CLOSE": "CLOSED",
    "DELETE_TCB": "CLOSED",  # Windows: about to be forgotten
    "BOUND": "CLOSED",
    "NONE": "CLOSED",
}


def rows(ports: Collection[int]) -> list[Row]:
    """Every TCP socket that psutil can see, with one of `ports` as its own or its peer's."""
    parsed = [parse(connection) for connection in _connections() if connection.laddr]
    return [row for row in parsed if row.has_port_of(ports)]


def sees_every_process() -> bool:
    """Whether this user may see the sockets of all processes."""
    import psutil

    try:
        psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return False
    return True


def parse(connection: "sconn | pconn") -> Row:
    """The row that one of psutil's records holds."""
    state = _NAMES.get(connection.status, connection.status)
    peer = Endpoint(*connection.raddr) if connection.raddr and state != "LISTEN" else None
    # Windows gives no descriptor, and names the listener's process for what is not accepted yet.
    held = True if connection.fd >= 0 else None
    return Row(state, Endpoint(*connection.laddr), peer, False if state == "TIME_WAIT" else held)


def _connections() -> "list[sconn] | list[pconn]":
    import psutil

    try:
        return psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return psutil.Process().net_connections("tcp")
