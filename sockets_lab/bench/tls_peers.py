"""The entrants of the handshake table: the course's TLS servers, asyncio's and uvloop's.

Each echoes over TLS with the same certificate, whose key is made for the measurement.
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
    """Return the certificate that every server of the table presents."""
    return _authority().issue(_NAME)


@cache
def _client_context() -> ssl.SSLContext:
    return client_context(_authority())


def shake_hands(address: tuple[object, ...]) -> None:
    """Connect, shake hands in full, have one byte echoed, and close."""
    with (
        socket.create_connection(address[:2], timeout=_DEADLINE_S) as sock,  # type: ignore[arg-type]
        _client_context().wrap_socket(sock, server_hostname=_NAME) as client,
    ):
        client.sendall(b"!")
        client.recv(1)


def selectors_loop(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """Serve with the course's model that waits for all handshakes in one thread."""
    tls_selectors_loop.serve(listener, server_context(certificate), stop=stop)


def threaded(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """Serve with the course's model that has a thread for each connection."""
    tls_threaded.serve(listener, server_context(certificate), stop=stop)


def streams(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """Serve with asyncio's streams, as shipped."""
    asyncio.run(serve_streams(listener, stop, server_context(certificate)))


def uvloop_protocol(listener: socket.socket, *, stop: Event, certificate: Certificate) -> None:
    """Serve with a Protocol on uvloop."""
    import uvloop

    uvloop.run(serve_protocol(listener, stop, Echo, server_context(certificate)))


def _entrant(name: str, function: str, needs: str = "") -> Entrant:
    return Entrant(name, f"{__name__}:{function}", lack_of(needs))


ENTRANTS: Final = (
    _entrant(UVLOOP_TLS, "uvloop_protocol", "uvloop"),
    _entrant("selectors_loop, TLS", "selectors_loop"),
    _entrant("threaded, TLS", "threaded"),
    _entrant(ASYNCIO_TLS, "streams"),
)
