"""A client of a function that finishes a connection, and what this client observes.

The function gets a connection whose request was read already, all of it or only a part. What a
client waits for must come within a grace period; otherwise the function counts as hanging.
"""

import socket
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from sockets_lab.exercises.harness.runner import Failed, Sandbox, TimedOut, Trial

__all__ = ["AMPLE_S", "GRACE_S", "HINT_CLOSE", "HINT_END", "ClosingClient", "connect"]

AMPLE_S = 1.0  # a deadline that plays no part: the client finishes long before
GRACE_S = 0.5  # after a deadline, or for what should come immediately: long, for a busy machine

HINT_END = "b'' is the end of the client's stream: leave the loop there, and do not sleep"
HINT_CLOSE = (
    "a close() at the end is not reached when a call raises, and shutdown() is no close(): use "
    "`with connection:`, or close() in finally"
)

_REQUEST = b"What time is it?"
_REPLY = b"Half past nine."
_PAUSE_S = 0.06  # of a client that thinks before it goes on
_CHUNK = 65_536


class ClosingClient(NamedTuple):
    """A client, and the learner's function at work on the other end of its connection."""

    client: socket.socket
    connection: socket.socket
    reply: bytes
    trial: Trial
    began_s: float

    def fail(self, observed: str, *, hung: bool = False) -> NoReturn:
        """Raise Failed with what the function itself raised, which says more, or `observed`."""
        if self.trial.error is not None:
            self.trial.result()
        raise (TimedOut if hung and not self.trial.ended else Failed)(observed)

    def piece(self) -> bytes:
        """Return what comes next to the client, b"" at the end of the stream."""
        if not self.trial.readable(self.client, GRACE_S):
            self.fail("the client receives nothing", hung=True)
        try:
            return self.client.recv(_CHUNK)
        except ConnectionError:
            self.fail("the client was reset")

    def read_reply(self) -> None:
        """Read as many bytes as the reply has; raise Failed if they differ."""
        received = bytearray()
        while len(received) < len(self.reply) and (piece := self.piece()):
            received += piece
        if received != self.reply:
            self.fail(_difference(received, self.reply))

    def read_end(self) -> None:
        """Read the end of the stream; raise Failed if anything else comes."""
        if self.piece():
            self.fail("the client receives more than the reply")

    def think(self) -> None:
        """Let the client pause: the pause is its behaviour, not a guess."""
        self.trial.ends_within(_PAUSE_S)

    def expect_end(self, seconds: float = 0) -> None:
        """Wait at most `seconds` and the grace period for the function's end, or raise TimedOut."""
        if not self.trial.ends_within(seconds + GRACE_S):
            raise TimedOut("the function did not return", "" if seconds else HINT_END)
        self.trial.result()

    def expect_closed(self) -> None:
        """Raise Failed if the connection is still open."""
        if self.connection.fileno() != -1:
            raise Failed("the connection is still open", HINT_CLOSE)


def connect(
    sandbox: Sandbox,
    reply: bytes = _REPLY,
    deadline_s: float = AMPLE_S,
    *,
    unread: bytes = b"",
    first: Callable[[socket.socket], None] = lambda client: None,
    buffers: int = 0,
) -> ClosingClient:
    """Start the function on a connection whose request was read, all but `unread`.

    `first` is what the client does before the function begins. `buffers` has the size in bytes for
    both ends; 0 leaves them to the system, which has room for the large reply.
    """
    listener, client = sandbox.listener(), sandbox.new_socket()
    for sock in (listener, client) if buffers else ():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
    client.connect(listener.getsockname())
    client.sendall(_REQUEST + unread)
    connection = sandbox.keep(listener.accept()[0])
    connection.recv(len(_REQUEST), socket.MSG_WAITALL)
    first(client)
    began_s = time.monotonic()
    trial = sandbox.start(connection, reply, deadline_s)
    return ClosingClient(client, connection, reply, trial, began_s)


def _difference(seen: bytes | bytearray, expected: bytes) -> str:
    if not seen:
        return "the client receives no reply, only the end of the stream"
    if expected.startswith(seen):  # how much is missing differs from run to run
        return "the client receives only a part of the reply"
    return "the client receives another reply"
