"""The proxy's engine: one thread that passes on what clients and a server say to each other.

Each direction holds what was read from one socket and not yet taken by the other; when it holds
enough, it reads no more until there is room, so that a reader who does not read is felt by the
writer as it would be without a proxy. The end of a stream is passed on as `shutdown(SHUT_WR)`, once
everything before it is through, and a reset as a reset.

A socket that is not waited for (its direction is full, or has ended) can still be reset. selectors
has no event for that alone, so such sockets are asked for an error every few milliseconds.
"""

import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from sockets_lab.capture.segments import CLOSED_PORT
from sockets_lab.peers import reset

__all__ = ["Relay"]

Note = Callable[[str, str, bytes], None]

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_HELD = 1 << 16  # bytes, at most in one direction
_MOST = 64  # conversations at a time; more clients wait in the listener's queue
_GLANCE_S = 0.02
_SWEEP_S = 0.5
_UNDER_WAY: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Relay:
    """Passes on conversations in a thread until it is told to stop; then everything is closed."""

    def __init__(self, target: tuple[object, ...], note: Note) -> None:
        """`note` is called in the thread with (who, "bytes" or "end" or "reset", the bytes)."""
        self.stopping = threading.Event()
        self.problem: BaseException | None = None
        self._target = target
        self._note = note
        self._talks: list[_Talk] = []
        self._met = 0

    def run(self, listener: socket.socket) -> None:
        """Accept clients and pass on what they say; the listener is closed at the end."""
        listener.setblocking(False)
        try:
            with listener:
                while not self.stopping.is_set():
                    self._turn(listener, _GLANCE_S)
                until = time.monotonic() + _SWEEP_S
                while self._turn(listener, 0) and time.monotonic() < until:
                    pass  # what has come by now is still passed on
        except BaseException as problem:
            self.problem = problem
        finally:
            for talk in self._talks:
                talk.close()

    def _turn(self, listener: socket.socket, timeout_s: float) -> bool:
        """Do what can be done without waiting, and say whether there was anything."""
        talk_of = {sock: talk for talk in self._talks for sock in talk.roles}
        wishes = {sock: wish for talk in self._talks for sock, wish in talk.wishes().items()}
        wishes[listener] = _READ if len(self._talks) < _MOST else 0
        ready = _select(wishes, timeout_s)
        for sock, events in ready.items():
            if sock is listener:
                self._accept(listener)
            else:
                talk_of[sock].move(sock, events)
        for sock, talk in talk_of.items():
            if not wishes[sock]:
                talk.look_for_reset(sock)
        self._talks = [talk for talk in self._talks if not talk.is_over]
        return bool(ready)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it has gone again
            return
        self._met += 1
        server = socket.socket(client.family)
        self._talks.append(_Talk(client, server, self._met, self._note))
        self._talks[-1].connect(self._target)


class _Way:
    """One direction: from a socket to the one that its bytes are for."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.held = bytearray()
        self.has_ended = self.is_through = False

    @property
    def reads(self) -> bool:
        return not self.has_ended and len(self.held) < _HELD

    def drain(self) -> None:
        """Hand on what the target takes now, and the end of the stream when all is handed on."""
        with suppress(BlockingIOError):
            while self.held:
                del self.held[: self.target.send(self.held)]
        if self.has_ended and not self.held and not self.is_through:
            self.target.shutdown(socket.SHUT_WR)
            self.is_through = True


class _Talk:
    """One client's conversation with the server: two sockets of the proxy, two directions."""

    def __init__(
        self, client: socket.socket, server: socket.socket, number: int, note: Note
    ) -> None:
        self.roles = {client: f"client {number}", server: f"connection {number}"}
        self.is_over = False
        self._connecting = True
        self._server = server
        self._note = note
        self._from = {client: _Way(client, server), server: _Way(server, client)}
        self._to = {client: self._from[server], server: self._from[client]}
        for sock in self.roles:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # no wait of our own

    def connect(self, target: tuple[object, ...]) -> None:
        if self._server.connect_ex(target) not in _UNDER_WAY:
            self._refused()

    def wishes(self) -> dict[socket.socket, int]:
        """What each socket is to be waited for; 0 for nothing now."""
        if self._connecting:
            return {sock: _WRITE * (sock is self._server) for sock in self.roles}
        return {
            sock: _READ * self._from[sock].reads | _WRITE * bool(self._to[sock].held)
            for sock in self.roles
        }

    def move(self, sock: socket.socket, events: int) -> None:
        """Pass on what a socket is ready for."""
        if self.is_over:
            return
        if self._connecting:
            return self._connected()
        if events & _WRITE:
            self._write(self._to[sock])
        if events & _READ and not self.is_over:
            self._read(self._from[sock])

    def look_for_reset(self, sock: socket.socket) -> None:
        if not self.is_over and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._reset_by(self.roles[sock])

    def close(self) -> None:
        self.is_over = True
        for sock in self.roles:
            sock.close()

    def _connected(self) -> None:
        if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._refused()
        self._connecting = False

    def _read(self, way: _Way) -> None:
        role = self.roles[way.source]
        try:
            data = way.source.recv(_HELD - len(way.held))
        except BlockingIOError:
            return
        except OSError:  # ECONNRESET; ETIMEDOUT, EPIPE: the other end is gone all the same
            return self._reset_by(role)
        self._note(role, "bytes" if data else "end", data)
        way.held += data
        way.has_ended = not data
        self._write(way)

    def _write(self, way: _Way) -> None:
        try:
            way.drain()
        except OSError:  # ECONNRESET, EPIPE, ENOTCONN
            return self._reset_by(self.roles[way.target])
        if all(each.is_through for each in self._from.values()):
            self.close()

    def _refused(self) -> None:
        self._reset_by(CLOSED_PORT)

    def _reset_by(self, role: str) -> None:
        """Note a reset, and pass it on: both sockets are closed with RST."""
        self._note(role, "reset", b"")
        for sock in self.roles:
            reset(sock)
        self.close()


def _select(wishes: Mapping[socket.socket, int], timeout_s: float) -> dict[socket.socket, int]:
    with selectors.DefaultSelector() as selector:
        for sock, events in wishes.items():
            if events:
                selector.register(sock, events, data=sock)
        return {key.data: events for key, events in selector.select(timeout_s)}
