"""Looking: the sockets given and the kernel's table, told in roles.

One reading of the kernel's table serves for everything, so that all views are of one moment: the
sockets given, connections that nobody has accepted yet, far ends, and what is still ending after
close(). Only what the table does not hold is asked through a socket's descriptor. Of the table
only rows are told that have to do with the sockets given, never other programs' business.
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
    """What the kernel says now of some TCP and UDP sockets and of everything connected to them.

    sockets: any number of them, closed ones too. named: more, each under the role it is to have,
        with underscores for spaces: `look(listener, client_1=sock)`. roles: names given earlier;
        they are kept, new sockets are added, and without sockets all that it knows are looked at.

    Gives a Snapshot: a view of each socket in the order given, then of every connection of the
    listeners among them (also of those that nobody has accepted), of far ends, and of what the
    kernel is still ending after close(), as long as it was looked at while it was open.

    Changes nothing: no byte is read, no error cleared, and a recording does not show it. Raises
    TypeError or ValueError in words for what is no TCP or UDP socket.
    """
    roles = introduce(roles, sockets, named)
    subjects = targets_of(roles, (*sockets, *named.values()))
    ports = ports_of(subjects)
    table = tables.read(ports) if ports else tables.Table([])
    scene = RowIndex(subjects, table.rows)
    views = [_view(subject, scene.take(subject), roles) for subject in subjects]
    others = [_view_of_row(role, row) for role, row in scene.others(roles)]
    return Snapshot(views + sorted(others, key=_rank), table.unseen)


def _view(subject: Target, row: Row | None, roles: Roles) -> SocketView:
    if not descriptors.is_stream(subject.sock):
        return _view_of_datagrams(subject)
    state = _state(subject, row)
    peer = subject.peer or (row.peer if row else None)
    if peer and not subject.listens and subject.known.part == "socket":
        roles.connecting(subject.sock)  # named before it connected: it is a client
    remember(subject, peer)
    unread, unsent = _bytes(subject, row)
    queue, limit = _queue(subject, row) if state == "LISTEN" else (None, None)
    return SocketView(
        role=subject.known.role,
        kind="stream",
        state=state,
        local=subject.local,
        peer=peer,
        has_descriptor=subject.is_open,
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


def _view_of_datagrams(subject: Target) -> SocketView:
    words = {(False, False): "unbound", (True, False): "bound", (True, True): "connected"}
    state = words[subject.local is not None, subject.peer is not None]
    return SocketView(
        role=subject.known.role,
        kind="datagram",
        state=state if subject.is_open else "closed",
        local=subject.local,
        peer=subject.peer,
        has_descriptor=subject.is_open,
        unread=_asked(descriptors.bytes_unread, subject),
    )


def _state(subject: Target, row: Row | None) -> str:
    return row.state if row else _asked(descriptors.state, subject) or "CLOSED"


def _bytes(subject: Target, row: Row | None) -> tuple[int | None, int | None]:
    unread, unsent = (row.unread, row.unsent) if row else (None, None)
    if unread is None:
        unread = _asked(descriptors.bytes_unread, subject)
    if unsent is None:
        unsent = _asked(descriptors.bytes_unsent, subject)
    return unread, unsent


def _queue(subject: Target, row: Row | None) -> tuple[int | None, int | None]:
    if row and row.queue_limit is not None:
        return row.queue, row.queue_limit
    own = _asked(descriptors.accept_queue, subject)
    return own if own else (row.queue if row else None, None)


def _asked(question: Callable[[socket.socket], T | None], subject: Target) -> T | None:
    """The answer through the socket's descriptor; None if it has none (any more)."""
    try:
        return question(subject.sock) if subject.is_open else None
    except OSError:  # another thread closed it, or this kind of socket has no answer
        return None


def _rank(view: SocketView) -> tuple[str, int]:
    """Clients before connections, each by number: "client 2" before "client 10"."""
    name, _, number = view.role.rpartition(" ")
    return (name, int(number)) if number.isdecimal() else (view.role, 0)
