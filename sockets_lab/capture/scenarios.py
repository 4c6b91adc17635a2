"""Exchanges worth capturing, as plain calls, in steps.

Each is a generator that makes some calls, then yields a description of them and the sockets to
look at. Between two steps nothing moves: so a test can ask the kernel for every state, and `play`
waits until the kernel has settled. That makes a capture the same on every run, although a receiver
may delay an acknowledgement, or send it with the next segment.

    whole_connection   a request, a reply, and both ends close in turn
    half_close         the client finishes its writing first, the server still replies
    reset              the server closes with bytes unread: the connection ends with RST
    full_queue         a second client finds the accept queue full, and tries again
"""

import select
import socket
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, NamedTuple

from sockets_lab.capture.settling import settle
from sockets_lab.roles import Roles

__all__ = [
    "SCENARIOS",
    "Moment",
    "Played",
    "full_queue",
    "half_close",
    "play",
    "reset",
    "whole_connection",
]

Scenario = Callable[[str], Generator["Moment", None, None]]

_TIMEOUT_S = 5.0  # a SYN is repeated after one second


class Moment(NamedTuple):
    """Moment at which nothing moves: what was done last, and the sockets that take part."""

    words: str
    sockets: tuple[socket.socket, ...]


class Played(NamedTuple):
    """Step that was played, and the kernel's states after it, by role."""

    words: str
    states: dict[str, str]


def play(scenario: Scenario, host: str = "127.0.0.1") -> list[Played]:
    """Run a scenario step by step, mark each in the capture, and return the kernel's states.

    host: a loopback address of either family. Nothing is left open. NotSeen (a TimeoutError) if the
    kernel does not settle, OSError as the calls of the scenario raise it.
    """
    roles, played = Roles(), []
    with closing(scenario(host)) as steps:
        for words, sockets in steps:
            seen = settle(words, *sockets, roles=roles, host=host)
            played.append(Played(words, {view.role: view.state for view in seen}))
    return played


def whole_connection(host: str) -> Generator[Moment, None, None]:
    """Connect, exchange 5 bytes each way, and close: first the client, then the server."""
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        sockets = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", sockets)
            connection.sendall(connection.recv(5).upper())
            yield Moment("the server replies", sockets)
            client.recv(5)
            client.close()
            yield Moment("the client closes", sockets)
        yield Moment("the server closes", sockets)


def half_close(host: str) -> Generator[Moment, None, None]:
    """Send 5 bytes and finish writing at the client; reply in full and close at the server.

    The client can still read: shutdown(SHUT_WR) ends one direction only.
    """
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        sockets = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", sockets)
            client.shutdown(socket.SHUT_WR)
            yield Moment("the client finishes its writing", sockets)
            connection.sendall(connection.recv(5).upper())
            yield Moment("the server replies", sockets)
        yield Moment("the server closes", sockets)


def reset(host: str) -> Generator[Moment, None, None]:
    """Reply and close at the server with the request unread: instead of FIN it sends RST."""
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        sockets = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", sockets)
            connection.sendall(b"HELLO")
            yield Moment("the server replies and has read nothing", sockets)
        yield Moment("the server closes", sockets)


def full_queue(host: str) -> Generator[Moment, None, None]:
    """Connect two clients with backlog 0: the second succeeds only when it tries again.

    The first SYN of the second client is dropped. Nothing informs it when the server has accepted
    the first client: its kernel sends the SYN again after a second (RFC 6298, section 2.1).
    """
    with _stream(host) as listener, _stream(host) as first, _stream(host) as second:
        listener.bind((host, 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        yield Moment("client 1 connects, and the queue is full", (listener, first))
        second.setblocking(False)
        second.connect_ex(listener.getsockname())
        yield Moment("client 2 calls in vain", (listener, first, second))
        connection, _ = listener.accept()
        sockets = (listener, first, second, connection)
        with connection:
            yield Moment("the server accepts client 1", sockets)
            select.select([], [second], [], _TIMEOUT_S)
            yield Moment("client 2 has called again", sockets)
            first.close()
            yield Moment("client 1 closes", sockets)
        yield Moment("the server closes the connection", sockets)
        listener.close()
        yield Moment("the server closes the listener", sockets)


SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.__name__: scenario for scenario in (whole_connection, half_close, reset, full_queue)
}


def _stream(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.settimeout(_TIMEOUT_S)
    return sock
