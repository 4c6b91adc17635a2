"""Chapter 09: a chat that no member can stop.

The learner writes `async def serve_chat(listener)`: lines from one member go to all the others, in
order. A member who never reads is dropped and holds nobody up; one who leaves, resets or sends a
line without end hurts only itself. The server runs until it is cancelled, and closes everything.

It runs in an event loop of its own, in a thread; the members are plain sockets in the probes.
"""

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    described,
    run,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest

__all__ = ["check_serve_chat"]

_SOON_S = 1.5  # for what should come at once: long, for a busy machine
_SETTLE_S = 0.1
_AGAIN_S = 0.02
_GLANCE_S = 0.01
_SMALL_BUFFER = 8_192
_SEND_BUFFER = 131_072
_LINE = b"x" * 1_000 + b"\n"
_MANY = 2_000  # lines, 2 MB: more than small buffers and a bounded queue hold
_PAUSE_EVERY = 2  # lines, after which the sender lets the others read; more meet delayed ACKs

_HINT_OWN_TASK = (
    "drain() waits for one member: do not wait for members one after the other. Give each a queue "
    "and a task that empties it"
)
_HINT_CLEAN_UP = (
    "catch what this member's own read or write raises, take it out of the members in finally, and "
    "close its connection"
)


def check_serve_chat(
    serve_chat: Callable[[socket.socket], Coroutine[Any, Any, object]],
) -> Report:
    """Try `serve_chat` with members who talk, never read, leave, and never end their line."""
    if not callable(serve_chat):
        raise TypeError(f"give the function itself, not {serve_chat!r}")
    return run("serve_chat", _BEHAVIOURS, _InLoop(serve_chat), deadline_s=6.0, over_ipv6=_OVER_IPV6)


class _InLoop:
    """Runs the answer in a loop of its own until it ends or `stop` is set; then cancels it."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer
        self.end = ""

    def __call__(self, listener: socket.socket, stop: threading.Event) -> None:
        self.end = ""
        asyncio.run(self._until(listener, stop))

    async def _until(self, listener: socket.socket, stop: threading.Event) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        coroutine = self._answer(listener)
        if not inspect.iscoroutine(coroutine):
            if coroutine in (None, ...):
                raise NotStarted
            raise Failed("is no coroutine", "begin with `async def serve_chat(listener):`")
        task = asyncio.ensure_future(coroutine)
        while not (stop.is_set() or task.done()):
            await asyncio.sleep(_GLANCE_S)
        if task.done():
            error = None if task.cancelled() else task.exception()
            if error is not None:
                raise error
            self.end = "returned, although nobody had cancelled it"
            return
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_SOON_S)
        self.end = _end_of(task) if done else "runs on"
        await asyncio.sleep(_GLANCE_S)  # what it has aborted is closed by the loop


def _end_of(task: "asyncio.Future[object]") -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return f"raised {described(error)}" if error else "returned"


class _Chat(ServerUnderTest):
    """The learner's chat at work. The kernel alone must not hold all that is said there."""

    soon_s = _SOON_S

    def __init__(self, bench: Sandbox) -> None:
        super().__init__(bench, buffers={socket.SO_SNDBUF: _SEND_BUFFER})

    def join(self, *, small: bool = False) -> socket.socket:
        """A member, with small buffers if it is not going to read."""
        member = self.bench.new_socket()
        member.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it hears nothing back
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF) if small else ():
            member.setsockopt(socket.SOL_SOCKET, option, _SMALL_BUFFER)
        try:
            member.connect(self.address)
        except OSError as error:
            self.complain(f"a member cannot connect ({type(error).__name__})")
        return member

    def members(self, many: int) -> list[socket.socket]:
        """Members of whom the server knows, each of whom has read all that came so far."""
        joined = [self.join() for _ in range(many)]
        for at, member in enumerate(joined):
            self.welcome(member, joined[at - 1])
        for at, member in enumerate(joined):
            self.say(member, b"ready %d\n" % at)
        for at, member in enumerate(joined):
            self.read_until(
                member, {b"ready %d" % other for other in range(many)} - {b"ready %d" % at}
            )
        return joined

    def welcome(self, member: socket.socket, by: socket.socket) -> None:
        """Say a line until a new member hears it: then the server knows of it."""
        end_s = time.monotonic() + _SOON_S
        while time.monotonic() < end_s and not self.trial.ended:
            self.say(by, b"welcome\n")
            if self.trial.readable(member, _AGAIN_S):
                return
        self.complain("a line does not come to the other members")

    def read_until(self, member: socket.socket, lines: set[bytes]) -> None:
        """Read what comes to a member until all these lines were in it.

        Lines of one sender keep their order, so all that it had said before was read, too.
        """
        held = b""
        while lines and self.trial.readable(member, _SOON_S):
            try:
                piece = member.recv(65_536)
            except OSError:
                break
            if not piece:
                break
            *whole, held = (held + piece).split(b"\n")
            lines = lines - set(whole)
        if lines:
            self.complain("a line does not come to the other members")

    def say(self, member: socket.socket, words: bytes) -> None:
        try:
            member.sendall(words)
        except OSError as error:
            self.complain(f"a member cannot send ({type(error).__name__})")

    def expect(self, member: socket.socket, words: bytes) -> None:
        """Failed unless just these come to a member."""
        seen = self.read(member, len(words))
        if seen != words:
            shown = repr(seen) if len(seen) < 60 else "other words"
            self.complain(f"another member reads {shown}" if seen else "no line comes")


@behaviour(
    "passes a line on to the others",
    expected="what one member says comes to two others",
    hint="keep all members, and write each line to every one of them but its sender",
)
def _passes_on(bench: Sandbox) -> None:
    chat = _Chat(bench)
    if chat.trial.ends_within(_SETTLE_S):
        if isinstance(chat.trial.error, NotStarted | Failed):
            raise chat.trial.error
        chat.trial.result()
        if isinstance(bench.answer, _InLoop) and bench.answer.end.startswith("returned"):
            raise NotStarted
    one, two, three = chat.members(3)
    chat.say(one, b"hello\n")
    chat.expect(two, b"hello\n")
    chat.expect(three, b"hello\n")


@behaviour(
    "sends nothing back to the sender",
    expected="a member does not hear itself",
    hint="leave out the writer whose reader the line came from",
)
def _not_back(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two = chat.members(2)
    chat.say(one, b"hello\n")
    chat.expect(two, b"hello\n")
    if chat.trial.readable(one, _SETTLE_S):
        raise Failed("the sender hears its own line")


@behaviour(
    "passes on whole lines only",
    expected="a line that comes in two pieces is passed on in one, behind another's in between",
    hint="TCP knows no lines: read up to b'\\\\n' (readline), and pass a line on when it is whole",
)
def _whole_lines(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two, three = chat.members(3)
    chat.say(one, b"in two ")
    bench.wait_until_read()
    chat.trial.ends_within(_SETTLE_S)
    chat.say(two, b"in one\n")
    chat.expect(three, b"in one\n")
    chat.say(one, b"pieces\n")
    chat.expect(three, b"in two pieces\n")


@behaviour(
    "splits what comes in one piece, and keeps the order",
    expected="a hundred lines of one member come in the order in which they were sent",
    hint="one recv() or read() may hold many lines, and one task after the other must pass them on",
)
def _order(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two = chat.members(2)
    words = b"".join(b"line %d\n" % number for number in range(100))
    chat.say(one, words)
    chat.expect(two, words)


@behaviour(
    "lets nobody wait for a member who never reads",
    expected="2,000 lines come to a member who reads, beside one who does not",
    hint=_HINT_OWN_TASK,
)
def _slow_member(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two = chat.members(2)
    _deaf_member(chat, one, two)
    if _pour(chat, one, two) < _MANY * len(_LINE):
        chat.complain("lines stop coming to the member who reads")


def _deaf_member(chat: _Chat, one: socket.socket, two: socket.socket) -> socket.socket:
    """A member who has joined, and from now on reads nothing."""
    deaf = chat.join(small=True)
    chat.welcome(deaf, one)
    chat.say(one, b"ready\n")
    chat.read_until(two, {b"ready"})
    return deaf


def _pour(chat: _Chat, one: socket.socket, two: socket.socket) -> int:
    """Let one say many lines while two reads them; tell how many bytes came."""
    came = 0
    for at in range(0, _MANY, _PAUSE_EVERY):
        chat.say(one, _PAUSE_EVERY * _LINE)
        due = (at + _PAUSE_EVERY) * len(_LINE)
        seen = chat.read(two, due - came)
        came += len(seen)
        if came < due:
            break
    return came


@behaviour(
    "drops a member who is too far behind",
    expected="the connection of a member who reads nothing ends, before all is kept for it",
    hint="write() keeps whatever the kernel does not take: bound what waits for one member, and "
    "drop the member when it is too much (transport.abort()), not the lines",
)
def _dropped(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two = chat.members(2)
    deaf = _deaf_member(chat, one, two)
    if _pour(chat, one, two) < _MANY * len(_LINE):
        chat.complain("lines stop coming to the member who reads")
    came, ended = _all_of(chat, deaf)
    if came >= _MANY * len(_LINE):
        raise Failed("everything was kept for it")
    if not ended:
        raise Failed("it stays a member, and lines are missing")


def _all_of(chat: _Chat, member: socket.socket) -> tuple[int, bool]:
    """Read all that still comes to a member; tell how much, and whether the stream has ended."""
    came = 0
    while chat.trial.readable(member, 3 * _SETTLE_S):
        try:
            piece = member.recv(65_536)
        except ConnectionError:
            return came, True
        if not piece:
            return came, True
        came += len(piece)
    return came, False


@behaviour(
    "survives members who leave and who reset",
    expected="two members still hear each other, after one has left and one has reset",
    hint=_HINT_CLEAN_UP,
)
def _leaving(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two, left, reset = chat.members(4)
    left.close()
    peers.reset(reset)
    for words in (b"is anybody there?\n", b"really?\n", b"good\n"):
        chat.say(one, words)
        chat.expect(two, words)
    chat.say(two, b"yes\n")
    chat.expect(one, b"yes\n")


@behaviour(
    "closes the connections of members who have left",
    expected="two connections are open when the third of three members has left",
    hint=_HINT_CLEAN_UP,
)
def _closes(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two, left = chat.members(3)
    left.close()
    chat.expect_open(2, "its connection stays open")
    chat.say(one, b"good\n")
    chat.expect(two, b"good\n")


@behaviour(
    "survives a line without end",
    expected="two members still hear each other, beside one who sends 300,000 bytes and no b'\\n'",
    hint="readline() raises ValueError for a line beyond its limit: end this member's conversation",
)
def _endless(bench: Sandbox) -> None:
    chat = _Chat(bench)
    one, two, endless = chat.members(3)
    endless.settimeout(_SETTLE_S)
    with suppress(OSError):  # it is held off, or closed
        endless.sendall(bytes(300_000))
    chat.trial.readable(endless, 3 * _SETTLE_S)  # until it is closed, if it is
    chat.say(one, b"good\n")
    chat.expect(two, b"good\n")


@behaviour(
    "ends when it is cancelled",
    expected="serve_chat ends by the cancellation, soon, with two members connected",
    hint="do not catch CancelledError (a bare except does), and wait for nobody on the way out; "
    "clean up in finally",
)
def _cancelled(bench: Sandbox) -> None:
    chat = _Chat(bench)
    chat.members(2)
    _cancel(chat)
    end = bench.answer.end if isinstance(bench.answer, _InLoop) else ""
    if end != "cancelled":
        raise Failed(f"serve_chat {end}")


def _cancel(chat: _Chat) -> None:
    chat.stop.set()
    if not chat.trial.ends_within(2 * _SOON_S):
        raise TimedOut("the loop runs on after serve_chat was cancelled")
    chat.trial.result()


@behaviour(
    "closes everything when it is cancelled",
    expected="the listener is closed, and the members read the end of their streams",
    hint="close the server, and every member's connection, in finally",
)
def _cleans_up(bench: Sandbox) -> None:
    chat = _Chat(bench)
    members = chat.members(2)
    _cancel(chat)
    if chat.listener.fileno() != -1:
        raise Failed("the listener is still open")
    for member in members:
        if not chat.trial.readable(member, _SOON_S):
            raise Failed("a member's connection is still open")
        try:
            member.recv(100)
        except ConnectionError:
            continue


_BEHAVIOURS = (
    _passes_on,
    _not_back,
    _whole_lines,
    _order,
    _slow_member,
    _dropped,
    _leaving,
    _closes,
    _endless,
    _cancelled,
    _cleans_up,
)
_OVER_IPV6 = "use the listener as it is given: its family is none of the server's business"
