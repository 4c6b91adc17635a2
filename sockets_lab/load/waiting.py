"""Wait for many clients together: by epoll where there is one, else by what `selectors` chooses.

The load client calls epoll directly: `selectors` makes a record of every event, and a client that
costs more than the server measures itself.
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
# select() counts microseconds, and an epoll descriptor is readable while it has events.
_FINE_S: Final = 0.02


def wake_in_time() -> None:
    """Reduce this process's timer slack, so that its waits end on time, where Linux allows that.

    By default Linux may delay the end of a wait by 50 microseconds, to combine wake-ups; see
    PR_SET_TIMERSLACK in prctl(2), proc(5). A request would be sent late by as much.
    """
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")


class Waiting(Protocol[T]):
    """A wait for clients that have something to read or, after `until_writable`, can write.

    `watch` registers a socket and its owner; `wait` returns the owners of sockets that are ready,
    none after `timeout_s` seconds. Call `forget` before closing a socket.
    """

    def watch(self, sock: socket.socket, owner: T) -> None: ...
    def until_writable(self, sock: socket.socket, wanted: bool) -> None: ...
    def forget(self, sock: socket.socket) -> None: ...
    def wait(self, timeout_s: float) -> list[T]: ...
    def close(self) -> None: ...


def open_waiting(kind: type[T], *, portable: bool = False) -> Waiting[T]:
    """Open the fastest kind of waiting on this system; `portable`: one that every system has.

    kind: the class of the owners. The caller closes it.
    """
    return _Selector[T]() if portable or not hasattr(select, "epoll") else _Epoll[T]()


class _Epoll(Generic[T]):
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._owners: dict[int, T] = {}

    def watch(self, sock: socket.socket, owner: T) -> None:
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._owners[sock.fileno()] = owner

    def until_writable(self, sock: socket.socket, wanted: bool) -> None:
        events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
        self._epoll.modify(sock.fileno(), events)

    def forget(self, sock: socket.socket) -> None:
        self._epoll.unregister(sock.fileno())
        del self._owners[sock.fileno()]

    def wait(self, timeout_s: float) -> list[T]:
        if timeout_s < _FINE_S:
            select.select([self._epoll], [], [], max(0.0, timeout_s))
            timeout_s = 0
        owners = self._owners
        return [owners[descriptor] for descriptor, _ in self._poll(timeout_s)]

    def close(self) -> None:
        self._epoll.close()


class _Selector(Generic[T]):
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, sock: socket.socket, owner: T) -> None:
        self._selector.register(sock, selectors.EVENT_READ, owner)

    def until_writable(self, sock: socket.socket, wanted: bool) -> None:
        owner = self._selector.get_key(sock).data
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        self._selector.modify(sock, events, owner)

    def forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)

    def wait(self, timeout_s: float) -> list[T]:
        return [key.data for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        self._selector.close()
