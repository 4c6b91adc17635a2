"""Chapter 05: a graceful shutdown that loses no reply.

The learner writes `finish(connection, reply, deadline_s)`, the last step of a server: send the
whole reply, say that nothing more comes, read and discard what the client still sends until its end
of stream, and close the connection. All of it together takes no longer than `deadline_s` seconds. A
client that has vanished is no error: there is no client left to report it to. The connection is
closed on every path.

Each behaviour is a client over a real socket. Some of them read nothing until the function has
ended, or has had time to: so a reply that is lost on its way is seen to be lost.
"""

import socket
import time
from collections.abc import Callable

from sockets_lab import peers
from sockets_lab.exercises.harness.clients import LARGE, send_interrupted
from sockets_lab.exercises.harness.closing_client import (
    GRACE_S,
    HINT_CLOSE,
    HINT_END,
    ClosingClient,
    connect,
)
from sockets_lab.exercises.harness.runner import (
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
)

__all__ = ["check_finish"]

_REST = bytes(500)  # of a request that the server does not read
_PIECES = (b"by the way, ", b"one more thing, ", b"and another, ", b"that was all")
_SHORT_S = 0.08  # a deadline that is reached
_TRICKLE_S = 0.02
_SMALL_BUFFER = 65_536  # bytes


behaviours = Behaviours(
    "finish",
    over_ipv6="an IPv6 connection ends like an IPv4 one: use the connection that you were given",
)


def check_finish(finish: Callable[[socket.socket, bytes, float], object]) -> Report:
    """Try `finish` with clients that leave, stay, still send or never end."""
    return behaviours.check(finish)


@behaviours(
    "sends the reply",
    expected="the client reads the whole reply",
    hint="send the reply before you wait for the client: it waits for you",
)
def _sends(sandbox: Sandbox) -> None:
    peer = connect(sandbox)
    try:
        peer.read_reply()
    except Failed:
        if peer.trial.gave_nothing and peer.connection.fileno() != -1:
            raise NotStarted from None
        raise


@behaviours(
    "ends as soon as the client has finished",
    expected="the function ends when the client's end of stream comes, long before its deadline",
    hint=HINT_END,
)
def _ends_soon(sandbox: Sandbox) -> None:
    peer = connect(sandbox)
    peer.read_reply()
    peer.client.close()
    peer.expect_end()


@behaviours(
    "ends its stream after the reply",
    expected="the end of the stream right after the reply, while the client is still connected",
    hint="a client may wait for your end of stream before it closes, while you wait for its end: "
    "call shutdown(SHUT_WR) right after the reply",
)
def _ends_stream(sandbox: Sandbox) -> None:
    peer = connect(sandbox)
    peer.read_reply()
    peer.read_end()
    peer.client.close()
    peer.expect_end()


@behaviours(
    "sends a large reply to its end",
    expected=f"all {len(LARGE)} bytes, although send() is interrupted",
    hint="send() may take only a part and returns how much: use sendall(), or send the rest again",
)
def _large(sandbox: Sandbox) -> None:
    peer = connect(sandbox, LARGE, first=peers.finish, buffers=_SMALL_BUFFER)
    with send_interrupted(peer.trial, peer.client):
        peer.read_reply()


@behaviours(
    "loses no reply when a part of the request is unread",
    expected="the whole reply, then the end of the stream",
    hint="closing a connection with unread bytes resets it, and what is still on its way is lost: "
    "read up to b'' before you close",
)
def _half_read(sandbox: Sandbox) -> None:
    peer = connect(sandbox, LARGE, unread=_REST)
    peer.think()
    peer.read_reply()
    peers.finish(peer.client)
    peer.read_end()


@behaviours(
    "loses no reply when the client still sends",
    expected="all that the client sends is read, and the whole reply comes",
    hint="closing while the client still sends resets it: read up to the client's b'', not once, "
    "not only what is there now, and not after SHUT_RD or SHUT_RDWR, which make your own recv() "
    "return b''",
)
def _still_sends(sandbox: Sandbox) -> None:
    peer = connect(sandbox, LARGE)
    peer.think()
    for piece in _PIECES:
        try:
            peer.client.sendall(piece)
        except ConnectionError:
            peer.fail("the client was reset while it was sending")
        sandbox.wait_until_read()
    peer.read_reply()
    peers.finish(peer.client)
    peer.read_end()


@behaviours(
    "answers a client that has finished already",
    expected="the whole reply, then the end of the stream",
    hint="b'' says that the client sends no more, not that it has left: it still reads. What "
    "discards data in flight (SO_LINGER with 0 s, shutdown both ways) discards the reply, too",
)
def _finished_already(sandbox: Sandbox) -> None:
    peer = connect(sandbox, LARGE, first=peers.finish)
    peer.think()
    peer.read_reply()
    peer.read_end()


@behaviours(
    "ends the stream where the reply is empty",
    expected="the end of the stream, and nothing before it",
    hint="an empty reply is a reply: do the same as for any other",
)
def _empty(sandbox: Sandbox) -> None:
    peer = connect(sandbox, b"")
    peer.read_end()
    peer.client.close()
    peer.expect_end()


@behaviours(
    "closes the connection",
    expected="the connection is closed when the function ends",
    hint=HINT_CLOSE,
)
def _closes(sandbox: Sandbox) -> None:
    peer = connect(sandbox)
    peer.read_reply()
    peer.client.close()
    peer.expect_end()
    peer.expect_closed()


@behaviours(
    "treats a vanished client as an end, not as an error",
    expected="no exception, whether the client resets before the reply or after it",
    hint="each of these calls may raise an OSError when the client has vanished (ECONNRESET, "
    "EPIPE, from shutdown() also ENOTCONN): there is no client left to answer, so catch it around "
    "all of them",
)
def _vanished(sandbox: Sandbox) -> None:
    for peer in _with_vanished_clients(sandbox):
        peer.expect_end()


@behaviours(
    "closes the connection of a vanished client",
    expected="the connection is closed, although a call on it failed",
    hint=HINT_CLOSE,
)
def _vanished_closed(sandbox: Sandbox) -> None:
    for peer in _with_vanished_clients(sandbox):
        peer.trial.ends_within(GRACE_S)
        peer.expect_closed()


def _with_vanished_clients(sandbox: Sandbox) -> tuple[ClosingClient, ClosingClient]:
    """Return two clients: one resets before the function begins, one after the reply."""
    before, after = connect(sandbox, first=peers.reset), connect(sandbox)
    after.read_reply()
    peers.reset(after.client)
    return before, after


@behaviours(
    "gives up at the deadline",
    expected="a client that never finishes is closed at the deadline, not before",
    hint="some clients never close: give each wait what is left until the deadline, measured with "
    "time.monotonic() from the function's beginning",
    over_ipv6=False,
)
def _never_finishes(sandbox: Sandbox) -> None:
    peer = connect(sandbox, deadline_s=_SHORT_S)
    peer.expect_end(_SHORT_S)
    if time.monotonic() - peer.began_s < 0.9 * _SHORT_S:
        raise Failed(
            "the function ended before the deadline, although the client had not finished",
            "the client may still be sending: wait for its b'' until the deadline",
        )
    peer.expect_closed()


@behaviours(
    "keeps the deadline while it sends",
    expected="a client that reads nothing of a large reply is closed at the deadline",
    hint="sendall() waits for room in the buffers, and a client that reads nothing makes none: "
    "set a timeout for it, too",
    over_ipv6=False,
)
def _never_reads(sandbox: Sandbox) -> None:
    peer = connect(sandbox, 2 * LARGE, _SHORT_S, buffers=_SMALL_BUFFER)
    peer.expect_end(_SHORT_S)
    peer.expect_closed()


_HINT_PER_CALL = (
    "a timeout bounds one recv() and begins again with the next: before each one, set what is "
    "left until the deadline, and stop when nothing is left"
)


@behaviours(
    "has one deadline for the whole call",
    expected="a client that sends a byte from time to time, forever, is closed at the deadline",
    hint=_HINT_PER_CALL,
    over_ipv6=False,
)
def _trickles(sandbox: Sandbox) -> None:
    peer = connect(sandbox, deadline_s=_SHORT_S)
    _send_until_it_ends(peer, b".", _TRICKLE_S)
    peer.expect_closed()


@behaviours(
    "is not kept busy by a flood",
    expected="a client that sends without a pause, forever, is closed at the deadline",
    hint=_HINT_PER_CALL,
    over_ipv6=False,
)
def _floods(sandbox: Sandbox) -> None:
    peer = connect(sandbox, deadline_s=_SHORT_S)
    _send_until_it_ends(peer, bytes(_SMALL_BUFFER), 0)
    peer.expect_closed()


def _send_until_it_ends(peer: ClosingClient, piece: bytes, pause_s: float) -> None:
    """Send `piece` again and again; raise TimedOut if the function outlasts its deadline."""
    peer.client.settimeout(_TRICKLE_S)
    while not peer.trial.ends_within(pause_s):
        if time.monotonic() > peer.began_s + _SHORT_S + GRACE_S:
            raise TimedOut("the function still reads, long after its deadline", _HINT_PER_CALL)
        try:
            peer.client.send(piece)
        except TimeoutError:  # no room: it does not read at the moment
            continue
        except ConnectionError:  # closed, and about to return
            break
    peer.expect_end()
