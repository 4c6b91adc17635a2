"""Chapter 09: a chat that no member can stop.

The learner writes `async def serve_chat(listener)`: lines from one member go to all the others, in
order. A member who never reads is dropped and delays no other; one who leaves, resets or sends an
endless line harms only their own connection. The server runs until it is cancelled, and closes
everything.

It runs in a separate event loop, in a thread; the members are plain sockets in the probes.
"""

import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.in_event_loop import InEventLoop
from sockets_lab.exercises.harness.runner import (
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest

__all__ = ["check_serve_chat"]

_AGAIN_S = 0.02
_SMALL_BUFFER = 8_192
_SEND_BUFFER = 131_072
_LINE = b"x" * 1_000 + b"\n"
_MANY = 2_000  # lines, 2 MB: more than small buffers and a bounded queue hold
_PAUSE_EVERY = 2  # lines, after which the sender lets the others read; more meet delayed ACKs
_ENDLESS = bytes(300_000)

_HINT_OWN_TASK = (
    "drain() waits for one member: do not wait for members one after the other. Give each member a "
    "queue and a task that empties it"
)
_HINT_CLEAN_UP = (
    "catch what this member's own read or write raises, remove it from the members in finally, and "
    "close its connection"
)

behaviours = Behaviours(
    "serve_chat",
    deadline_s=6.0,
    over_ipv6="use the listener as it is given: the server need not know its family",
)


def check_serve_chat(
    serve_chat: Callable[[socket.socket], Coroutine[Any, Any, object]],
) -> Report:
    """Try `serve_chat` with members who talk, never read, leave, and never end their line."""
    if not callable(serve_chat):
        raise TypeError(f"give the function itself, not {serve_chat!r}")
    return behaviours.check(InEventLoop(serve_chat))


class _Chat(ServerUnderTest):
    """The learner's chat. Small buffers keep the kernel from holding everything that is said."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, buffers={socket.SO_SNDBUF: _SEND_BUFFER})

    @property
    def end(self) -> str:
        """Return how the answer ended, "" while that is not known."""
        return self.sandbox.answer.end if isinstance(self.sandbox.answer, InEventLoop) else ""

    def join(self, *, buffer: int = 0) -> socket.socket:
        """Return a new member; give it small buffers if it is not going to read."""
        member = self.connect(buffer=buffer, who="a member")
        member.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # nothing comes back to it
        return member

    def members(self, count: int) -> list[socket.socket]:
        """Return members that the server knows, each of which has read all that came so far."""
        joined = [self.join() for _ in range(count)]
        for at, member in enumerate(joined):
            self.welcome(member, joined[at - 1])
        for at, member in enumerate(joined):
            self.say(member, b"ready %d\n" % at)
        for at, member in enumerate(joined):
            self.read_until(
                member, {b"ready %d" % other for other in range(count)} - {b"ready %d" % at}
            )
        return joined

    def welcome(self, member: socket.socket, by: socket.socket) -> None:
        """Say a line until a new member receives it: then the server knows the member."""
        end_s = time.monotonic() + self.soon_s
        while time.monotonic() < end_s and not self.trial.ended:
            self.say(by, b"welcome\n")
            if self.trial.readable(member, _AGAIN_S):
                return
        self.fail("the other members do not receive a line")

    def read_until(self, member: socket.socket, lines: set[bytes]) -> None:
        """Read what a member receives until it has received all these lines.

        Lines of one sender keep their order, so what it had said before is read, too.
        """
        held = b""
        while lines and (piece := self.piece(member)):
            *whole, held = (held + piece).split(b"\n")
            lines = lines - set(whole)
        if lines:
            self.fail("the other members do not receive a line")

    def say(self, member: socket.socket, data: bytes) -> None:
        """Send `data` as a member."""
        self.send(member, data, "a member")

    def expect(self, member: socket.socket, data: bytes) -> None:
        """Raise Failed unless a member receives just this."""
        self.expect_reply(member, data, "another member")

    def non_reader(self, one: socket.socket, two: socket.socket) -> socket.socket:
        """Return a member that has joined one and two, and from now on reads nothing."""
        silent = self.join(buffer=_SMALL_BUFFER)
        self.welcome(silent, one)
        self.say(one, b"ready\n")
        self.read_until(two, {b"ready"})
        return silent

    def pour(self, one: socket.socket, two: socket.socket) -> None:
        """Let one say many lines while two reads them; raise Failed if they stop coming."""
        nbytes = came = 0
        while nbytes < _MANY * len(_LINE):
            self.say(one, _PAUSE_EVERY * _LINE)
            nbytes += _PAUSE_EVERY * len(_LINE)
            came += len(self.read(two, nbytes - came))
            if came < nbytes:
                self.fail("the member who reads receives no more lines")

    def cancel(self) -> None:
        """Cancel the answer; raise TimedOut if its event loop does not end."""
        self.stop.set()
        if not self.trial.ends_within(2 * self.soon_s):
            raise TimedOut("the event loop did not end after serve_chat was cancelled")
        self.trial.result()


@behaviours(
    "passes a line on to the others",
    expected="two members receive what a third one says",
    hint="keep all members, and write each line to every one of them but its sender",
)
def _passes_on(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    if chat.trial.ends_within(chat.settle_s):
        if isinstance(chat.trial.error, NotStarted | Failed):
            raise chat.trial.error
        chat.trial.result()
        if chat.end.startswith("returned"):
            raise NotStarted
    one, two, three = chat.members(3)
    chat.say(one, b"hello\n")
    chat.expect(two, b"hello\n")
    chat.expect(three, b"hello\n")


@behaviours(
    "sends nothing back to the sender",
    expected="a member does not receive its own line",
    hint="skip the writer of the member whose line it is",
    over_ipv6=False,
)
def _not_back(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two = chat.members(2)
    chat.say(one, b"hello\n")
    chat.expect(two, b"hello\n")
    if chat.trial.readable(one, chat.settle_s):
        raise Failed("the sender receives its own line")


@behaviours(
    "passes on whole lines only",
    expected="a line sent in two pieces is passed on whole, after a line that came in between",
    hint="TCP has no lines: read up to b'\\n' (readline), and pass a line on when it is complete",
    over_ipv6=False,
)
def _whole_lines(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two, three = chat.members(3)
    chat.say(one, b"in two ")
    sandbox.wait_until_read()
    chat.trial.ends_within(chat.settle_s)
    chat.say(two, b"in one\n")
    chat.expect(three, b"in one\n")
    chat.say(one, b"pieces\n")
    chat.expect(three, b"in two pieces\n")


@behaviours(
    "splits lines that come in one piece, and keeps their order",
    expected="a hundred lines of one member arrive in the order in which they were sent",
    hint="one recv() or read() may return many lines: pass them on in order",
)
def _order(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two = chat.members(2)
    words = b"".join(b"line %d\n" % number for number in range(100))
    chat.say(one, words)
    chat.expect(two, words)


@behaviours(
    "keeps serving members beside one who never reads",
    expected="2,000 lines come to a member who reads, beside one who does not",
    hint=_HINT_OWN_TASK,
    over_ipv6=False,
)
def _slow_member(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two = chat.members(2)
    chat.non_reader(one, two)
    chat.pour(one, two)


@behaviours(
    "drops a member who is too far behind",
    expected="the connection of a member who reads nothing ends, before all is kept for it",
    hint="write() keeps whatever the kernel does not take: limit what waits for one member, and "
    "drop the member when it is too much (transport.abort()), not the lines",
    over_ipv6=False,
)
def _dropped(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two = chat.members(2)
    silent = chat.non_reader(one, two)
    chat.pour(one, two)
    nbytes = 0
    while piece := chat.piece(silent, 3 * chat.settle_s):
        nbytes += len(piece)
    if nbytes >= _MANY * len(_LINE):
        raise Failed("everything was kept for it")
    if piece is None:
        raise Failed("it stays a member, and lines are missing")


@behaviours(
    "survives members who leave and who reset",
    expected="two members still receive each other's lines, after one has left and one has reset",
    hint=_HINT_CLEAN_UP,
)
def _leaving(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two, left, reset = chat.members(4)
    left.close()
    peers.reset(reset)
    for words in (b"hello?\n", b"really?\n", b"good\n"):
        chat.say(one, words)
        chat.expect(two, words)
    chat.say(two, b"yes\n")
    chat.expect(one, b"yes\n")


@behaviours(
    "closes the connections of members who have left",
    expected="two connections are open when the third of three members has left",
    hint=_HINT_CLEAN_UP,
)
def _closes(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two, left = chat.members(3)
    left.close()
    chat.expect_at_most_open(2, "its connection stays open")
    chat.say(one, b"good\n")
    chat.expect(two, b"good\n")


@behaviours(
    "survives an endless line",
    expected="two members still receive each other's lines, beside one who sends "
    f"{len(_ENDLESS):,} bytes without b'\\n'",
    hint="readline() raises ValueError for a line beyond its limit: close this member's connection",
)
def _endless(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    one, two, endless = chat.members(3)
    endless.settimeout(chat.settle_s)
    with suppress(OSError):  # it is held off, or closed
        endless.sendall(_ENDLESS)
    chat.trial.readable(endless, 3 * chat.settle_s)  # until it is closed, if it is
    chat.say(one, b"good\n")
    chat.expect(two, b"good\n")


@behaviours(
    "ends when it is cancelled",
    expected="serve_chat ends by the cancellation, soon, with two members connected",
    hint="do not catch CancelledError (a bare except does), and wait for no member on the way out; "
    "clean up in finally",
)
def _cancelled(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    chat.members(2)
    chat.cancel()
    if chat.end != "cancelled":
        raise Failed(f"serve_chat {chat.end}")


@behaviours(
    "closes everything when it is cancelled",
    expected="the listener is closed, and the members receive the end of their streams",
    hint="close the server, and every member's connection, in finally",
)
def _cleans_up(sandbox: Sandbox) -> None:
    chat = _Chat(sandbox)
    members = chat.members(2)
    chat.cancel()
    chat.expect_listener_closed()
    for member in members:
        if chat.piece(member) is None:
            raise Failed("a member's connection is still open")
