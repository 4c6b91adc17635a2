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
from typing import NamedTuple, NoReturn

from sockets_lab import peers
from sockets_lab.exercises.battery import (
    Bench,
    Hung,
    NotStarted,
    Report,
    Trial,
    Unmet,
    behaviour,
    run,
)
from sockets_lab.exercises.clients import LARGE, send_interrupted

__all__ = ["check_finish"]

_REQUEST = b"What time is it?"
_REPLY = b"Half past nine."
_REST = bytes(500)  # of a request that the server does not care to read
_PIECES = (b"by the way, ", b"one more thing, ", b"and another, ", b"that was all")
_AMPLE_S = 1.0  # a deadline that plays no part, since the client finishes soon
_SHORT_S = 0.1  # a deadline that is reached
_GRACE_S = 0.5  # behind a deadline, or for what should come at once: long, for a busy machine
_PAUSE_S = 0.08  # of a client that thinks before it goes on
_TRICKLE_S = 0.02
_SMALL_BUFFER = 65_536  # bytes
_CHUNK = 65_536


_RUNS_ON = "the function runs on, and does not come to its end"
_HINT_END = "b'' is the client's goodbye: leave the loop there, and do not sleep"


def check_finish(finish: Callable[[socket.socket, bytes, float], object]) -> Report:
    """Try `finish` with clients that go, stay, still talk or never end; return what each saw."""
    return run("finish", _BEHAVIOURS, finish, over_ipv6=_OVER_IPV6)


class _Meeting(NamedTuple):
    """A client, and the learner's function at work on the other end of its connection."""

    client: socket.socket
    connection: socket.socket
    reply: bytes
    trial: Trial
    began_s: float

    def complain(self, observed: str, *, hung: bool = False) -> NoReturn:
        """Raise Unmet; what the function itself raised says more than its trace at the client."""
        if self.trial.error is not None:
            self.trial.result()
        raise (Hung if hung and not self.trial.ended else Unmet)(observed)

    def piece(self) -> bytes:
        """Return what comes next to the client, b"" at the end of the stream."""
        self.client.settimeout(_GRACE_S)
        try:
            return self.client.recv(_CHUNK)
        except TimeoutError:
            self.complain("the client waits in vain", hung=True)
        except ConnectionError:
            self.complain("the client was reset")

    def read_reply(self) -> None:
        """Read as much as the reply is long; Unmet if it is another one."""
        received = bytearray()
        while len(received) < len(self.reply) and (piece := self.piece()):
            received += piece
        if received != self.reply:
            self.complain(_difference(received, self.reply))

    def read_end(self) -> None:
        """Read the end of the stream; Unmet if anything else comes."""
        if self.piece():
            self.complain("more came than the reply")

    def think(self) -> None:
        """Let the client pause: the pause is its behaviour, not a wait for luck."""
        self.trial.ends_within(_PAUSE_S)

    def expect_end(self, seconds: float = 0) -> None:
        """Wait for the function's end, at most `seconds` and some grace; Hung if it runs on."""
        if not self.trial.ends_within(seconds + _GRACE_S):
            raise Hung(_RUNS_ON, "" if seconds else _HINT_END)
        self.trial.result()

    def expect_closed(self) -> None:
        if self.connection.fileno() != -1:
            self.complain("the connection is still open")


def _meet(
    bench: Bench,
    reply: bytes = _REPLY,
    deadline_s: float = _AMPLE_S,
    *,
    unread: bytes = b"",
    first: Callable[[socket.socket], None] = lambda client: None,
    buffers: int = 0,
) -> _Meeting:
    """Let the function finish a conversation whose request was read, all but `unread`.

    first: what the client does before the function begins. buffers: bytes, for both ends; 0 leaves
    them to the system, which has room for the large reply.
    """
    listener, client = bench.listener(), bench.new_socket()
    for sock in (listener, client) if buffers else ():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
    client.connect(listener.getsockname())
    client.sendall(_REQUEST + unread)
    connection = bench.keep(listener.accept()[0])
    connection.recv(len(_REQUEST), socket.MSG_WAITALL)
    first(client)
    began_s = time.monotonic()
    trial = bench.start(connection, reply, deadline_s)
    return _Meeting(client, connection, reply, trial, began_s)


def _difference(seen: bytes | bytearray, expected: bytes) -> str:
    if not seen:
        return "no reply came, only the end of the stream"
    if expected.startswith(seen):  # how much is missing differs from run to run
        return "only a part of the reply came"
    return "another reply came"


@behaviour(
    "sends the reply",
    expected="the client reads the whole reply",
    hint="send the reply before you wait for the client: it waits for you",
)
def _sends(bench: Bench) -> None:
    meeting = _meet(bench)
    trial, client = meeting.trial, meeting.client
    if not trial.readable(client) and trial.gave_nothing and meeting.connection.fileno() != -1:
        raise NotStarted
    meeting.read_reply()


@behaviour(
    "ends as soon as the client has finished",
    expected="the function ends when the client's end of stream comes, long before its deadline",
    hint=_HINT_END,
)
def _ends_soon(bench: Bench) -> None:
    meeting = _meet(bench)
    meeting.read_reply()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "says that nothing more comes",
    expected="the end of the stream right behind the reply, while the client still listens",
    hint="a client may wait for your end of stream before it closes, while you wait for its own: "
    "shutdown(SHUT_WR) right after the reply",
)
def _says_goodbye(bench: Bench) -> None:
    meeting = _meet(bench)
    meeting.read_reply()
    meeting.read_end()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "sends a large reply to its end",
    expected=f"all {len(LARGE)} bytes, although send() is interrupted",
    hint="send() may take only a part and says how much: use sendall(), or send the rest again",
)
def _large(bench: Bench) -> None:
    meeting = _meet(bench, LARGE, first=peers.finish, buffers=_SMALL_BUFFER)
    with send_interrupted(meeting.trial, meeting.client):
        meeting.read_reply()


@behaviour(
    "loses no reply when a part of the request is unread",
    expected="the whole reply, then the end of the stream",
    hint="closing a connection with unread bytes resets it, and what is still on its way is lost: "
    "read up to b'' before you close",
)
def _half_read(bench: Bench) -> None:
    meeting = _meet(bench, LARGE, unread=_REST)
    meeting.think()
    meeting.read_reply()
    peers.finish(meeting.client)
    meeting.read_end()


@behaviour(
    "loses no reply when the client still sends",
    expected="all that the client sends is taken, and the whole reply comes",
    hint="who closes (or shuts down both ways) while the client still sends, resets it: go on "
    "reading, not once and not only what is there now, but up to the client's b''",
)
def _still_sends(bench: Bench) -> None:
    meeting = _meet(bench, LARGE)
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
def _finished_already(bench: Bench) -> None:
    meeting = _meet(bench, LARGE, first=peers.finish)
    meeting.think()
    meeting.read_reply()
    meeting.read_end()


@behaviour(
    "ends the stream where the reply is empty",
    expected="the end of the stream, and nothing before it",
    hint="an empty reply is a reply: do the same as for any other",
)
def _empty(bench: Bench) -> None:
    meeting = _meet(bench, b"")
    meeting.read_end()
    meeting.client.close()
    meeting.expect_end()


@behaviour(
    "closes the connection",
    expected="the connection is closed when the function ends",
    hint="shutdown() is no close(): the descriptor stays yours until you give it back",
)
def _closes(bench: Bench) -> None:
    meeting = _meet(bench)
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
def _vanished(bench: Bench) -> None:
    for meeting in _with_vanished_clients(bench):
        meeting.expect_end()


@behaviour(
    "closes the connection of a client that has vanished",
    expected="the connection is closed, although a call on it failed",
    hint="a close() at the end is not reached when a call raises: use `with connection:`, or "
    "close() in finally",
)
def _vanished_closed(bench: Bench) -> None:
    for meeting in _with_vanished_clients(bench):
        meeting.trial.ends_within(_GRACE_S)
        if meeting.connection.fileno() != -1:
            raise Unmet("the connection is still open")


def _with_vanished_clients(bench: Bench) -> tuple[_Meeting, _Meeting]:
    """Return two meetings: one client resets before the function begins, one after the reply."""
    before, after = _meet(bench, first=peers.reset), _meet(bench)
    after.read_reply()
    peers.reset(after.client)
    return before, after


@behaviour(
    "gives up at the deadline",
    expected="a client that never finishes is waited for until the deadline, and then closed",
    hint="some clients never close: give each wait what is left of the deadline, and count from "
    "the function's beginning with time.monotonic()",
)
def _never_finishes(bench: Bench) -> None:
    meeting = _meet(bench, deadline_s=_SHORT_S)
    meeting.expect_end(_SHORT_S)
    if time.monotonic() - meeting.began_s < 0.9 * _SHORT_S:
        raise Unmet(
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
def _never_reads(bench: Bench) -> None:
    meeting = _meet(bench, 2 * LARGE, _SHORT_S, buffers=_SMALL_BUFFER)
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
def _trickles(bench: Bench) -> None:
    meeting = _meet(bench, deadline_s=_SHORT_S)
    _send_until_it_ends(meeting, b".", _TRICKLE_S)
    meeting.expect_closed()


@behaviour(
    "is not held by a flood",
    expected="a client that sends without a pause, for ever, is closed at the deadline",
    hint=_HINT_PER_CALL,
)
def _floods(bench: Bench) -> None:
    meeting = _meet(bench, deadline_s=_SHORT_S)
    _send_until_it_ends(meeting, bytes(_CHUNK), 0)
    meeting.expect_closed()


def _send_until_it_ends(meeting: _Meeting, piece: bytes, pause_s: float) -> None:
    """Send `piece` again and again while the function runs; Hung if it outlasts its deadline."""
    meeting.client.settimeout(_TRICKLE_S)
    while not meeting.trial.ends_within(pause_s):
        if time.monotonic() > meeting.began_s + _SHORT_S + _GRACE_S:
            raise Hung("the function goes on reading, long after its deadline", _HINT_PER_CALL)
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
