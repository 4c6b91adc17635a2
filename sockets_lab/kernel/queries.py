"""Read one value of one socket."""

import socket

from sockets_lab.capabilities import Unavailable, require
from sockets_lab.kernel import descriptors
from sockets_lab.kernel.look import look
from sockets_lab.kernel.records import AcceptQueue

__all__ = ["accept_queue", "state_of", "unread", "unsent"]


def state_of(sock: socket.socket) -> str:
    """Return the state of a socket in the kernel now: "LISTEN", "ESTABLISHED", "CLOSE_WAIT"...

    A closed socket is "CLOSED", unless an earlier look saw it and the kernel is still closing its
    connection. A UDP socket is "unbound", "bound" or "connected". See `SocketView`.
    """
    descriptors.require_socket(sock)
    if descriptors.is_open(sock) and descriptors.is_stream(sock):
        state = descriptors.tcp_info_state(sock)
        if state not in (None, "CLOSED"):
            return state
    return look(sock)[0].state


def accept_queue(listener: socket.socket) -> AcceptQueue:
    """Return how many completed connections wait for accept() now, and the limit.

    The limit is the backlog passed to listen(), at most somaxconn; the kernel queues one connection
    more than the limit (tcp(7), listen(2)).

    Raises ValueError if the socket is not listening, OSError (EBADF) if it is closed, Unavailable
    where the kernel does not report the queue.
    """
    descriptors.require_socket(listener)
    descriptors.descriptor(listener)
    if not descriptors.listens(listener):
        raise ValueError(f"{listener!r} is not listening: call listen() on it first")
    queue = descriptors.tcp_info_queue(listener)
    if queue is not None:
        return queue
    view = look(listener)[0]
    if view.queue is None or view.queue_limit is None:
        require("tcp-info", "the accept queue and its limit")
        raise Unavailable("the kernel does not report this accept queue")
    return AcceptQueue(view.queue, view.queue_limit)


def unread(sock: socket.socket) -> int:
    """Return the bytes that arrived and are not read yet (UDP: the size of the next datagram).

    Raises OSError (EBADF) for a closed socket, (EINVAL) for a listener, Unavailable on Windows.
    """
    descriptors.require_socket(sock)
    number = descriptors.bytes_unread(sock)
    if number is None:
        raise Unavailable("this system does not count unread bytes: receive them instead")
    return number


def unsent(sock: socket.socket) -> int:
    """Return the bytes sent and not yet acknowledged by the other end's kernel (TCP on Linux).

    Raises OSError (EBADF) for a closed socket, (EINVAL) for a listener, ValueError for a UDP
    socket, Unavailable elsewhere.
    """
    descriptors.require_socket(sock)
    if not descriptors.is_stream(sock):
        raise ValueError(f"{sock!r} is a UDP socket: UDP has no acknowledgements")
    number = descriptors.bytes_unsent(sock)
    if number is None:
        require("linux", "bytes unsent")
        raise Unavailable("the kernel does not count unsent bytes of this socket")
    return number
