"""The listener in a loop: accepts, and looks away while the machine has no descriptors.

Who accepts until EAGAIN pays for one call and one exception more than there are clients. So in a
calm turn of the loop one is accepted: while others wait the listener stays readable, and the next
turn comes soon. In a busy turn it does not, so the more are ready, the more are accepted.

When accept() fails with EMFILE the client stays in the accept queue, so the listener stays readable
and a loop that goes on watching it wakes up at once, for ever. The door is shut for a moment then;
nobody is lost, for the queue goes on filling.
"""

import socket
from collections.abc import Callable
from time import monotonic
from typing import Final, Generic, TypeVar

from sockets_lab.servers.limits import PAUSE_S, is_overload

__all__ = ["ALL", "Acceptor", "share", "take_socket"]

T = TypeVar("T")

ALL: Final = 1 << 16
"""More than any accept queue holds."""


def take_socket(listener: socket.socket) -> socket.socket:
    """Accept one client, as a socket that does not block."""
    sock, _ = listener.accept()
    sock.setblocking(False)
    return sock


def share(ready: int) -> int:
    """How many to accept in a turn in which so many sockets are ready."""
    return 1 + ready // 8


class Acceptor(Generic[T]):
    """A listener that a loop watches.

    take: accepts one client, and gives what the loop wants of it; not blocking
    watch, unwatch: the loop's own way to watch the listener
    """

    def __init__(
        self,
        listener: socket.socket,
        take: Callable[[socket.socket], T],
        watch: Callable[[socket.socket], object],
        unwatch: Callable[[socket.socket], object],
    ) -> None:
        self._listener, self._take = listener, take
        self._watch, self._unwatch = watch, unwatch
        self._shut_s: float | None = None  # since when it is not watched
        listener.setblocking(False)
        watch(listener)

    def accept(self, at_most: int = 1) -> list[T]:
        """Those who have waited longest; none if nobody waits after all."""
        taken: list[T] = []
        try:
            while len(taken) < at_most:
                taken.append(self._take(self._listener))
        except OSError as error:
            if is_overload(error) and self._shut_s is None:
                self._unwatch(self._listener)
                self._shut_s = monotonic()
        return taken

    def reopen(self, now_s: float) -> None:
        """Watch the listener again, if it is time to."""
        if self._shut_s is not None and now_s - self._shut_s > PAUSE_S:
            self._shut_s = None
            self._watch(self._listener)

    def close(self) -> None:
        """Close the listener: new clients are refused."""
        if self._shut_s is None:
            self._unwatch(self._listener)
        self._shut_s = None
        self._listener.close()
