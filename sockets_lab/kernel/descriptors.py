"""Ask the kernel about one of our own sockets, through its descriptor.

Every function here calls the C methods of `_socket.socket` directly: `recording` replaces methods
of `socket.socket` while it records, and a look must neither appear there nor be slowed down by it.
Each call costs about a microsecond and needs no privilege.
"""

import _socket
import errno
import os
import socket
import struct
import sys
from typing import Final

from sockets_lab.addresses import Endpoint, endpoint_of
from sockets_lab.capabilities import has
from sockets_lab.kernel.records import STATES, AcceptQueue, payload

__all__ = [
    "bytes_unread",
    "bytes_unsent",
    "descriptor",
    "inode",
    "is_internet",
    "is_open",
    "is_stream",
    "listens",
    "local_endpoint",
    "peer_endpoint",
    "require_socket",
    "tcp_info_queue",
    "tcp_info_state",
]

_QUEUE_AT: Final = 24  # tcpi_unacked and tcpi_sacked, which a listener uses for its accept queue


def require_socket(sock: object) -> socket.socket:
    """Return `sock` if it is a TCP or UDP socket, else raise TypeError or ValueError."""
    if not isinstance(sock, socket.socket):
        raise TypeError(f"expected a socket.socket, got {sock!r}: pass the socket itself")
    if not is_internet(sock) or sock.type not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        raise ValueError(
            f"expected a TCP or UDP socket, got {sock.family.name}, {sock.type.name}: "
            "create it with AF_INET or AF_INET6 and SOCK_STREAM or SOCK_DGRAM"
        )
    return sock


def is_internet(sock: socket.socket) -> bool:
    """Return True if `sock` is an IPv4 or IPv6 socket."""
    return sock.family in (socket.AF_INET, socket.AF_INET6)


def is_open(sock: socket.socket) -> bool:
    """Return True if `sock` still has a descriptor."""
    return _socket.socket.fileno(sock) >= 0


def is_stream(sock: socket.socket) -> bool:
    """Return True if `sock` is a TCP socket, not a UDP one."""
    return sock.type == socket.SOCK_STREAM


def listens(sock: socket.socket) -> bool:
    """Return True if listen() was called on `sock`."""
    if not is_stream(sock):
        return False
    try:
        return _option(sock, socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    except OSError:  # macOS has no getsockopt(SO_ACCEPTCONN) on every release
        return False


def local_endpoint(sock: socket.socket) -> Endpoint | None:
    """Return the address of `sock`, or None before bind() or connect() and after close()."""
    try:
        endpoint = endpoint_of(_socket.socket.getsockname(sock))
    except OSError:  # closed; on Windows also: not bound
        return None
    return endpoint if endpoint.port else None


def peer_endpoint(sock: socket.socket) -> Endpoint | None:
    """Return the address of the other end, or None without one (not yet, or no longer)."""
    try:
        return endpoint_of(_socket.socket.getpeername(sock))
    except OSError:
        return None


def inode(sock: socket.socket) -> int | None:
    """Return the inode that identifies this socket in the kernel's tables (Linux), else None."""
    try:
        return os.fstat(descriptor(sock)).st_ino
    except OSError:
        return None


def tcp_info_state(sock: socket.socket) -> str | None:
    """Return the TCP state in TCP_INFO (tcp(7)), or None where there is no TCP_INFO."""
    if not has("tcp-info"):
        return None
    return STATES.get(_tcp_info(sock, 1)[0], "CLOSED")


def tcp_info_queue(listener: socket.socket) -> AcceptQueue | None:
    """Return a listener's accept queue in TCP_INFO, or None where there is no TCP_INFO."""
    if not has("tcp-info"):
        return None
    return AcceptQueue(*struct.unpack_from("=II", _tcp_info(listener, 32), _QUEUE_AT))


def bytes_unread(sock: socket.socket) -> int | None:
    """Return the bytes received and not read: SIOCINQ, which is FIONREAD (tcp(7), udp(7)).

    For UDP: the size of the next datagram. Raises OSError (EINVAL) for a listener, which has none.
    """
    try:
        from termios import FIONREAD
    except ImportError:  # Windows
        return None
    return _ioctl_number(sock, FIONREAD)


def bytes_unsent(sock: socket.socket) -> int | None:
    """Return the bytes sent and not acknowledged: SIOCOUTQ, which is TIOCOUTQ (tcp(7)).

    None for UDP and outside Linux.
    """
    if not has("linux") or not is_stream(sock):
        return None
    from termios import TIOCOUTQ

    return payload(tcp_info_state(sock) or "", 0, _ioctl_number(sock, TIOCOUTQ))[1]


def _ioctl_number(sock: socket.socket, request: int) -> int:
    from fcntl import ioctl

    answer = ioctl(descriptor(sock), request, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def descriptor(sock: socket.socket) -> int:
    """Return the descriptor's number. Raises OSError (EBADF) once the socket is closed."""
    number = _socket.socket.fileno(sock)
    if number < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return number


def _option(sock: socket.socket, level: int, name: int) -> int:
    return _socket.socket.getsockopt(sock, level, name)


def _tcp_info(sock: socket.socket, size: int) -> bytes:
    return _socket.socket.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, size)
