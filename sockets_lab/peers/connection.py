"""One conversation with a server: a plain socket, a deadline, and how it came to its end.

A conversation can end in any of its calls: the server resets while we send, or its stream ends
before all was said. So each of them lets the end go through as an exception, the kernel's own, or
EOFError for the end of the stream, and `converse` makes one outcome of it.

The socket does not block. Whoever waits to send also reads meanwhile: two ends that both only send
fill all buffers between them, and then wait for each other for ever.
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

MOST_RECEIVED = 1 << 24  # bytes of a reply that nobody has described
_CHUNK = 1 << 16
_LONGEST_S = 3600.0

# poll() needs no descriptor of its own, and unlike select() takes any; Windows has select() only,
# and there it takes any.
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
    """Connect to `address`, let `script` talk, close, and tell what came of it.

    script: what this peer does; it returns the outcome, or is ended by what the network does.
    reply: the bytes to expect in the whole conversation, or None.

    Raises ValueError for an address that is not this machine's own, or a deadline that cannot be,
    and any OSError that is no outcome. The socket is closed on every way out.
    """
    family = target(address).family
    if not 0 < deadline_s <= _LONGEST_S:
        raise ValueError(
            f"the deadline {deadline_s!r} cannot be: give seconds, up to {_LONGEST_S:g}"
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
    talk: "PeerConnection",
    script: "Callable[[PeerConnection], Outcome]",
    address: Sequence[object],
    deadline_s: float,
) -> Outcome:
    try:
        talk.sock.settimeout(deadline_s)
        talk.sock.connect(address)  # type: ignore[arg-type]  # a tuple: target() has looked
        talk.sock.setblocking(False)
        return script(talk)
    except ConnectionRefusedError:
        return "refused"
    except _OtherBytes:
        return "torn"
    except EOFError:
        return talk.at_the_end()
    except TimeoutError:  # the deadline, or the kernel's own ETIMEDOUT
        return "replied" if talk.has_reply else "timed out"
    except ConnectionError:  # ECONNRESET, EPIPE; ECONNABORTED on Windows
        return "replied" if talk.has_reply else "reset"


class _OtherBytes(Exception):
    """Bytes came that do not belong to the reply."""


class PeerConnection:
    """What a script talks through: `sock` is plain, connected, and does not block."""

    def __init__(self, sock: socket.socket, reply: bytes | None, until_s: float) -> None:
        self.sock = sock
        self.sent = 0
        self.received = bytearray()
        self._reply = reply
        self._until_s = until_s

    @property
    def has_reply(self) -> bool:
        """Whether the whole reply has come, as far as that can be known before the end."""
        return bool(self._reply) and len(self.received) == len(self._reply or b"")

    def at_the_end(self) -> Outcome:
        """What it comes to if the stream has ended."""
        if not self.received:
            return "closed"
        return "replied" if self._reply is None or self.has_reply else "torn"

    def send(self, data: bytes, *, reading: bool = True) -> None:
        """Send all of `data`, and unless told otherwise read what comes meanwhile."""
        events = selectors.EVENT_WRITE | (selectors.EVENT_READ if reading else 0)
        left = memoryview(data)
        while left:
            ready = self.wait(events)
            if ready & selectors.EVENT_READ:
                self.take()
            if ready & selectors.EVENT_WRITE:
                left = left[self._send(left, reading=reading) :]

    def pause(self, pause_s: float) -> None:
        """Say nothing for `pause_s` seconds, and read what comes meanwhile."""
        end_s = time.monotonic() + pause_s
        while (left_s := end_s - time.monotonic()) > 0:
            if self.wait(selectors.EVENT_READ, left_s):
                self.take()

    def read_reply(self) -> NoReturn:
        """Read the reply, say goodbye, and read to the server's own end, where nothing may come.

        Goodbye is said first where only the end of the stream can tell that a reply is whole.
        """
        while self._reply and not self.has_reply:
            self.wait(selectors.EVENT_READ)
            self.take()
        finish(self.sock)
        self.read_to_end()

    def read_to_end(self) -> NoReturn:
        """Read until the stream ends, or the conversation in another way."""
        while True:
            self.wait(selectors.EVENT_READ)
            self.take()

    def wait(self, events: int, at_most_s: float = math.inf) -> int:
        """Wait until the socket is ready for some of `events`; tell for which, 0 for none.

        Raises TimeoutError when the conversation's deadline has passed.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        with _Selector() as selector:
            selector.register(self.sock, events)
            ready = selector.select(min(left_s, at_most_s))
        return ready[0][1] if ready else 0

    def take(self, nbytes: int = _CHUNK) -> None:
        """Read what is there, up to `nbytes`; EOFError at the end of the stream."""
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
