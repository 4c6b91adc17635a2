"""The peers themselves: each a short script over one connection.

What they share (address, request, reply, deadline_s, what is raised) stands at the head of
`sockets_lab.peers`; what each outcome means, at `PeerResult`.
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
    """Send the request, read the whole reply, finish, and read to the server's end.

    Without a `reply` to expect it finishes before it reads, as `half_closes` does: nothing but the
    end of the stream can tell then that the reply is whole.
    """

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request)
        talk.read_reply()

    return converse("well behaved", script, address, reply, deadline_s)


def one_byte_at_a_time(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    pause_s: float = 0.005,
) -> PeerResult:
    """Send every byte of the request in a segment of its own, then go on as `well_behaved`.

    pause_s: seconds between two bytes, so that a server which reads at once gets them one by one;
        less where the request is so long that half of the deadline would not do.
    """
    pause_s = min(pause_s, deadline_s / 2 / max(1, len(request)))

    def script(talk: PeerConnection) -> Outcome:
        # Nagle's algorithm would hold the second byte back until the first is acknowledged.
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk.send(request[:1])
        for at in range(1, len(request)):
            talk.pause(pause_s)
            talk.send(request[at : at + 1])
        talk.read_reply()

    return converse("one byte at a time", script, address, reply, deadline_s)


def glued(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    copies: int = 3,
) -> PeerResult:
    """Send the request `copies` times in one send(), then go on as `well_behaved`.

    The reply is expected as often.
    """

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request * copies)
        talk.read_reply()

    return converse("glued", script, address, _times(reply, copies), deadline_s)


def half_a_message(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Send the first half of the request, then say nothing, and read to the server's end.

    It does not finish: the server cannot know whether the rest will come. The half is rounded down,
    so that it is never the whole.
    """

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request[: len(request) // 2])
        talk.read_to_end()

    return converse("half a message", script, address, reply, deadline_s)


def half_closes(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Send the request, finish at once (`shutdown(SHUT_WR)`), and read to the server's end."""

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request)
        finish(talk.sock)
        talk.read_to_end()

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

    in_reply: send the whole request instead, read one byte of what comes, and reset then.

    It waits for nothing else, so `reply` is not looked at, and the outcome is "reset": its own.
    """

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request if in_reply else request[: len(request) // 2], reading=False)
        while in_reply and not talk.received:
            talk.wait(selectors.EVENT_READ)
            talk.take(1)
        reset(talk.sock)
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
    """Send request after request and read nothing; close when `most` bytes were taken.

    most: bytes, rounded down to whole requests, but one at least. By default 16 MiB, more than the
        kernel keeps for both ends together.

    "timed out" says that the server held it off: it stopped reading while its replies did not
    leave, as it should (or was too slow to read so much in the time). "taken" says that it went on
    and on: it holds the replies in its own memory, or has thrown them away. `reply` is not looked
    at.
    """

    def script(talk: PeerConnection) -> Outcome:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # so that the server feels it soon
            talk.sock.setsockopt(socket.SOL_SOCKET, option, _SMALL_BUFFER)
        batch = request * _how_many(request, min(most, _BATCH))
        for _ in range(_how_many(batch, most)):
            talk.send(batch, reading=False)
        return "taken"

    return converse("never reads", script, address, None, deadline_s)


def says_nothing(
    address: Address, request: bytes, reply: bytes | None = None, *, deadline_s: float = 2.0
) -> PeerResult:
    """Connect, send nothing, and read to the server's end; the request is not looked at."""

    def script(talk: PeerConnection) -> Outcome:
        talk.read_to_end()

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
    """Announce a message of nearly 4 GiB, send `request` as its beginning, and say nothing more.

    claimed: bytes that are announced, as an unsigned number in network byte order before them.
    header_bytes: size of that number; OverflowError if the claim does not fit.

    It does not finish, and reads to the server's end. A server without lengths takes the claim for
    a part of its text; one that echoes is "torn" then.
    """
    claim = claimed.to_bytes(header_bytes, "big")

    def script(talk: PeerConnection) -> Outcome:
        talk.send(claim + request)
        talk.read_to_end()

    return converse("claims a huge length", script, address, reply, deadline_s)


def floods(
    address: Address,
    request: bytes,
    reply: bytes | None = None,
    *,
    deadline_s: float = 2.0,
    most: int = 1 << 20,
) -> PeerResult:
    """Send requests as fast as it can, up to `most` bytes, then go on as `well_behaved`.

    most: bytes, rounded down to whole requests, but one at least; by default 1 MiB.

    It reads while it sends, so that nothing but the server's own pace holds it up. The reply is
    expected as often as the request was sent.
    """
    copies = _how_many(request, most)

    def script(talk: PeerConnection) -> Outcome:
        talk.send(request * copies)
        talk.read_reply()

    return converse("floods", script, address, _times(reply, copies), deadline_s)


def _how_many(request: bytes, most: int) -> int:
    return max(1, most // len(request)) if request else 1


def _times(reply: bytes | None, copies: int) -> bytes | None:
    return None if reply is None else reply * copies
