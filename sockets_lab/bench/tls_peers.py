"""Who takes part in the table of handshakes: the TLS servers of the course, asyncio's and uvloop's.

Each echoes over TLS, and is handed the same certificate, whose key is made for the measurement.
"""

import asyncio
import socket
import ssl
from functools import cache
from threading import Event
from typing import Final

from sockets_lab.bench.entrants import Entrant, lack_of
from sockets_lab.bench.python_peers import Echo, serve_protocol, serve_streams
from sockets_lab.servers import tls_selectors_loop, tls_threaded
from sockets_lab.tls import Authority, Certificate, client_context, server_context

__all__ = ["ASYNCIO_TLS", "ENTRANTS", "UVLOOP_TLS", "certificate", "shake_hands"]

UVLOOP_TLS: Final = "uvloop Protocol, TLS"
ASYNCIO_TLS: Final = "plain asyncio streams, TLS"
_NAME: Final = "localhost"
_DEADLINE_S: Final = 10.0


@cache
def _authority() -> Authority:
    return Authority()


@cache
def certificate() -> Certificate:
    """The certificate that every server of the table shows."""
    return _authority().issue(_NAME)


@cache
def _trusting() -> ssl.SSLContext:
    return client_context(_authority())


def shake_hands(address: tuple[object, ...]) -> None:
    """Connect, shake hands in full, have one byte echoed, and close."""
    with (
        socket.create_connection(address[:2], timeout=_DEADLINE_S) as sock,  # type: ignore[arg-type]
        _trusting().wrap_socket(sock, server_hostname=_NAME) as client,
    ):
        client.sendall(b"!")
        client.recv(1)


def selectors_loop(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """The course's server that waits for all handshakes in one thread."""
    tls_selectors_loop.serve(listener, server_context(certificate), stop=stop)


def threaded(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """The course's server with a thread for each connection."""
    tls_threaded.serve(listener, server_context(certificate), stop=stop)


def streams(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """asyncio's streams."""
    asyncio.run(serve_streams(listener, stop, server_context(certificate)))


def uvloop_protocol(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """A Protocol on uvloop."""
    import uvloop

    uvloop.run(serve_protocol(listener, stop, Echo, server_context(certificate)))


def _entrant(name: str, function: str, does: str, needs: str = "") -> Entrant:
    return Entrant(name, f"{__name__}:{function}", does, lack_of(needs))


ENTRANTS: Final = (
    _entrant(UVLOOP_TLS, "uvloop_protocol", "a callback for each event, on libuv", "uvloop"),
    _entrant(
        "selectors_loop, TLS", "selectors_loop", "one thread that waits until sockets are ready"
    ),
    _entrant("threaded, TLS", "threaded", "a thread for each connection"),
    _entrant(ASYNCIO_TLS, "streams", "as shipped"),
)
