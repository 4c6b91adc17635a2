"""Attacks on a server of one's own: many clients at once, each a little rude, for a bounded time.

Each is a function that goes on until the event `stop` is set, so that it can be run beside a
notebook with `background.run`, and returns how many connections it has made. None talks to another
machine (see `sockets_lab.peers.target`), none holds more than `MOST` connections, opens more than
`AGAIN` times that, or goes on for longer than `LONGEST_S` seconds.
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
_SMALL_BUFFER: Final = 4096  # the kernel takes the least that it allows


def hold_idle(address: Sequence[object], *, stop: Event, many: int = 100, source: str = "") -> int:
    """Hold `many` connections and say nothing; whoever is closed connects anew.

    source: the address to come from, such as "127.0.0.2" (Linux), "" for the usual one
    """
    return _go_on(address, lambda sock: iter(()), stop, many, source)


def slowloris(
    address: Sequence[object],
    request: bytes,
    *,
    stop: Event,
    many: int = 100,
    source: str = "",
    pause_s: float = 0.05,
) -> int:
    """Send a request byte by byte, one every `pause_s` seconds, on `many` connections.

    It is known as Slowloris where the request is one of HTTP.
    """

    def moves(sock: socket.socket) -> Iterator[object]:
        for byte in request:
            yield sock.send(bytes([byte]))

    return _go_on(address, moves, stop, many, source, pause_s)


def slow_read(
    address: Sequence[object],
    request: bytes,
    *,
    stop: Event,
    many: int = 100,
    source: str = "",
    pause_s: float = 0.05,
) -> int:
    """Ask for a long reply, and read it byte by byte, on `many` connections with small buffers."""

    def moves(sock: socket.socket) -> Iterator[object]:
        sock.send(request)
        while True:
            yield None
            with suppress(BlockingIOError):
                if not sock.recv(1):
                    return

    return _go_on(address, moves, stop, many, source, pause_s)


def flood(
    address: Sequence[object],
    head: bytes,
    *,
    stop: Event,
    many: int = 4,
    source: str = "",
    nbytes: int = 20_000_000,
) -> int:
    """Send `head`, and then zeros, as fast as they are taken: `nbytes` on each of `many`."""
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

    return _go_on(address, moves, stop, many, source, 0.001)


def _go_on(
    address: Sequence[object],
    moves: Callable[[socket.socket], Iterator[object]],
    stop: Event,
    many: int,
    source: str,
    pause_s: float = 0.05,
) -> int:
    """Hold so many connections, and let each make its next move after each pause."""
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
            for sock in [one for one, its in running.items() if _has_ended(one, its)]:
                del running[sock]
                sock.close()
            if stop.wait(pause_s):
                break
    return made


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _connected(address: Sequence[object], family: int, source: str) -> socket.socket | None:
    """Connect; None where the server takes nobody now."""
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
    """Make the next move; tell whether the server has ended the connection."""
    try:
        if next(moves, _SILENT) is _SILENT:
            return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False
