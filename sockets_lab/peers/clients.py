"""The peers: each runs a short script over one connection.

`sockets_lab.peers` describes what they share (address, request, reply, deadline_s, errors), and
`PeerResult` each outcome.
"""

import selectors
import socket
from collections.abc import Sequence

from sockets_lab.peers.connection import PeerConnection, converse
from sockets_lab.peers.moves import finish, reset
from sockets_lab.peers.results import Outcome, PeerResult

__all__ = [
    "aborts",
    "claims_a_huge_length",
    "floods",
    "glued",
    "half_a_message",
    "half_closes",
    "never_reads",
    "one_byte_at_a_time",
    "says_nothing",
    "well_behaved",
]

Address = Sequence[object]

_SMALL_BUFFER = 1 << 16  # bytes that the kernel keeps for a peer that never reads, each way
_BATCH = 1 << 16


def well_behaved(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Send the request, read the whole reply, finish, and read to the end of the stream.

    Without an expected `reply` it finishes before it reads, as `half_closes` does: only the end of
    the stream shows then that the reply is whole.
    """

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request)
        connection.read_reply()

    return converse("well behaved", script, address, reply, deadline_s)


def one_byte_at_a_time(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    pause_s: float = 0.005,
) -> PeerResult:
    """Send every byte of the request in a separate segment, then continue as `well_behaved`.

    pause_s: seconds between two bytes, so that a server that reads immediately gets them one by
        one; less for a request so long that half of the deadline would not be enough.
    """
    pause_s = min(pause_s, deadline_s / 2 / max(1, len(request)))

    def script(connection: PeerConnection) -> Outcome:
        # Nagle's algorithm would hold the second byte back until the first is acknowledged.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.send(request[:1])
        for at in range(1, len(request)):
            connection.pause(pause_s)
            connection.send(request[at : at + 1])
        connection.read_reply()

    return converse("one byte at a time", script, address, reply, deadline_s)


def glued(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    copies: int = 3,
) -> PeerResult:
    """Send the request `copies` times in one send(), then continue as `well_behaved`.

    It expects the reply as many times.
    """

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request * copies)
        connection.read_reply()

    return converse("glued", script, address, _times(reply, copies), deadline_s)


def half_a_message(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Send the first half of the request, then nothing, and read to the end of the stream.

    It does not finish: the server cannot know whether the rest will come. The half is rounded down,
    so that it is never the whole.
    """

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request[: len(request) // 2])
        connection.read_to_end()

    return converse("half a message", script, address, reply, deadline_s)


def half_closes(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Send the request, finish (`shutdown(SHUT_WR)`), and read to the end of the stream."""

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request)
        finish(connection.sock)
        connection.read_to_end()

    return converse("half closes", script, address, reply, deadline_s)


def aborts(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    in_reply: bool = False,
) -> PeerResult:
    """Send the first half of the request, then reset the connection (RST).

    in_reply: send the whole request instead, read one byte of the reply, and reset then.

    It waits for nothing else, so `reply` is ignored, and the outcome is its own "reset".
    """

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request if in_reply else request[: len(request) // 2], reading=False)
        while in_reply and not connection.received:
            connection.wait(selectors.EVENT_READ)
            connection.receive(1)
        reset(connection.sock)
        return "reset"

    return converse("aborts", script, address, None, deadline_s)


def never_reads(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    most: int = 1 << 24,
) -> PeerResult:
    """Send request after request and read nothing; close when `most` bytes were accepted.

    most: bytes, rounded down to whole requests, but one at least. By default 16 MiB, more than the
        kernel keeps for both ends together.

    "timed out" means that the server applied backpressure: it stopped reading while its replies
    did not leave, as it should (or was too slow to read that much in time). "taken" means that it
    read on: it holds the replies in memory, or has discarded them. `reply` is ignored.
    """

    def script(connection: PeerConnection) -> Outcome:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # so that the server's sends wait soon
            connection.sock.setsockopt(socket.SOL_SOCKET, option, _SMALL_BUFFER)
        batch = request * _how_many(request, min(most, _BATCH))
        for _ in range(_how_many(batch, most)):
            connection.send(batch, reading=False)
        return "taken"

    return converse("never reads", script, address, None, deadline_s)


def says_nothing(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Connect, send nothing, and read to the end of the stream; the request is ignored."""

    def script(connection: PeerConnection) -> Outcome:
        connection.read_to_end()

    return converse("says nothing", script, address, reply, deadline_s)


def claims_a_huge_length(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    claimed: int = 0xFFFF_FFFF,
    header_bytes: int = 4,
) -> PeerResult:
    """Announce a message of nearly 4 GiB, send `request` as its beginning, and then nothing.

    claimed: the length to announce, sent as an unsigned number in network byte order.
    header_bytes: size of that number; OverflowError if the length does not fit.

    It does not finish, and reads to the end of the stream. A server without lengths takes the
    number for a part of the text; if it echoes that, the outcome is "torn".
    """
    claim = claimed.to_bytes(header_bytes, "big")

    def script(connection: PeerConnection) -> Outcome:
        connection.send(claim + request)
        connection.read_to_end()

    return converse("claims a huge length", script, address, reply, deadline_s)


def floods(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    most: int = 1 << 20,
) -> PeerResult:
    """Send requests as fast as it can, up to `most` bytes, then continue as `well_behaved`.

    most: bytes, rounded down to whole requests, but one at least; by default 1 MiB.

    It reads while it sends, so that only the server limits its speed. It expects the reply as many
    times as it sent the request.
    """
    copies = _how_many(request, most)

    def script(connection: PeerConnection) -> Outcome:
        connection.send(request * copies)
        connection.read_reply()

    return converse("floods", script, address, _times(reply, copies), deadline_s)


def _how_many(request: bytes, most: int) -> int:
    return max(1, most // len(request)) if request else 1


def _times(reply: bytes | None, copies: int) -> bytes | None:
    return None if reply is None else reply * copies
