"""Relay connections between clients and a server in one thread: the engine of the proxy.

Each direction buffers what was read from one socket and not yet accepted by the other; when the
buffer is full, it reads no more until there is room, so that backpressure reaches the sender as it
would without a proxy. The end of a stream is relayed as `shutdown(SHUT_WR)`, once everything before
it is sent, and a reset as a reset.

A socket that is not registered (its direction is full, or has ended) can still be reset. selectors
has no event for that alone, so such sockets are checked for an error every few milliseconds.
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
_BUFFER = 1 << 16  # bytes, at most in one direction
_MOST = 64  # connections at a time; more clients wait in the listener's queue
_GLANCE_S = 0.02
_SWEEP_S = 0.5
_UNDER_WAY: Final = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class Relay:
    """Relay of connections, in a thread, until `stopping` is set; then everything is closed."""

    def __init__(self, target: tuple[object, ...], note: Note) -> None:
        """Create it; `note` is called with (role, "bytes" or "end" or "reset", the bytes)."""
        self.stopping = threading.Event()
        self.problem: BaseException | None = None
        self._target = target
        self._note = note
        self._connections: list[_RelayedConnection] = []
        self._accepted = 0

    def run(self, listener: socket.socket) -> None:
        """Accept clients and relay their connections; close the listener at the end."""
        listener.setblocking(False)
        try:
            with listener:
                while not self.stopping.is_set():
                    self._run_once(listener, _GLANCE_S)
                until = time.monotonic() + _SWEEP_S
                while self._run_once(listener, 0) and time.monotonic() < until:
                    pass  # bytes that have arrived by now are still relayed
        except BaseException as problem:
            self.problem = problem
        finally:
            for connection in self._connections:
                connection.close()

    def _run_once(self, listener: socket.socket, timeout_s: float) -> bool:
        """Relay what is ready after `timeout_s`; return True if anything was."""
        owners = {sock: connection for connection in self._connections for sock in connection.roles}
        interests = {
            sock: interest
            for connection in self._connections
            for sock, interest in connection.interests().items()
        }
        interests[listener] = _READ if len(self._connections) < _MOST else 0
        ready = _select(interests, timeout_s)
        for sock, events in ready.items():
            if sock is listener:
                self._accept(listener)
            else:
                owners[sock].on_event(sock, events)
        for sock, connection in owners.items():
            if not interests[sock]:
                connection.check_for_reset(sock)
        self._connections = [each for each in self._connections if not each.is_over]
        return bool(ready)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it is gone again
            return
        self._accepted += 1
        server = socket.socket(client.family)
        self._connections.append(_RelayedConnection(client, server, self._accepted, self._note))
        self._connections[-1].connect(self._target)


class _Direction:
    """One direction: from a socket to the one that gets its bytes."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.buffer = bytearray()
        self.has_ended = self.is_finished = False

    @property
    def reads(self) -> bool:
        return not self.has_ended and len(self.buffer) < _BUFFER

    def drain(self) -> None:
        """Send what the target accepts now, and the end of the stream when all is sent."""
        with suppress(BlockingIOError):
            while self.buffer:
                del self.buffer[: self.target.send(self.buffer)]
        if self.has_ended and not self.buffer and not self.is_finished:
            self.target.shutdown(socket.SHUT_WR)
            self.is_finished = True


class _RelayedConnection:
    """One client's connection to the server: two sockets of the proxy, two directions."""

    def __init__(
        self, client: socket.socket, server: socket.socket, number: int, note: Note
    ) -> None:
        self.roles = {client: f"client {number}", server: f"connection {number}"}
        self.is_over = False
        self._connecting = True
        self._server = server
        self._note = note
        self._from = {client: _Direction(client, server), server: _Direction(server, client)}
        self._to = {client: self._from[server], server: self._from[client]}
        for sock in self.roles:
            sock.setblocking(False)
            # The proxy adds no delay.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self, target: tuple[object, ...]) -> None:
        if self._server.connect_ex(target) not in _UNDER_WAY:
            self._refused()

    def interests(self) -> dict[socket.socket, int]:
        """Return the events to wait for, by socket; 0 for none now."""
        if self._connecting:
            return {sock: _WRITE * (sock is self._server) for sock in self.roles}
        return {
            sock: _READ * self._from[sock].reads | _WRITE * bool(self._to[sock].buffer)
            for sock in self.roles
        }

    def on_event(self, sock: socket.socket, events: int) -> None:
        """Relay what a socket is ready for."""
        if self.is_over:
            return
        if self._connecting:
            return self._connected()
        if events & _WRITE:
            self._write(self._to[sock])
        if events & _READ and not self.is_over:
            self._read(self._from[sock])

    def check_for_reset(self, sock: socket.socket) -> None:
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

    def _read(self, direction: _Direction) -> None:
        role = self.roles[direction.source]
        try:
            data = direction.source.recv(_BUFFER - len(direction.buffer))
        except BlockingIOError:
            return
        except OSError:  # ECONNRESET; ETIMEDOUT, EPIPE: the other end is gone as well
            return self._reset_by(role)
        self._note(role, "bytes" if data else "end", data)
        direction.buffer += data
        direction.has_ended = not data
        self._write(direction)

    def _write(self, direction: _Direction) -> None:
        try:
            direction.drain()
        except OSError:  # ECONNRESET, EPIPE, ENOTCONN
            return self._reset_by(self.roles[direction.target])
        if all(each.is_finished for each in self._from.values()):
            self.close()

    def _refused(self) -> None:
        self._reset_by(CLOSED_PORT)

    def _reset_by(self, role: str) -> None:
        """Note a reset, and relay it: both sockets are closed with RST."""
        self._note(role, "reset", b"")
        for sock in self.roles:
            reset(sock)
        self.close()


def _select(interests: Mapping[socket.socket, int], timeout_s: float) -> dict[socket.socket, int]:
    with selectors.DefaultSelector() as selector:
        for sock, events in interests.items():
            if events:
                selector.register(sock, events, data=sock)
        return {key.data: events for key, events in selector.select(timeout_s)}
