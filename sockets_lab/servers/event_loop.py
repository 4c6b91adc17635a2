"""The event loop that the models on `selectors` share: wait, accept, dispatch, close idle, drain.

A model adds what happens on one socket: which connection to keep (`on_accept`), what to do when its
socket is ready (`on_event`), and how to close it gracefully (`start_closing`). Read
`selectors_loop` first. `epoll_loop` uses the same names for the steps that both have.
"""

import socket
from abc import ABC, abstractmethod
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from threading import Event
from time import monotonic
from typing import Final, Generic, TypeVar

from sockets_lab.servers.acceptor import ALL, Acceptor, accept_budget, accept_socket
from sockets_lab.servers.limits import STOP_CHECK_S, Limits

__all__ = ["READ", "WRITE", "Connection", "EventLoop"]

READ: Final = EVENT_READ
WRITE: Final = EVENT_WRITE


class Connection:
    """One client's socket, the events the loop waits for, and when the client counts as idle."""

    __slots__ = "idle_at_s", "interest", "sock"

    def __init__(self, sock: socket.socket, idle_at_s: float) -> None:
        self.sock, self.idle_at_s, self.interest = sock, idle_at_s, READ


C = TypeVar("C", bound=Connection)


class EventLoop(ABC, Generic[C]):
    """One thread that serves all clients of `listener` through one selector."""

    def __init__(self, listener: socket.socket, selector: BaseSelector, limits: Limits) -> None:
        self.selector, self.limits = selector, limits
        self.connections: set[C] = set()
        self.draining = False
        self.now_s = self.idle_checked_s = monotonic()
        self.idle_at_s = self.now_s + limits.idle_s  # for a client that is active now
        self.idle_check_s = limits.idle_s / 8
        self.acceptor = Acceptor(
            listener, accept_socket, lambda sock: selector.register(sock, READ), selector.unregister
        )

    def run(self, stop: Event) -> None:
        """Serve until `stop` is set, then drain; leave no connection open."""
        try:
            while not stop.is_set():
                self.run_once(STOP_CHECK_S)
            self.drain()
        finally:
            for connection in self.connections:
                self.release(connection)

    def run_once(self, timeout_s: float) -> None:
        """Wait until sockets are ready, handle each, and close clients that are idle too long."""
        ready = self.selector.select(timeout_s)
        self.now_s = monotonic()
        self.idle_at_s = self.now_s + self.limits.idle_s
        for key, events in ready:
            if key.data:
                self.on_event(key.data, events)
            else:
                self.accept_ready(accept_budget(len(ready)))
        self.acceptor.resume(self.now_s)
        if self.now_s - self.idle_checked_s > self.idle_check_s:
            self.close_idle()

    def accept_ready(self, at_most: int) -> None:
        """Accept clients that wait in the accept queue."""
        for sock in self.acceptor.accept(at_most):
            self.on_accept(sock)

    @abstractmethod
    def on_accept(self, sock: socket.socket) -> None:
        """Make a connection of a new client's socket, and `watch` it."""

    def watch(self, connection: C) -> None:
        """Add a connection, and wait until its client has sent something."""
        self.connections.add(connection)
        self.selector.register(connection.sock, READ, connection)

    @abstractmethod
    def on_event(self, connection: C, events: int) -> None:
        """Do what a ready socket allows without blocking."""

    def close(self, connection: C) -> None:
        """Stop watching a connection, and close it."""
        self.selector.unregister(connection.sock)
        self.connections.discard(connection)
        self.release(connection)

    def release(self, connection: C) -> None:
        """Free what a connection holds."""
        connection.sock.close()

    def close_idle(self) -> None:
        """Close the clients whose idle deadline is over."""
        self.idle_checked_s = self.now_s
        for connection in list(self.connections):
            if self.now_s > connection.idle_at_s:
                self.close(connection)

    def drain(self) -> None:
        """Accept the clients that wait, refuse later ones, answer what has arrived, and close.

        This takes `drain_s` seconds at most.
        """
        self.accept_ready(ALL)
        self.acceptor.close()
        self.run_once(0)
        self.draining = True
        for connection in list(self.connections):
            self.start_closing(connection)
        until_s = self.now_s + self.limits.drain_s
        while self.connections and self.now_s < until_s:
            self.run_once(STOP_CHECK_S)

    @abstractmethod
    def start_closing(self, connection: C) -> None:
        """Begin a graceful close: no reply that is under way may be lost."""
