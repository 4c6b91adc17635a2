"""Take a snapshot of the given sockets and related kernel entries, by role.

The kernel's table is read once, so that all views are of one moment: the sockets given, connections
not accepted yet, far ends, and connections still closing after close(). Only what the table lacks
is read through a socket's descriptor. Rows that have nothing to do with the sockets given are left
out.
"""

import socket
from collections.abc import Callable
from typing import TypeVar

from sockets_lab.kernel import descriptors, tables
from sockets_lab.kernel.records import Row, SocketView
from sockets_lab.kernel.row_index import RowIndex
from sockets_lab.kernel.snapshot import Snapshot
from sockets_lab.kernel.targets import Target, introduce, ports_of, remember, targets_of
from sockets_lab.roles import Roles

__all__ = ["look"]

T = TypeVar("T")


def look(*sockets: socket.socket, roles: Roles | None = None, **named: socket.socket) -> Snapshot:
    """Return the kernel's view, now, of TCP and UDP sockets and of everything connected to them.

    sockets: any number of sockets, also closed ones. named: more, each with its role as keyword,
        with underscores for spaces: `look(listener, client_1=sock)`. roles: roles from earlier;
        they are kept, new sockets are added, and without sockets all of them are looked at.

    The Snapshot holds a view of each socket in the order given, then of every connection of the
    listeners among them (accepted or not), of far ends, and of connections that the kernel is
    still closing after close(), if an earlier look saw them open.

    Changes nothing: reads no byte, clears no error, and does not appear in a recording. Raises
    TypeError or ValueError for anything but a TCP or UDP socket.
    """
    roles = introduce(roles, sockets, named)
    targets = targets_of(roles, (*sockets, *named.values()))
    ports = ports_of(targets)
    table = tables.read(ports) if ports else tables.Table([])
    index = RowIndex(targets, table.rows)
    views = [_view(target, index.take(target), roles) for target in targets]
    others = [_view_of_row(role, row) for role, row in index.others(roles)]
    return Snapshot(views + sorted(others, key=_rank), table.unseen)


def _view(target: Target, row: Row | None, roles: Roles) -> SocketView:
    if not descriptors.is_stream(target.sock):
        return _view_of_datagrams(target)
    state = _state(target, row)
    peer = target.peer or (row.peer if row else None)
    if peer and not target.listens and target.known.part == "socket":
        roles.connecting(target.sock)  # named before it connected: it is a client
    remember(target, peer)
    unread, unsent = _bytes(target, row)
    queue, limit = _queue(target, row) if state == "LISTEN" else (None, None)
    return SocketView(
        role=target.known.role,
        kind="stream",
        state=state,
        local=target.local,
        peer=peer,
        has_descriptor=target.is_open,
        unread=unread,
        unsent=unsent,
        queue=queue,
        queue_limit=limit,
    )


def _view_of_row(role: str, row: Row) -> SocketView:
    return SocketView(
        role=role,
        kind="stream",
        state=row.state,
        local=row.local,
        peer=row.peer,
        has_descriptor=row.held,
        unread=row.unread,
        unsent=row.unsent,
    )


def _view_of_datagrams(target: Target) -> SocketView:
    words = {(False, False): "unbound", (True, False): "bound", (True, True): "connected"}
    state = words[target.local is not None, target.peer is not None]
    return SocketView(
        role=target.known.role,
        kind="datagram",
        state=state if target.is_open else "closed",
        local=target.local,
        peer=target.peer,
        has_descriptor=target.is_open,
        unread=_through_descriptor(descriptors.bytes_unread, target),
    )


def _state(target: Target, row: Row | None) -> str:
    return row.state if row else _through_descriptor(descriptors.tcp_info_state, target) or "CLOSED"


def _bytes(target: Target, row: Row | None) -> tuple[int | None, int | None]:
    unread, unsent = (row.unread, row.unsent) if row else (None, None)
    if unread is None:
        unread = _through_descriptor(descriptors.bytes_unread, target)
    if unsent is None:
        unsent = _through_descriptor(descriptors.bytes_unsent, target)
    return unread, unsent


def _queue(target: Target, row: Row | None) -> tuple[int | None, int | None]:
    if row and row.queue_limit is not None:
        return row.queue, row.queue_limit
    own = _through_descriptor(descriptors.tcp_info_queue, target)
    return own if own else (row.queue if row else None, None)


def _through_descriptor(read: Callable[[socket.socket], T | None], target: Target) -> T | None:
    """Read a value through the socket's descriptor; None if the socket is closed or lacks it."""
    try:
        return read(target.sock) if target.is_open else None
    except OSError:  # another thread closed it, or this kind of socket lacks the value
        return None


def _rank(view: SocketView) -> tuple[str, int]:
    """Sort clients before connections, each by number: "client 2" before "client 10"."""
    name, _, number = view.role.rpartition(" ")
    return (name, int(number)) if number.isdecimal() else (view.role, 0)
