"""Read the socket options that the course covers from a live socket."""

import _socket
import socket
import struct
from typing import Final

from sockets_lab.kernel.descriptors import is_stream, require_socket

__all__ = ["options"]

_COMMON: Final = (
    "SO_TYPE",
    "SO_ACCEPTCONN",
    "SO_REUSEADDR",
    "SO_REUSEPORT",
    "SO_EXCLUSIVEADDRUSE",  # Windows
    "IPV6_V6ONLY",
    "SO_RCVBUF",
    "SO_SNDBUF",
    "SO_KEEPALIVE",
    "SO_LINGER",
    "SO_BROADCAST",
    "TCP_NODELAY",
)
_SWITCHES: Final = {
    "SO_ACCEPTCONN",
    "SO_BROADCAST",
    "SO_EXCLUSIVEADDRUSE",
    "SO_KEEPALIVE",
    "SO_OOBINLINE",
    "SO_REUSEADDR",
    "SO_REUSEPORT",
    "IPV6_V6ONLY",
    "TCP_CORK",
    "TCP_NODELAY",
    "TCP_QUICKACK",
}
_LEVELS: Final = {
    "SO": socket.SOL_SOCKET,
    "TCP": socket.IPPROTO_TCP,
    "IP": socket.IPPROTO_IP,
    "IPV6": socket.IPPROTO_IPV6,
}


def options(sock: socket.socket, *names: str) -> dict[str, int | bool]:
    """Return the options of `sock` by their constants' names, as getsockopt() returns them now.

    names: any of the `socket` module's SO_..., TCP_..., IP_... and IPV6_... that hold a number;
        without names, the common ones that this platform and this kind of socket have. SO_ERROR is
        read only when it is named, because reading it clears it.

    Returns switches as True or False, buffers in bytes (Linux doubles what was set: socket(7)),
    times in the option's own unit; SO_LINGER is False, or the seconds that close() may wait.

    Raises TypeError or ValueError for anything but a TCP or UDP socket, or an unknown option;
    OSError (EBADF after close(), ENOPROTOOPT) as getsockopt() does.
    """
    require_socket(sock)
    return {name: _read(sock, name) for name in names or _common(sock)}


def _common(sock: socket.socket) -> list[str]:
    return [name for name in _COMMON if hasattr(socket, name) and _has_option(sock, name)]


def _has_option(sock: socket.socket, name: str) -> bool:
    match name.partition("_")[0]:
        case "TCP":
            return is_stream(sock)
        case "IPV6":
            return sock.family == socket.AF_INET6
    return name != "SO_ACCEPTCONN" or is_stream(sock)


def _read(sock: socket.socket, name: str) -> int | bool:
    level, constant = _LEVELS.get(name.partition("_")[0]), getattr(socket, name, None)
    if level is None or not isinstance(constant, int):
        raise ValueError(
            f"{name!r} is not a socket option of this platform: for example 'SO_REUSEADDR'"
        )
    if name == "SO_LINGER":
        return _linger(sock)
    value = _socket.socket.getsockopt(sock, level, constant)
    return bool(value) if name in _SWITCHES else value


def _linger(sock: socket.socket) -> int | bool:
    packed = _socket.socket.getsockopt(sock, socket.SOL_SOCKET, socket.SO_LINGER, 8)
    layout = "=ii" if len(packed) == 8 else "=HH"  # Windows has two shorts
    is_on, seconds = struct.unpack(layout, packed)
    return seconds if is_on else False
