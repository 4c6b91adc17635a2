"""Small servers for tests of loads, good and bad."""

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

GLANCE_S = 0.02
MUCH = 1 << 20

Answer = Callable[[socket.socket, bytes], object]


def echo(listener: socket.socket, *, stop: Event) -> None:
    """Echo."""
    _answer_all(listener, stop, lambda connection, data: connection.sendall(data))


def capitals(listener: socket.socket, service: Callable[[bytes], bytes], *, stop: Event) -> None:
    """Send what the service makes of the received bytes."""
    _answer_all(listener, stop, lambda connection, data: connection.sendall(service(data)))


def upper(data: bytes) -> bytes:
    return data.upper()


def stalling(listener: socket.socket, *, every_s: float, stall_s: float, stop: Event) -> None:
    """Echo, but do nothing for `stall_s` seconds of every `every_s`."""
    next_stall = time.monotonic() + every_s

    def maybe_stall() -> None:
        nonlocal next_stall
        if time.monotonic() >= next_stall:
            next_stall += every_s
            time.sleep(stall_s)

    _answer_all(listener, stop, lambda connection, data: connection.sendall(data), maybe_stall)


def mute(listener: socket.socket, *, stop: Event) -> None:
    """Read all, and answer nothing."""
    _answer_all(listener, stop, lambda connection, data: None)


def answers_some(listener: socket.socket, *, messages: int, stop: Event) -> None:
    """Echo `messages` messages, then answer nothing."""
    left = messages

    def answer(connection: socket.socket, data: bytes) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            connection.sendall(data)

    _answer_all(listener, stop, answer)


def resets_some(listener: socket.socket, *, messages: int, stop: Event) -> None:
    """Echo `messages` messages, then reset the connection of the next."""
    left = messages

    def answer(connection: socket.socket, data: bytes) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)
            connection.close()
        else:
            connection.sendall(data)

    _answer_all(listener, stop, answer)


def mixes_up(listener: socket.socket, *, stop: Event) -> None:
    """Answer each message with the one before it, of any client."""
    before: list[bytes] = []

    def answer(connection: socket.socket, data: bytes) -> None:
        before.append(data)
        connection.sendall(before[-2] if len(before) > 1 else data)

    _answer_all(listener, stop, answer)


def in_pieces(listener: socket.socket, *, stop: Event) -> None:
    """Echo, 1000 bytes at a time."""

    def answer(connection: socket.socket, data: bytes) -> None:
        for at in range(0, len(data), 1000):
            connection.sendall(data[at : at + 1000])

    _answer_all(listener, stop, answer)


def hoards(listener: socket.socket, *, nbytes: int, stop: Event) -> None:
    """Keep `nbytes` bytes for each connection."""
    kept = []
    listener.settimeout(GLANCE_S)
    while not stop.is_set():
        with suppress(TimeoutError):
            kept.append((listener.accept(), bytearray(os.urandom(nbytes))))


def _answer_all(
    listener: socket.socket,
    stop: Event,
    answer: Answer,
    before_each: Callable[[], None] = lambda: None,
) -> None:
    """Accept all clients, and call `answer` with the bytes they send."""
    with selectors.DefaultSelector() as waiting, listener:
        waiting.register(listener, selectors.EVENT_READ)
        while not stop.is_set():
            before_each()
            for key, _ in waiting.select(GLANCE_S):
                if key.fileobj is listener:
                    waiting.register(listener.accept()[0], selectors.EVENT_READ)
                else:
                    _answer_one(waiting, key.fileobj, answer)  # type: ignore[arg-type]
        for key in list(waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]


def _answer_one(waiting: selectors.BaseSelector, connection: socket.socket, answer: Answer) -> None:
    try:
        data = connection.recv(MUCH)
    except ConnectionError:
        data = b""
    descriptor = connection.fileno()
    if data:
        answer(connection, data)
    else:
        connection.close()
    if connection.fileno() == -1:
        waiting.unregister(descriptor)


# Servers that do not serve


def raises(listener: socket.socket, *, stop: Event) -> None:
    raise LookupError("no such service")


def raises_at_the_end(listener: socket.socket, *, stop: Event) -> None:
    stop.wait()
    raise LookupError("lost at the end")


def never_stops(listener: socket.socket, *, stop: Event) -> None:
    Event().wait()


def without_stop(listener: socket.socket) -> None:
    with listener, listener.accept()[0] as connection:
        while data := connection.recv(MUCH):
            connection.sendall(data)


def prints_its_limit(listener: socket.socket, *, stop: Event) -> None:
    import resource

    print(*resource.getrlimit(resource.RLIMIT_NOFILE))


def lets_a_child_work(listener: socket.socket, *, work_s: float, stop: Event) -> None:
    """Fork a child that computes for `work_s` CPU seconds and then waits; send its pid."""
    if (child := os.fork()) == 0:
        while time.process_time() < work_s:
            pass
        Event().wait()
    with listener, listener.accept()[0] as connection:
        connection.sendall(f"{child}\n".encode())
        stop.wait()


async def coroutine(listener: socket.socket) -> None:
    import asyncio

    listener.setblocking(False)
    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
    with listener, connection:
        await asyncio.get_running_loop().sock_sendall(connection, b"hello")
