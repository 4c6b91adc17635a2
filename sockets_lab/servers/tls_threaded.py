"""TLS, a thread for each connection: whoever is slow to shake hands holds nobody else up.

The handshake is a conversation with a stranger, so it is led in the connection's own thread, never
between two calls of accept(), and under a deadline that counts from its beginning to its end.
TCP_NODELAY is set for the reason told in `tls_selectors_loop`.
"""

import socket
import ssl
from contextlib import suppress
from threading import Event, Thread, current_thread
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.blocking import accepted
from sockets_lab.servers.limits import GLANCE_S, READ_BYTES, Limits
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
    """Serve each client of `listener` over TLS, in a thread of its own."""
    threads: set[Thread] = set()

    def work(connection: socket.socket) -> None:
        try:
            _talk(connection, context, service, stop, limits)
        finally:
            threads.discard(current_thread())

    try:
        with listener:
            for connection in accepted(listener, stop):
                thread = Thread(target=work, args=(connection,), daemon=True)
                threads.add(thread)
                thread.start()
    finally:
        for thread in list(threads):
            thread.join()


def _talk(
    connection: socket.socket,
    context: ssl.SSLContext,
    service: Service,
    stop: Event,
    limits: Limits,
) -> None:
    """Shake hands, and answer one client to its end; what is wrong with it is no error here."""
    with connection, suppress(OSError):  # ssl.SSLError and TimeoutError are OSErrors
        connection.settimeout(limits.handshake_s)  # for do_handshake() as a whole
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as secured:
            _answer_all(secured, service, stop, limits)
            secured.unwrap()  # close_notify: the end, and not a wire that was cut


def _answer_all(secured: ssl.SSLSocket, service: Service, stop: Event, limits: Limits) -> None:
    converse, heard_s, stopping = service(), monotonic(), False
    while not stopping:
        stopping = stop.is_set()  # what has come by then is answered as well
        secured.settimeout(GLANCE_S)
        try:
            received = secured.recv(READ_BYTES)
        except TimeoutError:
            if monotonic() - heard_s > limits.idle_s:
                return
            continue
        heard_s = monotonic()
        secured.settimeout(limits.drain_s if stopping else limits.idle_s)
        try:
            secured.sendall(converse(received))
        except Violation:
            return
        if not received:
            return
