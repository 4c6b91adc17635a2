"""The acceptor: the part of an event loop that accepts clients, and backs off at EMFILE.

Accepting until EAGAIN costs one call and one exception more than there are clients. So a quiet
iteration of the loop accepts one client: while others wait the listener stays readable, and the
next iteration comes soon. In a busy iteration it does not, so the accept budget grows with the
number of ready sockets.

When accept() fails with EMFILE the client stays in the accept queue. The listener therefore stays
readable, and a loop that kept watching it would wake up immediately, for ever (a busy loop). So the
acceptor stops watching for a moment. No client is lost: the accept queue keeps filling.
"""

import socket
from collections.abc import Callable
from time import monotonic
from typing import Final, Generic, TypeVar

from sockets_lab.servers.limits import BACKOFF_S, is_overload

__all__ = ["ALL", "Acceptor", "accept_budget", "accept_socket"]

T = TypeVar("T")

ALL: Final = 1 << 16
"""More than any accept queue holds."""


def accept_socket(listener: socket.socket) -> socket.socket:
    """Accept one client as a non-blocking socket."""
    sock, _ = listener.accept()
    sock.setblocking(False)
    return sock


def accept_budget(ready: int) -> int:
    """Return how many clients to accept in an iteration with `ready` ready sockets."""
    return 1 + ready // 8


class Acceptor(Generic[T]):
    """A non-blocking listener in an event loop.

    accept_one: accepts one client and returns what the loop keeps of it; must not block
    watch, unwatch: register the listener with the loop's selector, and unregister it
    """

    def __init__(
        self,
        listener: socket.socket,
        accept_one: Callable[[socket.socket], T],
        watch: Callable[[socket.socket], object],
        unwatch: Callable[[socket.socket], object],
    ) -> None:
        self._listener, self._accept_one = listener, accept_one
        self._watch, self._unwatch = watch, unwatch
        self._paused_s: float | None = None  # when it stopped watching; None while it watches
        listener.setblocking(False)
        watch(listener)

    def accept(self, at_most: int = 1) -> list[T]:
        """Accept the clients that have waited longest; return [] if none is waiting after all."""
        accepted: list[T] = []
        try:
            while len(accepted) < at_most:
                accepted.append(self._accept_one(self._listener))
        except OSError as error:
            if not accepted and is_overload(error) and self._paused_s is None:
                self._unwatch(self._listener)
                self._paused_s = monotonic()
        return accepted  # an error after the first client comes again at the next call

    def resume(self, now_s: float) -> None:
        """Watch the listener again once the back-off is over."""
        if self._paused_s is not None and now_s - self._paused_s > BACKOFF_S:
            self._paused_s = None
            self._watch(self._listener)

    def close(self) -> None:
        """Close the listener: new clients are refused."""
        if self._paused_s is None:
            self._unwatch(self._listener)
        self._paused_s = None
        self._listener.close()
