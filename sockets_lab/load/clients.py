"""One client of the load: a connection on which one request at a time is under way."""

import errno
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

from sockets_lab.load.waiting import Waiting

__all__ = ["Client", "Exchange", "WrongReply"]

# The buffer is full or empty; or, on systems other than Linux, the connection is not made yet.
_NOT_YET: Final = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOTCONN}

_MARK: Final = 8
"""Bytes at the head of a request that name the client."""


class WrongReply(ValueError):
    """A reply differs from what was expected; its latency would mean nothing."""


class Exchange(NamedTuple):
    """What each client sends and expects: `request` and `reply`, or `size` bytes to be echoed."""

    size: int
    request: bytes | None = None
    reply: bytes | None = None

    def of(self, number: int) -> tuple[bytes, bytes]:
        """Return the request of client `number`, and the reply that it expects."""
        request = self.request or _numbered_request(number, self.size)
        return request, request if self.reply is None else self.reply


def _numbered_request(number: int, size: int) -> bytes:
    """Return `size` bytes that no other client sends, if 8 fit."""
    mark = b"%0*d" % (_MARK, number)
    return mark[-size:].ljust(size, b".")


class Client:
    """A connected socket, not blocking, with the request it sends and the reply it expects.

    The caller, who made the socket, closes it. `sent_ns` is when the request under way was sent,
    `intended_ns` when it was due, and `free_ns` since when none was under way.
    """

    __slots__ = (
        *("_held", "_most", "_next", "_receive", "_send", "_size", "_unsent", "_waiting"),
        *("free_ns", "intended_ns", "reply", "request", "sent_ns", "sock"),
    )

    def __init__(
        self, sock: socket.socket, request: bytes, reply: bytes, waiting: "Waiting[Client]"
    ) -> None:
        self.sock, self.request, self.reply = sock, request, reply
        self.sent_ns = self.intended_ns = self.free_ns = 0
        self._waiting = waiting
        # Looked up once, for the two calls that every message makes.
        self._send: Callable[[bytes], int] = sock.send
        self._receive: Callable[[int], bytes] = sock.recv
        self._size, self._most = len(request), len(reply) + 1  # one more, to notice a longer reply
        # What the next recv() must return to complete the reply; None if one call cannot do that.
        self._next: bytes | None = None
        self._held = self._unsent = b""

    @property
    def busy(self) -> bool:
        """Return True if a request is under way."""
        return self._next is not None or bool(self._held or self._unsent)

    def send_request(self, now_ns: int) -> None:
        """Send the request, or as much as the kernel takes now; `receive` sends the rest.

        Raises what the socket raises: ECONNRESET, EPIPE.
        """
        self.sent_ns = now_ns
        self._next = self.reply
        try:
            if (sent := self._send(self.request)) == self._size:
                return
        except OSError as error:
            if error.errno not in _NOT_YET:
                raise
            sent = 0
        self._next, self._unsent = None, self.request[sent:]
        self._waiting.until_writable(self.sock, True)

    def receive(self) -> bool:
        """Read available bytes; return True when the reply is complete.

        Raises what the socket raises (ECONNRESET, ECONNREFUSED), EOFError where the server has
        closed the connection, and WrongReply.
        """
        try:
            data = self._receive(self._most)
            if data == self._next:  # as a rule: the whole reply, with one call
                self._next = None
                return True
        except OSError as error:
            if error.errno not in _NOT_YET:
                raise
            data = None
        return self._receive_part(data)

    def _receive_part(self, data: bytes | None) -> bool:
        if self._unsent:
            self._send_rest()
        if data is None:
            return False
        if not data:
            raise EOFError("the server closed the connection")
        expected, self._held = self.reply if self.busy else b"", self._held + data
        if not expected.startswith(self._held):
            raise WrongReply(_in_words(expected, self._held))
        self._next = None
        if self._unsent or len(self._held) < len(self.reply):
            return False
        self._held = b""
        return True

    def _send_rest(self) -> None:
        try:
            self._unsent = self._unsent[self._send(self._unsent) :]
        except OSError as error:
            if error.errno not in _NOT_YET:
                raise
            return
        if not self._unsent:
            self._waiting.until_writable(self.sock, False)
            self._next = None if self._held else self.reply


def _in_words(expected: bytes, received: bytes) -> str:
    advice = "if the service does not echo, give request= and the reply= that it must send"
    if received.startswith(expected):
        return (
            f"the server sent {len(received)} bytes, and a reply of {len(expected)} was expected; "
            f"the last of them are {received[-16:]!r}; {advice}"
        )
    at = next(at for at, byte in enumerate(received) if expected[at : at + 1] != bytes([byte]))
    return (
        f"a reply differs from what was expected at byte {at}: {received[at : at + 16]!r} came, "
        f"{expected[at : at + 16]!r} was expected; {advice}"
    )
