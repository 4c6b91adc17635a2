"""Let go a thread that waits on a socket, and put a listener back as it stood.

What differs between systems stands in `free` alone. `shutdown()` ends a wait in `recv()`, `send()`,
`connect()` and `select()` everywhere. Of a listener, Linux wakes who waits in `accept()` (EINVAL);
macOS, the BSDs and Windows refuse with ENOTCONN and let it wait. There the listener is made
non-blocking and connected to: `accept()` returns that connection, and the next one says EAGAIN.
Closing is no way out: who waits keeps waiting, and the number of the descriptor may be given to
another socket meanwhile (shutdown(2), close(2)).

`plain` is the socket beneath `socket.socket`: recording replaces methods of the latter, and what is
done here is no call of the learner's.
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
    "free",
    "is_blocking",
    "is_listening",
    "listener_state_of",
    "reopen",
]

POKE_TIMEOUT_S = 0.5
TCP_CLOSE = b"\x07"  # the state's number in Linux: neither connected nor listening

# What calls answer when their socket, or their peer's, is shut down or made non-blocking.
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
    """How a listener stood before it was freed: its name, backlog and timeout in seconds."""

    name: Any
    backlog: int
    timeout_s: float | None


def listener_state_of(sock: socket.socket) -> ListenerState | None:
    """How `sock` stands now; None if it does not listen, or its thread has just closed it."""
    try:
        if is_listening(sock):
            return ListenerState(plain.getsockname(sock), _backlog(sock), plain.gettimeout(sock))
    except OSError:
        pass
    return None


def is_listening(sock: socket.socket) -> bool:
    """Whether the kernel would let `sock` accept; a closed socket does not listen."""
    try:
        return bool(plain.getsockopt(sock, socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def is_blocking(sock: socket.socket) -> bool:
    """Whether calls on `sock` wait for ever."""
    return plain.gettimeout(sock) is None


def free(sock: socket.socket) -> None:
    """Let go every thread that waits on `sock`, and those that will; it stays open."""
    if _tcp_info(sock)[:1] == TCP_CLOSE:
        # Nobody can wait on it. And shutdown(), though refused, would leave a mark on Linux: should
        # this socket ever listen, its connections would begin at their end.
        return
    try:
        plain.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        if is_listening(sock) or sock.type == socket.SOCK_DGRAM:
            _poke(sock)


def reopen(listener: socket.socket, door: ListenerState) -> bool:
    """Put a freed listener back as it stood, for the next run; tell whether it now listens.

    Clients that it had not accepted are reset. Where the kernel refuses the old address, because
    connections rest on it and SO_REUSEADDR was not set, the listener stays shut down.
    """
    try:
        if is_listening(listener):
            _empty_queue(listener)
        else:
            _bind_again(listener, door.name)
            plain.listen(listener, door.backlog)
        plain.settimeout(listener, door.timeout_s)
    except OSError:
        return False
    return True


def discard(sock: socket.socket) -> None:
    """Close `sock`, unseen by a recording."""
    with suppress(OSError):
        socket.close(plain.detach(sock))


def caused_by_stopping(error: BaseException) -> bool:
    """Whether `error` is what a call answers when its socket is freed under it."""
    ssl = sys.modules.get("ssl")
    if isinstance(error, EOFError) or (ssl and isinstance(error, ssl.SSLError)):
        return True
    return isinstance(error, OSError) and error.errno in OUR_ERRNOS


def _poke(sock: socket.socket) -> None:
    """Give who waits on a listener a client, and who waits on a datagram socket a datagram."""
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
    """The beginning of what Linux tells of a TCP socket (tcp(7)); nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return b""
    try:
        return plain.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    except OSError:
        return b""
