"""Wait between the steps of an exchange until nothing moves, so that every capture is the same.

An end may acknowledge immediately, later, or with its next segment, and this differs from run to
run. If each step waits until the kernel has answered everything, there is no choice left.
"""

import socket
from typing import Final

from sockets_lab.capture.sniffing import mark
from sockets_lab.kernel import Snapshot, until
from sockets_lab.roles import Roles

__all__ = ["settle"]

_ON_THE_WAY: Final = ("SYN_RECV", "FIN_WAIT_1", "CLOSING", "LAST_ACK")


def settle(words: str, *sockets: socket.socket, roles: Roles, host: str = "127.0.0.1") -> Snapshot:
    """Wait until nothing is on its way between `sockets`, and mark the step in the capture.

    words, host: as for `mark`; roles: the same for every step, so that a socket that was open is
    known when it is closed. NotSeen (a TimeoutError) if the kernel does not settle.
    """
    seen = until(_Still(), *sockets, roles=roles)
    mark(words, host)
    return seen


class _Still:
    """Condition that nothing moves: all is answered, and two snapshots in a row are equal.

    One snapshot is not enough: a closed socket in FIN_WAIT_2 becomes a smaller entry in the
    kernel's table (tcp_time_wait() in net/ipv4/tcp_minisocks.c), and is missing for a moment.
    """

    def __init__(self) -> None:
        self._before: Snapshot | None = None

    def __call__(self, now: Snapshot) -> bool:
        same, self._before = now == self._before, now
        return same and not any(view.unsent or view.state in _ON_THE_WAY for view in now)
