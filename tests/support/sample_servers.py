"""Small servers, good and bad, each for one connection, to test clients with."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event

from sockets_lab import background, open_listener
from sockets_lab.peers import finish, reset
from tests.conftest import Family

Handler = Callable[[socket.socket, Event], None]

REQUEST, REPLY = b"\0\0\0\5hello", b"\0\0\0\5HELLO"
IDLE_S = 0.5
LIMIT = 1000  # bytes of a message
MUCH = 1 << 16


@contextmanager
def serving(handler: Handler, family: Family) -> Iterator[object]:
    """Serve one client with `handler` beside the test; yield the listener's address.

    handler: gets the connection, and an event that is set when the test is done.
    """

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            handler(connection, done)

    done = Event()
    with open_listener(family.host) as listener, background.run(serve, listener):
        try:
            yield listener.getsockname()
        finally:
            done.set()


@contextmanager
def no_listener(family: Family) -> Iterator[object]:
    """Yield an address that is in use, and has no listener."""
    with socket.socket(family.family, socket.SOCK_STREAM) as holder:
        holder.bind((family.host, 0))
        yield holder.getsockname()


def framed(connection: socket.socket, done: Event) -> None:
    """Behave well: a length before each message, replies in capitals, bounded in bytes and time."""
    connection.settimeout(IDLE_S)
    held = b""
    with suppress(TimeoutError):
        while data := connection.recv(MUCH):
            held += data
            messages, held, claimed = cut(held)
            connection.sendall(b"".join(messages).upper())
            if claimed > LIMIT:
                return


def cut(held: bytes) -> tuple[list[bytes], bytes, int]:
    """Return the whole messages, the rest, and the length that the rest announces."""
    messages, at = [], 0
    while len(held) - at >= 4:
        (length,) = struct.unpack_from("!I", held, at)
        if length > LIMIT or len(held) - at < 4 + length:
            return messages, held[at:], length
        messages.append(held[at : at + 4 + length])
        at += 4 + length
    return messages, held[at:], 0


def echo(connection: socket.socket, done: Event) -> None:
    """Send back whatever comes, and wait for ever for more."""
    while data := connection.recv(MUCH):
        connection.sendall(data)


def mute(connection: socket.socket, done: Event) -> None:
    """Read everything, and send nothing."""
    while connection.recv(MUCH):
        pass
    done.wait()


def never_reads(connection: socket.socket, done: Event) -> None:
    """Accept, and do nothing more."""
    done.wait()


def finishes_first(connection: socket.socket, done: Event) -> None:
    """Finish before any request, and read what comes."""
    finish(connection)
    while connection.recv(MUCH):
        pass


def resets(connection: socket.socket, done: Event) -> None:
    """Reset every connection."""
    reset(connection)


def replies_half(connection: socket.socket, done: Event) -> None:
    """Read a whole request, and finish in the middle of the reply."""
    if read_request(connection):
        connection.sendall(REPLY[: len(REPLY) // 2])
        finishes_first(connection, done)
    done.wait()


def replies_slowly(connection: socket.socket, done: Event) -> None:
    """Send the first half of the reply, and never the rest."""
    if read_request(connection):
        connection.sendall(REPLY[: len(REPLY) // 2])
    done.wait()


def sends_other_bytes(connection: socket.socket, done: Event) -> None:
    """Send other bytes than the reply, and read everything."""
    connection.sendall(b"220 welcome\r\n")
    while connection.recv(MUCH):
        pass
    done.wait()


def replies_twice(connection: socket.socket, done: Event) -> None:
    """Send the reply, and send it again when the client has finished."""
    if read_request(connection):
        connection.sendall(REPLY)
    while connection.recv(MUCH):
        pass
    connection.sendall(REPLY)


def replies_and_resets(connection: socket.socket, done: Event) -> None:
    """Send the whole reply, and reset the connection."""
    if read_request(connection):
        connection.sendall(REPLY)
    reset(connection)


def replies_and_holds_on(connection: socket.socket, done: Event) -> None:
    """Send the whole reply, and never close."""
    if read_request(connection):
        connection.sendall(REPLY)
    done.wait()


def read_request(connection: socket.socket) -> bool:
    """Read the bytes of one request; return True if all came."""
    held = 0
    while held < len(REQUEST) and (data := connection.recv(len(REQUEST) - held)):
        held += len(data)
    return held == len(REQUEST)
