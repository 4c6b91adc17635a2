"""What a server grants a client, and what it makes of a failed accept()."""

import errno
from typing import Final, NamedTuple

__all__ = ["GLANCE_S", "OVERLOAD", "PAUSE_S", "READ_BYTES", "Limits", "is_overload"]

GLANCE_S: Final = 0.1
"""Seconds after which a server that waits looks whether it shall stop."""

PAUSE_S: Final = 0.1
"""Seconds without accept() after it failed for want of something that only time brings."""

READ_BYTES: Final = 16_384
"""Most bytes taken by one recv(); a larger buffer costs more to make than a small message."""


class Limits(NamedTuple):
    """What a server grants: seconds, bytes and hands.

    idle_s: a client that neither sends nor takes a byte for so long is closed
    handshake_s: seconds for a TLS handshake from its beginning to its end
    drain_s: after `stop`, seconds in which what is under way is finished
    buffered: bytes that wait for one client; above this nothing more is read from it
    workers: threads or processes, of those models that have a fixed number
    """

    idle_s: float = 30.0
    drain_s: float = 3.0
    buffered: int = 65_536
    workers: int = 8
    handshake_s: float = 5.0


def is_overload(error: OSError) -> bool:
    """Whether accept() failed for want of descriptors or memory; the client still waits.

    False for what a client or its network has done meanwhile: ECONNABORTED and the network errors
    of a connection that are already pending on it, which accept(2) advises to treat like EAGAIN.
    Raises the error if it is neither, such as EBADF and EINVAL: a fault of the program.
    """
    if error.errno in OVERLOAD:
        return True
    if error.errno in _GONE:
        return False
    raise error


OVERLOAD: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_GONE: Final = frozenset(
    number
    for name in (
        *("EAGAIN", "ECONNABORTED", "EHOSTDOWN", "EHOSTUNREACH", "EINTR", "ENETDOWN"),
        *("ENETUNREACH", "ENONET", "ENOPROTOOPT", "EOPNOTSUPP", "EPERM", "EPROTO", "EWOULDBLOCK"),
    )
    if (number := getattr(errno, name, None)) is not None
)
