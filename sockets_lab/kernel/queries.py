"""One question about one socket."""

import socket

from sockets_lab.capabilities import Unavailable, require
from sockets_lab.kernel import descriptors
from sockets_lab.kernel.look import look
from sockets_lab.kernel.records import AcceptQueue

__all__ = ["accept_queue", "state_of", "unread", "unsent"]


def state_of(sock: socket.socket) -> str:
    """The state of a socket, as the kernel has it now: "LISTEN", "ESTABLISHED", "CLOSE_WAIT"...

    A closed socket is "CLOSED", unless it was looked at before and the kernel is still ending its
    connection. A UDP socket is "unbound", "bound" or "connected". See `SocketView`.
    """
    descriptors.require_socket(sock)
    if descriptors.is_open(sock) and descriptors.is_stream(sock):
        state = descriptors.state(sock)
        if state not in (None, "CLOSED"):
            return state
    return look(sock)[0].state


def accept_queue(listener: socket.socket) -> AcceptQueue:
    """How many completed connections wait for accept() now, and the limit, in connections.

    The limit is the backlog that listen() was given, cut down to somaxconn; the kernel lets one
    more in than the limit says (tcp(7), listen(2)).

    Raises ValueError if the socket does not listen, OSError (EBADF) if it is closed, Unavailable
    where the kernel does not tell.
    """
    descriptors.require_socket(listener)
    descriptors.descriptor(listener)
    if not descriptors.listens(listener):
        raise ValueError(f"{listener!r} does not listen: call listen() on it first")
    queue = descriptors.accept_queue(listener)
    if queue is not None:
        return queue
    view = look(listener)[0]
    if view.queue is None or view.queue_limit is None:
        require("tcp-info", "the accept queue and its limit")
        raise Unavailable("the kernel does not tell of this accept queue")
    return AcceptQueue(view.queue, view.queue_limit)


def unread(sock: socket.socket) -> int:
    """Bytes that arrived and were not read yet (of UDP: the size of the next datagram).

    Raises OSError (EBADF) for a closed socket, (EINVAL) for a listener, Unavailable on Windows.
    """
    descriptors.require_socket(sock)
    number = descriptors.bytes_unread(sock)
    if number is None:
        raise Unavailable("bytes unread cannot be counted on this system: receive them instead")
    return number


def unsent(sock: socket.socket) -> int:
    """Bytes sent and not acknowledged by the other end's kernel yet (TCP on Linux).

    Raises OSError (EBADF) for a closed socket, (EINVAL) for a listener, ValueError for a UDP
    socket, Unavailable elsewhere.
    """
    descriptors.require_socket(sock)
    if not descriptors.is_stream(sock):
        raise ValueError(f"{sock!r} is a UDP socket: nothing of it is ever acknowledged")
    number = descriptors.bytes_unsent(sock)
    if number is None:
        require("linux", "bytes unsent")
        raise Unavailable("bytes unsent are not counted here")
    return number
