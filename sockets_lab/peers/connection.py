"""One connection to a server: a plain socket, a deadline, and an outcome.

A connection can end in any of its calls: the server resets it while we send, or its stream ends
before we are done. So each call raises the end as an exception, the kernel's own, or EOFError for
the end of the stream, and `converse` makes one outcome of it.

The socket does not block. A peer that waits to send also reads meanwhile: two ends that both only
send fill all buffers between them, and then wait for each other for ever.
"""

import math
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from sockets_lab.interrupts import InterruptGuard, deliver_interrupt, uninterruptible
from sockets_lab.peers.moves import finish
from sockets_lab.peers.results import Outcome, PeerResult
from sockets_lab.peers.targets import target

__all__ = ["PeerConnection", "converse"]

MOST_RECEIVED = 1 << 24  # bytes, of a reply without an expectation
_CHUNK = 1 << 16
_LONGEST_S = 3600.0

# poll() needs no extra descriptor, and unlike select() it accepts any number; Windows has select()
# only, which accepts any there.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


def converse(
    peer: str,
    script: "Callable[[PeerConnection], Outcome]",
    address: Sequence[object],
    reply: bytes | None,
    deadline_s: float,
) -> PeerResult:
    """Connect to `address`, run `script`, close, and return the result.

    script: what this peer does; it returns the outcome, or the network ends it with an exception.
    reply: the bytes to expect on the whole connection, or None.

    Raises ValueError for an address of another machine or an impossible deadline, and any OSError
    that is no outcome. The socket is always closed.
    """
    family = target(address).family
    if not 0 < deadline_s <= _LONGEST_S:
        raise ValueError(
            f"the deadline {deadline_s!r} is not possible: give seconds, up to {_LONGEST_S:g}"
        )
    until_s = time.monotonic() + deadline_s
    with _ClientSocket(family) as sock:
        connection = PeerConnection(sock, reply, until_s)
        outcome = _outcome(connection, script, address, deadline_s)
        return PeerResult(peer, outcome, connection.sent, bytes(connection.received))


class _ClientSocket:
    """A TCP socket that is closed at the end of the block, even if an interrupt arrives there."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._family = family
        self._sock: socket.socket | None = None
        self._guard = InterruptGuard()

    @uninterruptible
    def __enter__(self) -> socket.socket:
        self._guard.hold()
        try:
            self._sock = socket.socket(self._family, socket.SOCK_STREAM)
            deliver_interrupt()
        except BaseException:
            self._close()
            raise
        return self._sock

    @uninterruptible
    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        # A script may have closed it; a second close() would show in a recording.
        if self._sock is not None and self._sock.fileno() != -1:
            self._sock.close()
        self._guard.release()


def _outcome(
    connection: "PeerConnection",
    script: "Callable[[PeerConnection], Outcome]",
    address: Sequence[object],
    deadline_s: float,
) -> Outcome:
    try:
        connection.sock.settimeout(deadline_s)
        connection.sock.connect(address)  # type: ignore[arg-type]  # a tuple: target() has checked
        connection.sock.setblocking(False)
        return script(connection)
    except ConnectionRefusedError:
        return "refused"
    except _OtherBytes:
        return "torn"
    except EOFError:
        return connection.outcome_at_end()
    except TimeoutError:  # the deadline, or the kernel's own ETIMEDOUT
        return "replied" if connection.has_reply else "timed out"
    except ConnectionError:  # ECONNRESET, EPIPE; ECONNABORTED on Windows
        return "replied" if connection.has_reply else "reset"


class _OtherBytes(Exception):
    """Raised if bytes came that do not belong to the reply."""


class PeerConnection:
    """Connection of a script: `sock` is plain, connected, and does not block."""

    def __init__(self, sock: socket.socket, reply: bytes | None, until_s: float) -> None:
        self.sock = sock
        self.sent = 0
        self.received = bytearray()
        self._reply = reply
        self._until_s = until_s

    @property
    def has_reply(self) -> bool:
        """Return True if the whole reply has come, as far as that can be known before the end."""
        return bool(self._reply) and len(self.received) == len(self._reply or b"")

    def outcome_at_end(self) -> Outcome:
        """Return the outcome if the stream has ended."""
        if not self.received:
            return "closed"
        return "replied" if self._reply is None or self.has_reply else "torn"

    def send(self, data: bytes, *, reading: bool = True) -> None:
        """Send all of `data`, and read what comes meanwhile, unless `reading` is False."""
        events = selectors.EVENT_WRITE | (selectors.EVENT_READ if reading else 0)
        left = memoryview(data)
        while left:
            ready = self.wait(events)
            if ready & selectors.EVENT_READ:
                self.receive()
            if ready & selectors.EVENT_WRITE:
                left = left[self._send(left, reading=reading) :]

    def pause(self, pause_s: float) -> None:
        """Send nothing for `pause_s` seconds, and read what comes meanwhile."""
        end_s = time.monotonic() + pause_s
        while (left_s := end_s - time.monotonic()) > 0:
            if self.wait(selectors.EVENT_READ, left_s):
                self.receive()

    def read_reply(self) -> NoReturn:
        """Read the reply, finish, and read to the end of the stream, where nothing more may come.

        Finish first where only the end of the stream shows that a reply is whole.
        """
        while self._reply and not self.has_reply:
            self.wait(selectors.EVENT_READ)
            self.receive()
        finish(self.sock)
        self.read_to_end()

    def read_to_end(self) -> NoReturn:
        """Read until the stream or the connection ends."""
        while True:
            self.wait(selectors.EVENT_READ)
            self.receive()

    def wait(self, events: int, at_most_s: float = math.inf) -> int:
        """Wait until the socket is ready for some of `events`; return these, 0 for none.

        Raises TimeoutError when the deadline of the connection has passed.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        with _Selector() as selector:
            selector.register(self.sock, events)
            ready = selector.select(min(left_s, at_most_s))
        return ready[0][1] if ready else 0

    def receive(self, nbytes: int = _CHUNK) -> None:
        """Read available bytes, up to `nbytes`; EOFError at the end of the stream."""
        try:
            chunk = self.sock.recv(nbytes)
        except BlockingIOError:
            return
        if not chunk:
            raise EOFError
        begin = len(self.received)
        self.received += chunk
        if self._reply is None:
            fits = len(self.received) <= MOST_RECEIVED
        else:
            fits = chunk == self._reply[begin : begin + len(chunk)]
        if not fits:
            raise _OtherBytes

    def _send(self, data: memoryview, *, reading: bool) -> int:
        try:
            nbytes = self.sock.send(data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            if reading:  # the stream had ended before; what came until then can still be read
                self.read_to_end()
            raise
        self.sent += nbytes
        return nbytes
