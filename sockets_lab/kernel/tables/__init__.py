"""Read the kernel's table of TCP sockets, in the first way that this machine allows."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sockets_lab.capabilities import has
from sockets_lab.kernel.records import Row
from sockets_lab.kernel.tables import netlink, procfs, psutil_table

__all__ = ["Table", "read"]

_BY_PROC: Final = ("the limit of the accept queue",)
_BY_PSUTIL: Final = (
    "the accept queue and its limit",
    "which connections are not accepted yet, and the bytes in them",
    "bytes sent and not acknowledged",
)
_BY_PSUTIL_ALONE: Final = (
    "the accept queue and its limit",
    "connections that are not accepted yet",
    "connections still closing after close(), such as TIME_WAIT",
    "bytes sent and not acknowledged",
)


class Table(NamedTuple):
    """Rows of the kernel's table; `unseen` lists in words what this way of reading cannot show."""

    rows: list[Row]
    unseen: tuple[str, ...] = ()


def read(ports: Collection[int]) -> Table:
    """Return every TCP socket with one of `ports` at either end, also of other processes.

    sock_diag first, since it is the fastest (see `netlink`); /proc/net/tcp where netlink is
    forbidden; psutil where there is no Linux.
    """
    if has("sock-diag"):
        return Table(netlink.rows(ports))
    if has("linux"):
        return Table(procfs.rows(ports), () if has("tcp-info") else _BY_PROC)
    found, are_all = psutil_table.rows(ports)
    return Table(found, _BY_PSUTIL if are_all else _BY_PSUTIL_ALONE)
