"""The learner's server while it runs, and what every check of a server expects of it.

Each `expect_...` raises `Failed` with what a client or the kernel saw instead; `who` is the
client's name in these words, for example "the next client".
"""

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from sockets_lab.exercises.harness.runner import Failed, NotStarted, Sandbox, TimedOut, Trial

__all__ = ["BUFFERS", "ServerUnderTest"]

BUFFERS = (socket.SO_RCVBUF, socket.SO_SNDBUF)
_CHUNK = 65_536
_GLANCE_S = 0.01
_MOST_SHOWN = 60  # bytes of a reply that the report quotes


class ServerUnderTest:
    """The server's listener, its run, and the event that asks it to stop.

    `soon_s` is how long a client waits for what should come immediately: long, because the machine
    may be busy. `settle_s` is how long a probe waits for what should not come. `reset_is_end` is
    False where a server has no reason to reset a connection.
    """

    soon_s = 1.5
    settle_s = 0.1
    reset_is_end = True

    def __init__(
        self,
        sandbox: Sandbox,
        *args: Any,
        backlog: int = 32,
        buffers: Mapping[int, int] | None = None,
    ) -> None:
        """Call the answer as `answer(listener, *args, stop)`.

        `buffers` has sizes in bytes for SO_RCVBUF and SO_SNDBUF; accepted connections inherit them.
        """
        self.sandbox, self.stop = sandbox, threading.Event()
        self.listener = sandbox.listener(backlog=backlog)
        _set_buffers(self.listener, buffers or {})
        self.address: Any = self.listener.getsockname()
        self.trial: Trial = sandbox.start(self.listener, *args, self.stop)
        sandbox.at_end(self.stop.set)

    # Clients

    def connect(
        self, request: bytes = b"", *, buffer: int = 0, who: str = "a client"
    ) -> socket.socket:
        """Return a client that is connected and has sent `request`.

        `buffer` is the size in bytes of its buffers; 0 leaves them to the system.
        """
        client = self.sandbox.new_socket()
        _set_buffers(client, dict.fromkeys(BUFFERS, buffer) if buffer else {})
        try:
            client.connect(self.address)
            client.sendall(request)
        except OSError as error:
            tried = "connect or send" if request else "connect"
            self.fail(f"{who} cannot {tried} ({type(error).__name__})")
        return client

    def send(self, client: socket.socket, data: bytes, who: str = "a client") -> None:
        """Send `data`; raise Failed if the client cannot."""
        try:
            client.sendall(data)
        except OSError as error:
            self.fail(f"{who} cannot send ({type(error).__name__})")

    def read(self, client: socket.socket, nbytes: int) -> bytes:
        """Return `nbytes` bytes, or fewer if the stream ends or nothing comes for `soon_s`."""
        received = bytearray()
        while len(received) < nbytes and (piece := self.piece(client)):
            received += piece
        return bytes(received)

    def piece(self, client: socket.socket, within_s: float | None = None) -> bytes | None:
        """Return what comes next; b"" when the connection has ended, None when nothing comes."""
        if not self.trial.readable(client, self.soon_s if within_s is None else within_s):
            return None
        try:
            return client.recv(_CHUNK)
        except ConnectionError:
            return b""

    def read_to_end(self, client: socket.socket, who: str = "a client") -> bytes:
        """Return all that comes until the connection ends; raise Failed if it does not."""
        received = bytearray()
        while piece := self.piece(client):
            received += piece
        if piece is None:
            self.fail(f"{who} never received the end of the stream")
        return bytes(received)

    # What is expected of the server

    def expect_running(self) -> None:
        """Raise NotStarted, or what the answer raised, if it ends immediately."""
        if self.trial.ends_within(self.settle_s):
            if self.trial.gave_nothing:
                raise NotStarted
            self.trial.result()

    def expect_reply(self, client: socket.socket, reply: bytes, who: str = "a client") -> None:
        """Raise Failed unless `reply` is what comes next to the client."""
        seen = self.read(client, len(reply))
        if seen != reply:
            self.fail(_difference(seen, reply, who))

    def expect_echo(
        self, client: socket.socket, data: bytes = b"hello", who: str = "a client"
    ) -> None:
        """Raise Failed unless the client gets back what it sends."""
        self.send(client, data, who)
        self.expect_reply(client, data, who)

    def expect_end(
        self, client: socket.socket, who: str = "a client", within_s: float | None = None
    ) -> None:
        """Raise Failed unless the connection ends within `within_s`, with no data before.

        A reset is an end, too, where the server may close while data of the client is unread.
        """
        if not self.trial.readable(client, self.soon_s if within_s is None else within_s):
            self.fail(f"{who} never received the end of the stream")
        try:
            data = client.recv(_CHUNK)
        except ConnectionError as error:
            if self.reset_is_end:
                return
            self.fail(f"{who} is reset ({type(error).__name__})")
        if data:
            self.fail(f"{who} receives data instead of the end of the stream")

    def expect_at_most_open(self, most: int, observed: str) -> None:
        """Raise Failed(observed) unless at most `most` of the server's connections stay open."""
        until_s = time.monotonic() + self.soon_s
        while self.sandbox.accepted() > most:
            if time.monotonic() > until_s:
                raise Failed(observed)
            time.sleep(_GLANCE_S)

    def expect_return(self, within_s: float | None = None) -> None:
        """Raise TimedOut unless the function returns; `stop` was set before."""
        if not self.trial.ends_within(self.soon_s if within_s is None else within_s):
            raise TimedOut("the function did not return after `stop` was set")
        self.trial.result()

    def expect_stop(self, within_s: float | None = None) -> None:
        """Set `stop`; raise Failed unless the function returns with its listener closed."""
        self.trial.ends_within(self.settle_s)  # it goes back to waiting
        self.stop.set()
        self.expect_return(within_s)
        self.expect_listener_closed()

    def expect_listener_closed(self) -> None:
        """Raise Failed if the listener is open."""
        if self.listener.fileno() != -1:
            raise Failed("the listener is still open")

    def fail(self, observed: str) -> NoReturn:
        """Raise Failed with what the function itself raised, which says more, or `observed`."""
        if isinstance(self.trial.error, Failed):
            raise self.trial.error
        if self.trial.error is not None:
            self.trial.result()
        raise Failed(observed)


def _set_buffers(sock: socket.socket, sizes: Mapping[int, int]) -> None:
    for option, nbytes in sizes.items():
        sock.setsockopt(socket.SOL_SOCKET, option, nbytes)


def _difference(seen: bytes, expected: bytes, who: str) -> str:
    if not seen:
        return f"{who} receives nothing"
    if expected.startswith(seen):  # how much is missing differs from run to run
        return f"{who} receives only a part"
    with suppress(UnicodeDecodeError):
        if len(seen) <= _MOST_SHOWN:
            return f"{who} receives {seen.decode()!r}"
    return f"{who} receives other bytes"
