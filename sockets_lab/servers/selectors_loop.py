"""One thread, many connections: wait until some are ready, do what cannot block, wait again.

What to wait for follows from what is owed: to write while replies are unsent, to read while the
client's stream goes on and few bytes are unsent (backpressure). A client that shall leave finds a
*deaf* server: it gets the rest, and the end of the stream; what it still sends is thrown away, for
to close with unread bytes would reset it, and could cost it a reply.
"""

import socket
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, DefaultSelector
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, share, take_socket
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
from sockets_lab.servers.services import Service, deaf, echo

__all__ = ["serve"]

READ, WRITE = EVENT_READ, EVENT_WRITE


def serve(
    listener: socket.socket, service: Service = echo, *, stop: Event, limits: Limits = Limits()
) -> None:
    """Serve the clients of `listener`, all in this thread; see `sockets_lab.servers`."""
    with DefaultSelector() as selector, listener:
        loop = Loop(listener, selector, service, limits)
        try:
            while not stop.is_set():
                loop.turn(GLANCE_S)
            loop.drain()
        finally:
            for connection in loop.connections:
                connection.sock.close()


class Connection:
    __slots__ = "awaits", "converse", "ended", "heard_s", "sock", "unsent"

    def __init__(self, sock: socket.socket, service: Service, now_s: float) -> None:
        self.sock, self.converse, self.heard_s = sock, service(), now_s
        self.unsent, self.ended, self.awaits = b"", False, READ


class Loop:
    def __init__(
        self, listener: socket.socket, selector: BaseSelector, service: Service, limits: Limits
    ) -> None:
        self.selector, self.service, self.limits = selector, service, limits
        self.connections: set[Connection] = set()
        self.now_s = self.swept_s = monotonic()
        self.door = Acceptor(
            listener, take_socket, lambda sock: selector.register(sock, READ), selector.unregister
        )

    def turn(self, timeout_s: float) -> None:
        ready = self.selector.select(timeout_s)
        self.now_s = monotonic()
        for key, events in ready:
            if key.data:
                self.attend(key.data, events)
            else:
                self.welcome(share(len(ready)))
        self.door.reopen(self.now_s)
        if self.now_s - self.swept_s > self.limits.idle_s / 8:
            self.sweep()

    def welcome(self, at_most: int) -> None:
        for sock in self.door.accept(at_most):
            connection = Connection(sock, self.service, self.now_s)
            self.connections.add(connection)
            self.selector.register(sock, READ, connection)

    def attend(self, connection: Connection, events: int) -> None:
        try:
            received = connection.sock.recv(READ_BYTES) if events & READ else None
            self.answer(connection, received)
        except BlockingIOError:
            pass  # "ready" is a hint, and this one was wrong
        except OSError:  # ECONNRESET, EPIPE, ETIMEDOUT: nobody is there any more
            self.close(connection)

    def answer(self, connection: Connection, received: bytes | None) -> None:
        unsent = connection.unsent
        if connection.converse is not deaf:
            connection.heard_s = self.now_s
        if received is not None:
            connection.ended = not received
            try:
                unsent += connection.converse(received)
            except Violation:
                connection.converse = deaf
        if unsent:
            try:  # contextlib.suppress costs 0.3 µs, which can be measured here
                sent = connection.sock.send(unsent)
            except BlockingIOError:
                sent = 0  # its buffers are full
            unsent = unsent[sent:]
        connection.unsent = unsent
        if unsent or not received or connection.awaits != READ or connection.converse is deaf:
            self.settle(connection)  # else it owes nothing, and waits for more as before

    def settle(self, connection: Connection) -> None:
        """Wait for what is owed now; close when nothing is."""
        unsent, leaving = len(connection.unsent), connection.converse is deaf
        reads = not connection.ended and (leaving or unsent <= self.limits.buffered)
        events = (READ if reads else 0) | (WRITE if unsent else 0)
        if not events:
            return self.close(connection)
        if leaving and not unsent:
            connection.sock.shutdown(socket.SHUT_WR)
        if events != connection.awaits:
            connection.awaits = events
            self.selector.modify(connection.sock, events, connection)

    def close(self, connection: Connection) -> None:
        self.selector.unregister(connection.sock)
        self.connections.discard(connection)
        connection.sock.close()

    def sweep(self) -> None:
        self.swept_s = self.now_s
        for connection in list(self.connections):
            if self.now_s - connection.heard_s > self.limits.idle_s:
                self.close(connection)

    def drain(self) -> None:
        """Answer what has come, say goodbye, and give the clients some time to take it."""
        self.welcome(ALL)
        self.door.close()
        self.turn(0)
        for connection in list(self.connections):
            connection.converse = deaf
            self.attend(connection, WRITE)
        until_s = self.now_s + self.limits.drain_s
        while self.connections and self.now_s < until_s:
            self.turn(GLANCE_S)
