"""The recorded methods of `socket.socket`, and what is kept of their arguments and results.

What is kept must be small, must not keep a socket alive, and must not change afterwards: for bytes
the beginning and the length, for a socket what `Roles` knows about it.
"""

import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from sockets_lab.recording.callers import is_library, is_tls
from sockets_lab.roles import Remembered, Roles

__all__ = [
    "METHODS",
    "SHOWN",
    "Data",
    "Method",
    "Other",
    "Space",
    "Target",
    "socket_arguments",
    "summarize",
]

SHOWN = 20  # bytes of data that are kept

Arguments = tuple[Any, ...]


class Data(NamedTuple):
    """The beginning of some bytes, and their number."""

    head: bytes
    length: int


class Space(NamedTuple):
    """A buffer to be filled: its size in bytes."""

    length: int


class Other(NamedTuple):
    """Any other value: the name of its type."""

    kind: str


class Target(NamedTuple):
    """An address passed to a call, and the socket that had it at that time."""

    address: object
    known: Remembered | None


def summarize(value: Any) -> Any:
    """Return what is kept of one argument: the beginning of anything that holds bytes."""
    if value is None or isinstance(value, int | float | str):
        return value
    try:
        with memoryview(value) as view:
            return Data(_head(view), view.nbytes)
    except (TypeError, ValueError, BufferError):  # it holds no bytes, or gives none
        return Other(type(value).__name__)


def _head(view: memoryview) -> bytes:
    try:
        with view.cast("B") as data:
            return bytes(data[:SHOWN])
    except TypeError:  # not contiguous, or in an unusual format
        return view.tobytes()[:SHOWN]


def _data(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    return tuple(map(summarize, arguments))


class Method(NamedTuple):
    """How one method is recorded, besides the times of its calls.

    keep, give: make the arguments and the result small. before, after: report to the roles what
    happens to the socket; after an error too. unless: leave out calls made by such a function.
    """

    keep: Callable[[Roles, Remembered, Arguments], Arguments] = _data
    give: Callable[[Roles, Remembered, Any], Any] = lambda roles, known, result: result
    before: Callable[[Roles, socket.socket], None] | None = None
    after: Callable[[Roles, socket.socket], None] | None = None
    unless: Callable[[FrameType], bool] | None = None


def socket_arguments(args: Arguments, kwargs: dict[str, Any]) -> Arguments:
    """Return the family, type and protocol that `socket()` uses for these arguments."""
    try:
        return _family_type_protocol(*args, **kwargs)
    except (TypeError, ValueError):  # a mistake that `socket()` itself reports
        return tuple(map(summarize, args))


def _family_type_protocol(
    family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
) -> tuple[int, int, int]:
    return (
        int(socket.AF_INET if family == -1 else family),
        int(socket.SOCK_STREAM if type == -1 else type),
        max(proto, 0),
    )


def _data_and_target(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    *rest, address = arguments or (None,)
    return (*map(summarize, rest), *_target(roles, known, (address,)))


def _buffers(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    """Return the data of all the buffers of `sendmsg`, as if they were one."""
    if not arguments or not isinstance(arguments[0], list | tuple):
        return tuple(map(summarize, arguments))  # reading an iterator would use it up
    pieces = [piece for piece in map(summarize, arguments[0]) if isinstance(piece, Data)]
    head = b"".join(piece.head for piece in pieces)[:SHOWN]
    return (Data(head, sum(piece.length for piece in pieces)),)


def _space(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    """Return the size of the buffer that `recv_into` is to fill."""
    if not arguments:
        return ()
    buffer = summarize(arguments[0])
    return (Space(buffer.length if isinstance(buffer, Data) else 0), *arguments[1:])


def _target(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    # A datagram socket may have the address of a listener; the same kind comes first.
    kinds = (known.kind, "stream", "datagram")
    return tuple(
        Target(address, next(filter(None, (roles.at(address, kind) for kind in kinds)), None))
        for address in arguments
    )


def _nothing(roles: Roles, known: Remembered, arguments: Arguments) -> Arguments:
    return ()


def _accepted(roles: Roles, known: Remembered, result: tuple[socket.socket, object]) -> Remembered:
    return roles.accepted(*result)


def _same(roles: Roles, known: Remembered, result: socket.socket) -> Remembered:
    roles.alias(result, known)
    return known


def _secret(roles: Roles, known: Remembered, result: Any) -> None:
    """Return nothing: a descriptor differs on every run."""


def _length_and_address(roles: Roles, known: Remembered, result: Any) -> tuple[int, object]:
    data, address = result[0], result[-1]
    return (data if isinstance(data, int) else len(data)), address


def _small(roles: Roles, known: Remembered, result: Any) -> Any:
    return summarize(result)


def _bound_late(roles: Roles, sock: socket.socket) -> None:
    """Note the endpoint that a socket gets with the first datagram it sends."""
    if roles.remember(sock).local is None:
        roles.refresh(sock)


METHODS = {
    "accept": Method(give=_accepted),
    "bind": Method(keep=_target, after=Roles.refresh),
    "close": Method(before=Roles.refresh),
    "connect": Method(keep=_target, before=Roles.connecting, after=Roles.connecting),
    "connect_ex": Method(keep=_target, before=Roles.connecting, after=Roles.connecting),
    "detach": Method(give=_secret, before=Roles.refresh, unless=is_tls),
    "dup": Method(give=_same),
    "getpeername": Method(unless=is_library),
    "getsockname": Method(unless=is_library),
    "getsockopt": Method(give=_small, unless=is_library),
    "listen": Method(after=Roles.listening),
    "recv_into": Method(keep=_space),
    "recvfrom": Method(give=_length_and_address),
    "recvfrom_into": Method(keep=_space, give=_length_and_address),
    "recvmsg": Method(give=_length_and_address),
    "recvmsg_into": Method(keep=_nothing, give=_length_and_address),
    "sendfile": Method(),
    "sendmsg": Method(keep=_buffers),
    "sendto": Method(keep=_data_and_target, after=_bound_late),
    "setblocking": Method(unless=is_tls),
    "setsockopt": Method(),
    "settimeout": Method(unless=is_tls),
    "shutdown": Method(),
}
