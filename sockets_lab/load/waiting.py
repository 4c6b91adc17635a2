"""Wait for many clients at once: epoll where there is one, else what `selectors` chooses.

The load client uses epoll as it comes, since `selectors` makes a record of every event, and a
client that costs more than the server measures itself.
"""

import select
import selectors
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

__all__ = ["Waiting", "open_waiting", "wake_in_time"]

T = TypeVar("T")

# epoll counts whole milliseconds, and Python rounds up: a message due in 0.2 ms would leave late.
# select() counts microseconds, and an epoll descriptor is readable while it has events to tell.
_FINE_S: Final = 0.02


def wake_in_time() -> None:
    """Have the kernel end this process's waits when they are due, as far as it lets us.

    Linux may put the end of a wait off by 50 microseconds, to wake up for several things at once;
    see PR_SET_TIMERSLACK in prctl(2), proc(5). A request would leave so much late.
    """
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")


class Waiting(Protocol[T]):
    """Tells which clients have something to read; for those who ask, also who can write.

    `watch` notes a socket and whose it is; `wait` gives those that are ready, none after
    `timeout_s` seconds. Forget a socket before it is closed.
    """

    def watch(self, sock: socket.socket, whose: T) -> None: ...
    def until_writable(self, sock: socket.socket, wanted: bool) -> None: ...
    def forget(self, sock: socket.socket) -> None: ...
    def wait(self, timeout_s: float) -> list[T]: ...
    def close(self) -> None: ...


def open_waiting(kind: type[T], *, portable: bool = False) -> Waiting[T]:
    """What waits best here for clients of a `kind`; `portable` takes what every system has.

    The caller closes it.
    """
    return _Selector[T]() if portable or not hasattr(select, "epoll") else _Epoll[T]()


class _Epoll(Generic[T]):
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._whose: dict[int, T] = {}

    def watch(self, sock: socket.socket, whose: T) -> None:
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._whose[sock.fileno()] = whose

    def until_writable(self, sock: socket.socket, wanted: bool) -> None:
        events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
        self._epoll.modify(sock.fileno(), events)

    def forget(self, sock: socket.socket) -> None:
        self._epoll.unregister(sock.fileno())
        del self._whose[sock.fileno()]

    def wait(self, timeout_s: float) -> list[T]:
        if timeout_s < _FINE_S:
            select.select([self._epoll], [], [], max(0.0, timeout_s))
            timeout_s = 0
        whose = self._whose
        return [whose[descriptor] for descriptor, _ in self._poll(timeout_s)]

    def close(self) -> None:
        self._epoll.close()


class _Selector(Generic[T]):
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, sock: socket.socket, whose: T) -> None:
        self._selector.register(sock, selectors.EVENT_READ, whose)

    def until_writable(self, sock: socket.socket, wanted: bool) -> None:
        whose = self._selector.get_key(sock).data
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        self._selector.modify(sock, events, whose)

    def forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)

    def wait(self, timeout_s: float) -> list[T]:
        return [key.data for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        self._selector.close()
