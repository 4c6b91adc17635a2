"""Each step from `selectors_loop` to `epoll_loop`: echo loops that differ in one thing.

They do nothing else: no backpressure, no deadline, no drain. So a ratio is the cost of one step.
"""

import os
import select
import selectors
import socket
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Final

__all__ = ["STEPS", "both", "clocked", "epoll", "large_reads", "numbers", "plain"]

STEPS: Final = {
    "selectors, sockets": "plain",
    "epoll as it comes": "epoll",
    "numbers instead of sockets": "numbers",
    "both": "both",
    "both, and a clock for each message": "clocked",
    "both, and reads of 256 KiB": "large_reads",
}
"""Names and functions of this file; the first is the base of the ratios."""

_STOP_CHECK_S: Final = 0.1
_READ: Final = 16_384


def plain(listener: socket.socket, *, stop: Event) -> None:
    """Echo with `selectors` and sockets."""
    with selectors.DefaultSelector() as selector, listener:
        selector.register(listener, selectors.EVENT_READ)
        while not stop.is_set():
            for key, _ in selector.select(_STOP_CHECK_S):
                if key.data is None:
                    sock = _accept(listener)
                    selector.register(sock, selectors.EVENT_READ, sock)
                elif received := key.data.recv(_READ):
                    key.data.send(received)
                else:
                    selector.unregister(key.data)
                    key.data.close()
        for key in list(selector.get_map().values()):
            if key.data:
                key.data.close()


def epoll(listener: socket.socket, *, stop: Event) -> None:
    """Echo with epoll, and sockets found by their descriptor."""
    socks = {listener.fileno(): listener}
    with select.epoll() as poller, listener:
        poller.register(listener, select.EPOLLIN)
        while not stop.is_set():
            for descriptor, _ in poller.poll(_STOP_CHECK_S):
                sock = socks[descriptor]
                if sock is listener:
                    new = _accept(listener)
                    socks[new.fileno()] = new
                    poller.register(new, select.EPOLLIN)
                elif received := sock.recv(_READ):
                    sock.send(received)
                else:
                    socks.pop(descriptor).close()
        for sock in socks.values():
            sock.close()


def numbers(listener: socket.socket, *, stop: Event) -> None:
    """Echo with `selectors` and bare descriptors."""
    with selectors.DefaultSelector() as selector, listener:
        selector.register(listener.fileno(), selectors.EVENT_READ, listener)
        while not stop.is_set():
            for key, _ in selector.select(_STOP_CHECK_S):
                if key.data:
                    selector.register(_accept(listener).detach(), selectors.EVENT_READ)
                elif received := os.read(key.fd, _READ):
                    os.write(key.fd, received)
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
        for key in list(selector.get_map().values()):
            if not key.data:
                os.close(key.fd)


def both(listener: socket.socket, *, stop: Event) -> None:
    """Echo with epoll and bare descriptors."""
    _bare(listener, stop, _READ)


def large_reads(listener: socket.socket, *, stop: Event) -> None:
    """Echo like `both`, with reads as large as asyncio's."""
    _bare(listener, stop, 1 << 18)


def _bare(listener: socket.socket, stop: Event, nbytes: int) -> None:
    listening, opened = listener.fileno(), set[int]()
    with select.epoll() as poller, listener:
        poller.register(listening, select.EPOLLIN)
        while not stop.is_set():
            for descriptor, _ in poller.poll(_STOP_CHECK_S):
                if descriptor == listening:
                    _open(listener, poller, opened)
                elif received := os.read(descriptor, nbytes):
                    os.write(descriptor, received)
                else:
                    opened.remove(descriptor)
                    os.close(descriptor)
    for descriptor in opened:
        os.close(descriptor)


def clocked(listener: socket.socket, *, stop: Event) -> None:
    """Echo like `both`, and note the time of each message, as an idle deadline needs it."""
    listening, opened = listener.fileno(), set[int]()
    active_s: dict[int, float] = {}
    with select.epoll() as poller, listener:
        poller.register(listening, select.EPOLLIN)
        while not stop.is_set():
            for descriptor, _ in poller.poll(_STOP_CHECK_S):
                if descriptor == listening:
                    _open(listener, poller, opened)
                elif received := os.read(descriptor, _READ):
                    active_s[descriptor] = monotonic()
                    os.write(descriptor, received)
                else:
                    opened.remove(descriptor)
                    os.close(descriptor)
    for descriptor in opened:
        os.close(descriptor)


def _open(listener: socket.socket, poller: select.epoll, opened: set[int]) -> None:
    descriptor = _accept(listener).detach()
    opened.add(descriptor)
    poller.register(descriptor, select.EPOLLIN)


def _accept(listener: socket.socket) -> socket.socket:
    sock, _ = listener.accept()
    with suppress(OSError):
        sock.setblocking(False)
    return sock
