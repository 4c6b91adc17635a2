"""Conversations worth capturing, as plain calls, in steps.

Each is a generator that makes some calls, then yields what was done in words and the sockets to
look at. Between two steps nothing moves: so a test can ask the kernel for every state, and `play`
waits until the kernel has settled. That makes a capture the same on every run, although a receiver
may delay an acknowledgement, or let it ride on the next segment.

    whole_connection   a request, a reply, and both ends close in turn
    half_close         the client finishes its writing first, the server still replies
    reset              the server closes with bytes unread: the conversation ends with RST
    full_queue         a second client finds the accept queue full, and knocks again
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

_PATIENCE_S = 5.0  # a SYN is repeated after one second


class Moment(NamedTuple):
    """A moment at which nothing moves: what was done last, and the sockets that take part."""

    words: str
    sockets: tuple[socket.socket, ...]


class Played(NamedTuple):
    """A step that was played, and the kernel's state of everybody after it, by role."""

    words: str
    states: dict[str, str]


def play(scenario: Scenario, host: str = "127.0.0.1") -> list[Played]:
    """Run a scenario step by step, mark each in the capture, and tell the kernel's states.

    host: a loopback address of either family. Nothing is left open. NotSeen (a TimeoutError) if the
    kernel does not settle, OSError as the scenario's own calls raise it.
    """
    roles, played = Roles(), []
    with closing(scenario(host)) as steps:
        for words, sockets in steps:
            seen = settle(words, *sockets, roles=roles, host=host)
            played.append(Played(words, {view.role: view.state for view in seen}))
    return played


def whole_connection(host: str) -> Generator[Moment, None, None]:
    """The client connects, sends 5 bytes, gets 5 back and closes; then the server closes."""
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        everybody = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", everybody)
            connection.sendall(connection.recv(5).upper())
            yield Moment("the server replies", everybody)
            client.recv(5)
            client.close()
            yield Moment("the client closes", everybody)
        yield Moment("the server closes", everybody)


def half_close(host: str) -> Generator[Moment, None, None]:
    """The client sends 5 bytes and finishes its writing; the server replies to the end, and closes.

    The client can read all the while: shutdown(SHUT_WR) ends one direction only.
    """
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        everybody = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", everybody)
            client.shutdown(socket.SHUT_WR)
            yield Moment("the client finishes its writing", everybody)
            connection.sendall(connection.recv(5).upper())
            yield Moment("the server replies", everybody)
        yield Moment("the server closes", everybody)


def reset(host: str) -> Generator[Moment, None, None]:
    """The server replies and closes, but has not read the request: instead of FIN it sends RST."""
    with _stream(host) as listener, _stream(host) as client:
        listener.bind((host, 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        yield Moment("the client connects", (listener, client))
        connection, _ = listener.accept()
        everybody = (listener, client, connection)
        with connection:
            client.sendall(b"hello")
            yield Moment("the client sends its request", everybody)
            connection.sendall(b"HELLO")
            yield Moment("the server replies and has read nothing", everybody)
        yield Moment("the server closes", everybody)


def full_queue(host: str) -> Generator[Moment, None, None]:
    """With backlog 0 one client gets in; the second knocks, and again when there is room.

    The first SYN of the second client is thrown away. Nobody tells it when the server has accepted
    the first one: its kernel sends the SYN again after a second (RFC 6298, section 2.1).
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
        everybody = (listener, first, second, connection)
        with connection:
            yield Moment("the server accepts client 1", everybody)
            select.select([], [second], [], _PATIENCE_S)
            yield Moment("client 2 has called again", everybody)
            first.close()
            yield Moment("client 1 closes", everybody)
        yield Moment("the server closes the connection", everybody)
        listener.close()
        yield Moment("the server closes the listener", everybody)


SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.__name__: scenario for scenario in (whole_connection, half_close, reset, full_queue)
}


def _stream(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.settimeout(_PATIENCE_S)
    return sock
