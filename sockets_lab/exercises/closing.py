"""Chapter 05: a graceful shutdown that loses no reply.

The learner writes `finish(connection, reply, deadline_s)`, the last act of a server: send the whole
reply, say that nothing more comes, read and throw away what the client still sends until its end of
stream, and close the connection. All of it together takes no longer than `deadline_s` seconds. A
client that has vanished is no error: nobody is left to be told. The connection is closed on every
path.

Each behaviour is a client over a real socket. Some of them read nothing until the function has
ended, or until it has had time to: a reply that is lost on its way out is seen to be lost then.
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
    meet,
)
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    run,
)

__all__ = ["check_finish"]

_REST = bytes(500)  # of a request that the server does not care to read
_PIECES = (b"by the way, ", b"one more thing, ", b"and another, ", b"that was all")
_SHORT_S = 0.08  # a deadline that is reached
_TRICKLE_S = 0.02
_SMALL_BUFFER = 65_536  # bytes


def check_finish(finish: Callable[[socket.socket, bytes, float], object]) -> Report:
    """Try `finish` with clients that go, stay, still talk or never end; return what each saw."""
    return run("finish", _BEHAVIOURS, finish, over_ipv6=_OVER_IPV6)


@behaviour(
    "sends the reply",
    expected="the client reads the whole reply",
    hint="send the reply before you wait for the client: it waits for you",
)
def _sends(bench: Sandbox) -> None:
    meeting = meet(bench)
    try:
        meeting.read_reply()
    except Failed:
        if meeting.trial.gave_nothing and meeting.connection.fileno() != -1:
            raise NotStarted from None
        raise


@behaviour(
    "ends as soon as the client has finished",
    expected="the function ends when the client's end of stream comes, long before its deadline",
    hint=HINT_END,
)
def _ends_soon(bench: Sandbox) -> None:
    meeting = meet(bench)
    meeting.read_reply()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "says that nothing more comes",
    expected="the end of the stream right behind the reply, while the client still listens",
    hint="a client may wait for your end of stream before it closes, while you wait for its own: "
    "shutdown(SHUT_WR) right after the reply",
)
def _says_goodbye(bench: Sandbox) -> None:
    meeting = meet(bench)
    meeting.read_reply()
    meeting.read_end()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "sends a large reply to its end",
    expected=f"all {len(LARGE)} bytes, although send() is interrupted",
    hint="send() may take only a part and says how much: use sendall(), or send the rest again",
)
def _large(bench: Sandbox) -> None:
    meeting = meet(bench, LARGE, first=peers.finish, buffers=_SMALL_BUFFER)
    with send_interrupted(meeting.trial, meeting.client):
        meeting.read_reply()


@behaviour(
    "loses no reply when a part of the request is unread",
    expected="the whole reply, then the end of the stream",
    hint="closing a connection with unread bytes resets it, and what is still on its way is lost: "
    "read up to b'' before you close",
)
def _half_read(bench: Sandbox) -> None:
    meeting = meet(bench, LARGE, unread=_REST)
    meeting.think()
    meeting.read_reply()
    peers.finish(meeting.client)
    meeting.read_end()


@behaviour(
    "loses no reply when the client still sends",
    expected="all that the client sends is taken, and the whole reply comes",
    hint="closing while the client still sends resets it: read up to the client's b'', not once, "
    "not only what is there now, and not after SHUT_RD or SHUT_RDWR, which make your own recv() "
    "say b''",
)
def _still_sends(bench: Sandbox) -> None:
    meeting = meet(bench, LARGE)
    meeting.think()
    for piece in _PIECES:
        try:
            meeting.client.sendall(piece)
        except ConnectionError:
            meeting.complain("the client was reset while it was sending")
        bench.wait_until_read()
    meeting.read_reply()
    peers.finish(meeting.client)
    meeting.read_end()


@behaviour(
    "answers a client that has finished already",
    expected="the whole reply, then the end of the stream",
    hint="b'' says that the client sends no more, not that it has gone: it still reads. Whatever "
    "throws away what is on its way (SO_LINGER with 0 s, shutdown both ways) takes the reply away",
)
def _finished_already(bench: Sandbox) -> None:
    meeting = meet(bench, LARGE, first=peers.finish)
    meeting.think()
    meeting.read_reply()
    meeting.read_end()


@behaviour(
    "ends the stream where the reply is empty",
    expected="the end of the stream, and nothing before it",
    hint="an empty reply is a reply: do the same as for any other",
)
def _empty(bench: Sandbox) -> None:
    meeting = meet(bench, b"")
    meeting.read_end()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "closes the connection",
    expected="the connection is closed when the function ends",
    hint=HINT_CLOSE,
)
def _closes(bench: Sandbox) -> None:
    meeting = meet(bench)
    meeting.read_reply()
    meeting.client.close()
    meeting.expect_end()
    meeting.expect_closed()


@behaviour(
    "takes a client that has vanished for an end, not for an error",
    expected="no exception, whether the client resets before the reply or after it",
    hint="each of these calls may raise an OSError when the client has gone (ECONNRESET, EPIPE, "
    "from shutdown() also ENOTCONN): nobody is left to be told, so catch it around all of them",
)
def _vanished(bench: Sandbox) -> None:
    for meeting in _with_vanished_clients(bench):
        meeting.expect_end()


@behaviour(
    "closes the connection of a client that has vanished",
    expected="the connection is closed, although a call on it failed",
    hint=HINT_CLOSE,
)
def _vanished_closed(bench: Sandbox) -> None:
    for meeting in _with_vanished_clients(bench):
        meeting.trial.ends_within(GRACE_S)
        meeting.expect_closed()


def _with_vanished_clients(bench: Sandbox) -> tuple[ClosingClient, ClosingClient]:
    """Return two meetings: one client resets before the function begins, one after the reply."""
    before, after = meet(bench, first=peers.reset), meet(bench)
    after.read_reply()
    peers.reset(after.client)
    return before, after


@behaviour(
    "gives up at the deadline",
    expected="a client that never finishes is waited for until the deadline, and then closed",
    hint="some clients never close: give each wait what is left of the deadline, and count from "
    "the function's beginning with time.monotonic()",
)
def _never_finishes(bench: Sandbox) -> None:
    meeting = meet(bench, deadline_s=_SHORT_S)
    meeting.expect_end(_SHORT_S)
    if time.monotonic() - meeting.began_s < 0.9 * _SHORT_S:
        raise Failed(
            "the function ended before the deadline, and the client had not finished",
            "the client may still be sending: wait for its b'' as long as the deadline allows",
        )
    meeting.expect_closed()


@behaviour(
    "keeps the deadline while it sends",
    expected="a client that reads nothing of a large reply is closed at the deadline",
    hint="sendall() waits for room, and a client that reads nothing makes none: set a timeout "
    "before it, too",
)
def _never_reads(bench: Sandbox) -> None:
    meeting = meet(bench, 2 * LARGE, _SHORT_S, buffers=_SMALL_BUFFER)
    meeting.expect_end(_SHORT_S)
    meeting.expect_closed()


_HINT_PER_CALL = (
    "a timeout counts for one recv() and begins again with the next: before each one, set what is "
    "left until the end of the whole, and stop when nothing is left"
)


@behaviour(
    "has one deadline for the whole",
    expected="a client that sends a byte now and then, for ever, is closed at the deadline",
    hint=_HINT_PER_CALL,
)
def _trickles(bench: Sandbox) -> None:
    meeting = meet(bench, deadline_s=_SHORT_S)
    _send_until_it_ends(meeting, b".", _TRICKLE_S)
    meeting.expect_closed()


@behaviour(
    "is not held by a flood",
    expected="a client that sends without a pause, for ever, is closed at the deadline",
    hint=_HINT_PER_CALL,
)
def _floods(bench: Sandbox) -> None:
    meeting = meet(bench, deadline_s=_SHORT_S)
    _send_until_it_ends(meeting, bytes(_SMALL_BUFFER), 0)
    meeting.expect_closed()


def _send_until_it_ends(meeting: ClosingClient, piece: bytes, pause_s: float) -> None:
    """Send `piece` again and again while the function runs; TimedOut if it outlasts its
    deadline."""
    meeting.client.settimeout(_TRICKLE_S)
    while not meeting.trial.ends_within(pause_s):
        if time.monotonic() > meeting.began_s + _SHORT_S + GRACE_S:
            raise TimedOut("the function goes on reading, long after its deadline", _HINT_PER_CALL)
        try:
            meeting.client.send(piece)
        except TimeoutError:  # no room: it does not read at the moment
            continue
        except ConnectionError:  # closed, and about to return
            break
    meeting.expect_end()


_BEHAVIOURS = (
    _sends,
    _ends_soon,
    _says_goodbye,
    _large,
    _half_read,
    _still_sends,
    _finished_already,
    _empty,
    _closes,
    _vanished,
    _vanished_closed,
    _never_finishes,
    _never_reads,
    _trickles,
    _floods,
)

_OVER_IPV6 = "an IPv6 connection ends like an IPv4 one: use the connection that you were given"
