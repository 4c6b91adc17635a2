"""Unblock a thread that is waiting on a socket, and restore a listener afterwards.

Only `unblock` differs between systems. `shutdown()` ends a wait in `recv()`, `send()`, `connect()`
and `select()` everywhere. On a listener, Linux wakes a thread in `accept()` (EINVAL); macOS, the
BSDs and Windows refuse with ENOTCONN and leave it waiting. There the listener is made non-blocking
and connected to: `accept()` returns that connection, and the next call fails with EAGAIN. Closing
does not help: the thread keeps waiting, and the number of the descriptor may be given to another
socket meanwhile (shutdown(2), close(2)).

`plain` is the class beneath `socket.socket`: a recording replaces methods of the latter, and these
calls are not the learner's.
"""

import errno
import socket
import sys
from _socket import socket as plain
from contextlib import closing, suppress
from typing import Any, NamedTuple

__all__ = [
    "ListenerState",
    "caused_by_stopping",
    "discard",
    "is_blocking",
    "is_listening",
    "listener_state_of",
    "reopen",
    "unblock",
]

POKE_TIMEOUT_S = 0.5
TCP_CLOSE = b"\x07"  # TCP_CLOSE in Linux: neither connected nor listening

# How calls fail when their socket, or their peer's, is shut down or made non-blocking.
OUR_ERRNOS = {
    errno.EAGAIN,
    errno.EBADF,
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EINVAL,
    errno.ENOTCONN,
    errno.ENOTSOCK,
    errno.EPIPE,
    errno.ESHUTDOWN,
}


class ListenerState(NamedTuple):
    """State of a listener before it was unblocked: name, backlog and timeout in seconds."""

    name: Any
    backlog: int
    timeout_s: float | None


def listener_state_of(sock: socket.socket) -> ListenerState | None:
    """Return the state of `sock`; None if it does not listen, or was closed just now."""
    try:
        if is_listening(sock):
            return ListenerState(plain.getsockname(sock), _backlog(sock), plain.gettimeout(sock))
    except OSError:
        pass
    return None


def is_listening(sock: socket.socket) -> bool:
    """Return True if `sock` listens; a closed socket does not."""
    try:
        return bool(plain.getsockopt(sock, socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def is_blocking(sock: socket.socket) -> bool:
    """Return True if calls on `sock` may wait for ever."""
    return plain.gettimeout(sock) is None


def unblock(sock: socket.socket) -> None:
    """Unblock every thread that waits on `sock`, now or later; the socket stays open."""
    if _tcp_info(sock)[:1] == TCP_CLOSE:
        # No thread can wait on it. And shutdown(), though refused, would leave a mark on Linux: if
        # this socket ever listens, its connections begin with their end of stream.
        return
    try:
        plain.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        if is_listening(sock) or sock.type == socket.SOCK_DGRAM:
            _wake(sock)


def reopen(listener: socket.socket, state: ListenerState) -> bool:
    """Restore an unblocked listener to `state`, for the next run; return True if it listens now.

    Clients that were not accepted yet are reset. Where the kernel refuses the old address, because
    connections still use it and SO_REUSEADDR was not set, the listener stays shut down.
    """
    try:
        if is_listening(listener):
            _empty_queue(listener)
        else:
            _bind_again(listener, state.name)
            plain.listen(listener, state.backlog)
        plain.settimeout(listener, state.timeout_s)
    except OSError:
        return False
    return True


def discard(sock: socket.socket) -> None:
    """Close `sock` without a trace in a recording."""
    with suppress(OSError):
        socket.close(plain.detach(sock))


def caused_by_stopping(error: BaseException) -> bool:
    """Return True if `error` is how a call fails when its socket is unblocked under it."""
    ssl = sys.modules.get("ssl")
    if isinstance(error, EOFError) or (ssl and isinstance(error, ssl.SSLError)):
        return True
    return isinstance(error, OSError) and error.errno in OUR_ERRNOS


def _wake(sock: socket.socket) -> None:
    """Send a client to a listener, and a datagram to a datagram socket, so that the wait ends."""
    with suppress(OSError), closing(plain(sock.family, sock.type)) as client:
        plain.setblocking(sock, False)  # the next call must not wait again
        client.settimeout(POKE_TIMEOUT_S)
        client.connect(_reachable(plain.getsockname(sock)))
        if sock.type == socket.SOCK_DGRAM:
            client.send(b"")


def _reachable(name: Any) -> Any:
    match name:
        case ("0.0.0.0", port):
            return ("127.0.0.1", port)
        case ("::", port, flow, scope):
            return ("::1", port, flow, scope)
        case _:
            return name


def _empty_queue(listener: socket.socket) -> None:
    plain.setblocking(listener, False)
    with suppress(BlockingIOError):
        while True:
            fd, _ = plain._accept(listener)  # type: ignore[attr-defined]  # typeshed omits it
            socket.close(fd)


def _bind_again(listener: socket.socket, name: Any) -> None:
    # A shut-down listener gives back a port that the kernel had chosen, and keeps any other.
    try:
        plain.bind(listener, name)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def _backlog(listener: socket.socket) -> int:
    # TCP_INFO of a listener holds its queue at byte 24 and the queue's limit at byte 28.
    info = _tcp_info(listener)
    return int.from_bytes(info[28:32], sys.byteorder) if len(info) == 32 else socket.SOMAXCONN


def _tcp_info(sock: socket.socket) -> bytes:
    """Return the beginning of Linux's TCP_INFO (tcp(7)); nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return b""
    try:
        return plain.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    except OSError:
        return b""
