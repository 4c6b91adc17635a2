"""Chapter 08: an echo server on `selectors` that survives clients that never read.

The learner writes `serve_echo(listener, stop)`: one thread echoes every byte to every client, in
order, until the event `stop` is set. It keeps what a client does not take, but not without bound;
it goes on to the end of a stream that its client has ended; it burns no CPU time while there is
nothing to do.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.runner import (
    Failed,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    run,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest
from sockets_lab.peers import PeerResult

__all__ = ["check_serve_echo"]

_SOON_S = 1.0  # for what should come at once: long, for a busy machine
_SETTLE_S = 0.08
_WINDOW_S = 0.1  # in which CPU time is measured, three times: others may compute in one of them
_MOST_BUSY = 0.15  # share of that; a loop that spins has all that a busy machine leaves to it
_MUCH = b"0123456789abcdef" * 16_384  # 256 KiB: more than the small buffers of both ends hold
_TOO_MUCH = bytes(2 << 20)
_SOME = bytes(110_000)  # a little more than they hold
_SMALL_BUFFER = 16_384
_BUFFERS = (socket.SO_RCVBUF, socket.SO_SNDBUF)

_HINT_PARTIAL = (
    "send() may take a part, or raise BlockingIOError: keep what is unsent, wait for EVENT_WRITE, "
    "and send it before anything that comes later"
)
_HINT_SPIN = (
    "a socket is nearly always writable: ask for EVENT_WRITE only while something is unsent, and "
    "for EVENT_READ only while you are going to read"
)
_HINT_OTHERS = (
    "everything happens in one thread: a call that waits for one client holds up all, and an "
    "exception that nobody catches ends all"
)


def check_serve_echo(serve_echo: Callable[..., object]) -> Report:
    """Try `serve_echo` with clients that read, do not read, finish, reset, and say nothing."""
    return run("serve_echo", _BEHAVIOURS, serve_echo, deadline_s=5.0, over_ipv6=_OVER_IPV6)


class _Server(ServerUnderTest):
    """The learner's server at work, with small buffers."""

    soon_s = _SOON_S

    def __init__(self, bench: Sandbox) -> None:
        super().__init__(bench, buffers=dict.fromkeys(_BUFFERS, _SMALL_BUFFER))

    def expect_echo(self, client: socket.socket, text: bytes = b"hello") -> None:
        """Failed unless a text comes back."""
        try:
            client.sendall(text)
        except OSError as error:
            self.complain(f"a client cannot send ({type(error).__name__})")
        seen = self.read(client, len(text))
        if seen != text:
            self.complain(_difference(seen, text))

    def expect_end(self, client: socket.socket) -> None:
        """Failed unless the stream ends, with nothing before."""
        if not self.trial.readable(client, _SOON_S):
            self.complain("the client waits in vain for the end of the stream")
        try:
            more = client.recv(100)
        except ConnectionError:
            self.complain("the client is reset")
        if more:
            raise Failed("more came back than was sent")

    def meet(self, peer: Callable[..., PeerResult], **options: Any) -> PeerResult:
        """Let a peer talk to it."""
        return peer(self.address, b"hello", b"hello", deadline_s=_SOON_S, **options)


def _difference(seen: bytes, expected: bytes) -> str:
    if not seen:
        return "nothing came back"
    if expected.startswith(seen):
        return "only a part came back"
    return "other bytes came back than were sent"


def _is_busy() -> bool:
    """Whether this process goes on computing while the probe waits."""
    return min(_share_computed() for _ in range(3)) > _MOST_BUSY


def _share_computed() -> float:
    began_s, spent_s = time.monotonic(), time.process_time()
    time.sleep(_WINDOW_S)
    return (time.process_time() - spent_s) / (time.monotonic() - began_s)


@behaviour(
    "echoes",
    expected="what a client sends comes back, three times in a row",
    hint="register the listener, accept when it is readable, register the connection, and send "
    "back what recv() gives",
)
def _echoes(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.expect_begun(_SETTLE_S)
    client = scene.connect()
    for text in (b"one", b"two", b"three"):
        scene.expect_echo(client, text)


@behaviour(
    "serves one client while another says nothing",
    expected="a client's bytes come back, although one is silent and one has gone before",
    hint=_HINT_OTHERS,
)
def _several(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.connect()
    scene.connect().close()
    scene.expect_echo(scene.connect())
    scene.expect_echo(scene.connect())


@behaviour(
    "echoes more than the buffers hold",
    expected="256 KiB come back whole, to a client that reads while it sends",
    hint=_HINT_PARTIAL,
)
def _much(bench: Sandbox) -> None:
    scene = _Server(bench)
    seen = _flood(scene)
    if seen.outcome != "replied":
        scene.complain(f"the client that reads while it sends: {seen.outcome}")


def _flood(scene: _Server) -> PeerResult:
    return peers.floods(scene.address, _MUCH, _MUCH, most=len(_MUCH), deadline_s=2.0)


@behaviour(
    "keeps the clients' bytes apart",
    expected="each of three clients gets its own bytes, in their order",
    hint="what is unsent belongs to one connection: keep it with that connection, not in a name "
    "that all share",
)
def _apart(bench: Sandbox) -> None:
    scene = _Server(bench)
    clients = {letter: _slow_reader(scene) for letter in (b"a", b"b", b"c")}
    for letter, client in clients.items():
        _push(client, letter * 200_000)
    for letter, client in clients.items():
        seen = scene.read(client, 1)
        if seen.strip(letter):
            raise Failed("a client gets bytes that another one sent")
        if not seen:
            scene.complain("nothing came back")


def _slow_reader(scene: _Server) -> socket.socket:
    """A client with small buffers, so that the server's sends fall short."""
    client = scene.bench.new_socket()
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        client.setsockopt(socket.SOL_SOCKET, option, _SMALL_BUFFER)
    try:
        client.connect(scene.address)
    except OSError as error:
        scene.complain(f"a client cannot connect ({type(error).__name__})")
    return client


def _push(client: socket.socket, text: bytes) -> int:
    """Send as much as goes through while nobody reads; tell how much it was."""
    client.settimeout(_SETTLE_S)
    sent = 0
    try:
        while sent < len(text):
            sent += client.send(text[sent : sent + 65_536])
    except OSError:  # TimeoutError: it is held off; anything else shows elsewhere
        pass
    return sent


@behaviour(
    "holds off a client that never reads",
    expected="not all of 2 MiB is taken from a client that reads nothing",
    hint="above a bound, do not wait for EVENT_READ of a client that takes nothing: TCP then slows "
    "it down (backpressure)",
)
def _bounded(bench: Sandbox) -> None:
    scene = _Server(bench)
    client = _slow_reader(scene)
    if _push(client, _TOO_MUCH) == len(_TOO_MUCH):
        raise Failed("everything is taken, and kept in memory or thrown away")


@behaviour(
    "serves others while one never reads",
    expected="a client's bytes come back, beside one that sends and never reads",
    hint=_HINT_OTHERS,
)
def _beside(bench: Sandbox) -> None:
    scene = _Server(bench)
    _push(_slow_reader(scene), _TOO_MUCH)
    for _ in range(3):
        scene.expect_echo(scene.connect())


@behaviour(
    "goes on when the client reads again",
    expected="a client that begins to read late gets all that it has sent",
    hint=_HINT_PARTIAL + "; read again when it has become little",
)
def _late(bench: Sandbox) -> None:
    scene = _Server(bench)
    client = _slow_reader(scene)
    sent = _push(client, _MUCH)
    if len(scene.read(client, sent)) != sent:
        scene.complain("only a part comes back")
    scene.expect_echo(client, b"and again")


@behaviour(
    "sends the rest after the client has finished",
    expected="all of it comes back to a client that ends its stream and reads then, and the end",
    hint="b'' says that the client sends no more, and it still reads: close when nothing is unsent "
    "any more, not before, and stop waiting for EVENT_READ",
)
def _half_closed(bench: Sandbox) -> None:
    scene = _Server(bench)
    client = _slow_reader(scene)
    sent = _push(client, _SOME)
    peers.finish(client)
    scene.trial.ends_within(_SETTLE_S)
    if len(scene.read(client, sent)) != sent:
        scene.complain("only a part comes back")
    scene.expect_end(client)


@behaviour(
    "survives a client that resets",
    expected="the others' bytes come back, after two clients have reset their connections",
    hint="recv() and send() raise ConnectionError when the client has gone: close that connection, "
    "and go on",
)
def _resets(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.meet(peers.aborts)
    reader = _slow_reader(scene)
    _push(reader, _MUCH)
    peers.reset(reader)
    scene.expect_echo(scene.connect())


@behaviour(
    "closes the connections of clients that have gone",
    expected="no connection is open when all clients have finished",
    hint="at b'' unregister and close the connection: that of this client, not the listener",
)
def _closes(bench: Sandbox) -> None:
    scene = _Server(bench)
    for _ in range(3):
        client = scene.connect()
        scene.expect_echo(client)
        peers.finish(client)
        scene.expect_end(client)
    scene.expect_open(0, "some connections stay open")


@behaviour(
    "burns no CPU time while nobody says anything",
    expected="next to no CPU time, with two clients that are silent",
    hint=_HINT_SPIN,
)
def _idle(bench: Sandbox) -> None:
    scene = _Server(bench)
    for _ in range(2):
        scene.expect_echo(scene.connect())
    if _is_busy():
        raise Failed("it keeps a processor busy")


@behaviour(
    "burns no CPU time while a client never reads",
    expected="next to no CPU time, with one client held off and one that has finished and never "
    "reads",
    hint=_HINT_SPIN + "; after b'' a socket stays readable for ever",
)
def _idle_beside(bench: Sandbox) -> None:
    scene = _Server(bench)
    held_off, finished = _slow_reader(scene), _slow_reader(scene)
    _push(held_off, _TOO_MUCH)
    _push(finished, _SOME)
    peers.finish(finished)
    scene.expect_echo(scene.connect())
    if _is_busy():
        raise Failed("it keeps a processor busy")


@behaviour(
    "stops when it is told to, and closes everything",
    expected="the function returns, with the listener and every connection closed",
    hint="give select() a timeout and look at stop.is_set(); at the end close all that is still "
    "registered, and the listener",
)
def _stops(bench: Sandbox) -> None:
    scene = _Server(bench)
    client = scene.connect()
    scene.expect_echo(client)
    scene.trial.ends_within(_SETTLE_S)  # it goes back to waiting
    scene.stop.set()
    if not scene.trial.ends_within(_SOON_S):
        raise TimedOut("the function runs on after `stop` was set")
    scene.trial.result()
    if scene.listener.fileno() != -1:
        raise Failed("the listener is still open")
    if bench.left_open():
        raise Failed("a connection is still open")


_BEHAVIOURS = (
    _echoes,
    _several,
    _much,
    _apart,
    _bounded,
    _beside,
    _late,
    _half_closed,
    _resets,
    _closes,
    _idle,
    _idle_beside,
    _stops,
)
_OVER_IPV6 = "use the listener as it is given: its family is none of the server's business"
