"""TLS, a thread for each connection: a slow handshake delays only its own client.

The handshake depends on a client that is not trusted yet, so it runs in the connection's own
thread, never between two calls of accept(), and under a deadline that covers it from beginning to
end. TCP_NODELAY is set, for the reason given in `tls_selectors_loop`.
"""

import socket
import ssl
from contextlib import suppress
from threading import Event, Thread, current_thread
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.blocking import accept_until
from sockets_lab.servers.limits import READ_BYTES, STOP_CHECK_S, Limits
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
    """Serve each client of `listener` over TLS, in a separate thread."""
    threads: set[Thread] = set()

    def work(connection: socket.socket) -> None:
        try:
            _serve_connection(connection, context, service, stop, limits)
        finally:
            threads.discard(current_thread())

    try:
        with listener:
            for connection in accept_until(stop, listener):
                thread = Thread(target=work, args=(connection,), daemon=True)
                threads.add(thread)
                thread.start()
    finally:
        for thread in list(threads):
            thread.join()


def _serve_connection(
    connection: socket.socket,
    context: ssl.SSLContext,
    service: Service,
    stop: Event,
    limits: Limits,
) -> None:
    """Shake hands, and answer one client until its end; its errors end that client only."""
    with connection, suppress(OSError):  # ssl.SSLError and TimeoutError are OSErrors
        connection.settimeout(limits.handshake_s)  # for do_handshake() as a whole
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as tls:
            _answer_until_end(tls, service, stop, limits)
            tls.unwrap()  # close_notify: the end of the stream, not a truncated connection


def _answer_until_end(tls: ssl.SSLSocket, service: Service, stop: Event, limits: Limits) -> None:
    respond, active_s, stopping = service(), monotonic(), False
    while not stopping:
        stopping = stop.is_set()  # what has arrived by then is answered as well
        tls.settimeout(STOP_CHECK_S)
        try:
            received = tls.recv(READ_BYTES)
        except TimeoutError:
            if monotonic() - active_s > limits.idle_s:
                return
            continue
        active_s = monotonic()
        tls.settimeout(limits.drain_s if stopping else limits.idle_s)
        try:
            tls.sendall(respond(received))
        except Violation:
            return
        if not received:
            return
