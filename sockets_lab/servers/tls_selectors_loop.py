"""TLS in one thread: the handshake is one more thing that waits, and waits beside all others.

An SSLSocket that does not block says what it waits for: SSLWantReadError and SSLWantWriteError. It
may want to write in order to read, and the other way round, so what to watch for is what it said,
not what the program meant to do. Until the handshake is over a client has `handshake_s` seconds,
however many bytes it sends meanwhile.

TCP_NODELAY is set: a server of TLS 1.3 sends tickets behind the handshake, which nobody answers,
and Nagle's algorithm would hold the first reply back until they are acknowledged, 40 ms later.
"""

import selectors
import socket
import ssl
from contextlib import suppress
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.acceptor import ALL, Acceptor, share, take_socket
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def serve(
    listener: socket.socket,
    context: ssl.SSLContext,
    service: Service = echo,
    *,
    stop: Event,
    limits: Limits = Limits(),
) -> None:
    """Serve the clients of `listener` over TLS, all in this thread."""
    with selectors.DefaultSelector() as selector, listener:
        loop = Loop(listener, context, selector, service, limits)
        try:
            while not stop.is_set():
                loop.turn(GLANCE_S)
            loop.drain()
        finally:
            for connection in loop.connections:
                connection.tls.close()


class Connection:
    __slots__ = "awaits", "converse", "ended", "shaken", "tls", "unsent", "until_s"

    def __init__(self, tls: ssl.SSLSocket, service: Service, until_s: float) -> None:
        self.tls, self.converse, self.until_s = tls, service(), until_s
        self.shaken, self.ended, self.unsent, self.awaits = False, False, b"", READ


class Loop:
    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        selector: selectors.BaseSelector,
        service: Service,
        limits: Limits,
    ) -> None:
        self.context, self.selector, self.service = context, selector, service
        self.limits = limits
        self.connections: set[Connection] = set()
        self.now_s = self.swept_s = monotonic()
        self.sweep_s = min(limits.handshake_s, limits.idle_s) / 8
        self.door = Acceptor(
            listener, take_socket, lambda sock: selector.register(sock, READ), selector.unregister
        )

    def turn(self, timeout_s: float) -> None:
        ready = self.selector.select(timeout_s)
        self.now_s = monotonic()
        for key, _ in ready:
            if key.data:
                self.attend(key.data)
            else:
                self.welcome(share(len(ready)))
        self.door.reopen(self.now_s)
        if self.now_s - self.swept_s > self.sweep_s:
            self.sweep()

    def welcome(self, at_most: int) -> None:
        for sock in self.door.accept(at_most):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                tls = self.context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # it is gone again: getpeername() fails
                sock.close()
                continue
            connection = Connection(tls, self.service, self.now_s + self.limits.handshake_s)
            self.connections.add(connection)
            self.selector.register(tls, READ, connection)

    def attend(self, connection: Connection) -> None:
        try:
            wants = self.go_on(connection)
        except ssl.SSLWantReadError:
            wants = READ
        except ssl.SSLWantWriteError:
            wants = WRITE
        except (OSError, Violation):  # ssl.SSLError is an OSError
            wants = 0
        if not wants:
            self.close(connection)
        elif wants != connection.awaits:
            connection.awaits = wants
            self.selector.modify(connection.tls, wants, connection)

    def go_on(self, connection: Connection) -> int:
        """Do what can be done at once; return what to wait for then, or 0 at the end."""
        tls = connection.tls
        if not connection.shaken:
            tls.do_handshake()
            connection.shaken = True
        connection.until_s = self.now_s + self.limits.idle_s
        self.flush(connection)
        if not connection.ended:
            received = tls.recv(READ_BYTES)  # a record holds no more, so none is left in OpenSSL
            connection.ended = not received
            connection.unsent = connection.converse(received)
            self.flush(connection)
        return 0 if connection.ended else READ

    def flush(self, connection: Connection) -> None:
        """Send what is owed; nothing more is read from a client that does not take it."""
        while connection.unsent:
            connection.unsent = connection.unsent[connection.tls.send(connection.unsent) :]

    def close(self, connection: Connection) -> None:
        self.selector.unregister(connection.tls)
        self.connections.discard(connection)
        with suppress(OSError, ValueError):  # close_notify, as far as it goes at once
            if connection.shaken:
                connection.tls.unwrap()
        connection.tls.close()

    def sweep(self) -> None:
        self.swept_s = self.now_s
        for connection in list(self.connections):
            if self.now_s > connection.until_s:
                self.close(connection)

    def drain(self) -> None:
        """Answer what has come, and give the clients some time to take it."""
        self.welcome(ALL)
        self.door.close()
        self.turn(0)
        until_s = self.now_s + self.limits.drain_s
        while self.now_s < until_s:
            for connection in [one for one in self.connections if not one.unsent]:
                self.close(connection)
            if not self.connections:
                return
            self.turn(GLANCE_S)
