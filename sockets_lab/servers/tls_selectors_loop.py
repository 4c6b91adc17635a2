"""TLS in one thread: a handshake is one more thing to wait for, beside all other connections.

A non-blocking SSLSocket says what it waits for: SSLWantReadError or SSLWantWriteError. It may need
to write in order to read, and the reverse, so the interest set follows what it raised, not what the
program wanted to do. Until its handshake is complete a client has `handshake_s` seconds, however
many bytes it sends meanwhile.

TCP_NODELAY is set: a TLS 1.3 server sends session tickets after the handshake, to which the client
sends no reply. Nagle's algorithm would delay the first reply until they are acknowledged, 40 ms
later.
"""

import selectors
import socket
import ssl
from contextlib import suppress
from threading import Event

from sockets_lab.framing import Violation
from sockets_lab.servers.event_loop import READ, WRITE, Connection, EventLoop
from sockets_lab.servers.limits import READ_BYTES, Limits
from sockets_lab.servers.services import Service, echo

__all__ = ["serve"]


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
        Loop(listener, context, selector, service, limits).run(stop)


class TLSConnection(Connection):
    """A connection over TLS; `established` once its handshake is complete."""

    __slots__ = "ended", "established", "respond", "unsent"
    sock: ssl.SSLSocket

    def __init__(self, sock: ssl.SSLSocket, service: Service, idle_at_s: float) -> None:
        super().__init__(sock, idle_at_s)
        self.respond, self.unsent, self.ended, self.established = service(), b"", False, False


class Loop(EventLoop[TLSConnection]):
    """The event loop of `serve`."""

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        selector: selectors.BaseSelector,
        service: Service,
        limits: Limits,
    ) -> None:
        super().__init__(listener, selector, limits)
        self.context, self.service = context, service
        self.idle_check_s = min(limits.handshake_s, limits.idle_s) / 8

    def on_accept(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            tls = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:  # the client is gone already: getpeername() fails
            sock.close()
        else:
            self.watch(TLSConnection(tls, self.service, self.now_s + self.limits.handshake_s))

    def on_event(self, connection: TLSConnection, events: int) -> None:
        try:
            interest = self.proceed(connection)
        except ssl.SSLWantReadError:
            interest = READ
        except ssl.SSLWantWriteError:
            interest = WRITE
        except (OSError, Violation):  # ssl.SSLError is an OSError
            interest = 0
        if not interest:
            self.close(connection)
        elif interest != connection.interest:
            connection.interest = interest
            self.selector.modify(connection.sock, interest, connection)

    def proceed(self, connection: TLSConnection) -> int:
        """Do what cannot block; return the events to wait for next, or 0 at the end."""
        tls = connection.sock
        if not connection.established:
            tls.do_handshake()
            connection.established = True
        connection.idle_at_s = self.idle_at_s
        self.send_unsent(connection)
        if not connection.ended and not self.draining:
            received = tls.recv(READ_BYTES)  # a record holds no more, so none is left in OpenSSL
            connection.ended = not received
            connection.unsent = connection.respond(received)
            self.send_unsent(connection)
        return 0 if connection.ended or self.draining else READ

    def send_unsent(self, connection: TLSConnection) -> None:
        """Send the reply; nothing more is read from a client that does not take it."""
        while connection.unsent:
            connection.unsent = connection.unsent[connection.sock.send(connection.unsent) :]

    def close(self, connection: TLSConnection) -> None:
        self.selector.unregister(connection.sock)
        self.connections.discard(connection)
        with suppress(OSError, ValueError):  # close_notify, as far as it goes without blocking
            if connection.established:
                connection.sock.unwrap()
        self.release(connection)

    def start_closing(self, connection: TLSConnection) -> None:
        if not connection.unsent:
            self.close(connection)
