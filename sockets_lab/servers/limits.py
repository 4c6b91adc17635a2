"""What a server grants each client, and how it classifies a failed accept()."""

import errno
from typing import Final, NamedTuple

__all__ = ["BACKOFF_S", "READ_BYTES", "STOP_CHECK_S", "Limits", "is_overload"]

STOP_CHECK_S: Final = 0.1
"""Longest time in seconds that a waiting server takes to notice `stop`."""

BACKOFF_S: Final = 0.1
"""Back-off in seconds after accept(), or the start of a thread, failed for lack of resources."""

READ_BYTES: Final = 16_384
"""Most bytes read by one recv(); allocating a larger buffer costs more than a small message."""


class Limits(NamedTuple):
    """What a server grants: times in seconds, buffers in bytes, and its number of workers.

    idle_s: a client that neither sends nor takes a byte for this long is closed
    drain_s: after `stop`, seconds to finish what is under way
    buffered: unsent bytes for one client above which nothing more is read from it (backpressure)
    workers: threads or processes, in models that have a fixed number
    handshake_s: seconds for a whole TLS handshake, from beginning to end
    """

    idle_s: float = 30.0
    drain_s: float = 3.0
    buffered: int = 65_536
    workers: int = 8
    handshake_s: float = 5.0


def is_overload(error: OSError) -> bool:
    """Return True if accept() failed for lack of descriptors (EMFILE) or memory.

    The client then still waits in the accept queue. Return False for what a client or its network
    did in the meantime: ECONNABORTED, and network errors already pending on the new connection,
    which accept(2) advises to treat like EAGAIN. Raise any other error, such as EBADF and EINVAL:
    those are bugs in the program.
    """
    if error.errno in _OVERLOAD:
        return True
    if error.errno in _CLIENT_GONE:
        return False
    raise error


_OVERLOAD: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_CLIENT_GONE: Final = frozenset(
    number
    for name in (
        *("EAGAIN", "ECONNABORTED", "EHOSTDOWN", "EHOSTUNREACH", "EINTR", "ENETDOWN"),
        *("ENETUNREACH", "ENONET", "ENOPROTOOPT", "EOPNOTSUPP", "EPERM", "EPROTO", "EWOULDBLOCK"),
    )
    if (number := getattr(errno, name, None)) is not None
)
