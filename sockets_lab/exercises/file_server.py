"""Chapter 12: a file server that holds when strangers lean on it.

The learner writes `serve_files(listener, folder, deadline_s, each, stop)`. A request is the name of
a file with its length in four bytes before it, and so is the reply; each connection has one. A
client has `deadline_s` seconds for its request, and as many to take its reply; no address has more
than `each` connections at the same time, and no name leads out of the folder.
"""

import errno
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sockets_lab.exercises.harness.clients import is_closed_while_it_drips
from sockets_lab.exercises.harness.quirks import in_place_of
from sockets_lab.exercises.harness.runner import (
    Failed,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    run,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest
from sockets_lab.interrupts import hold_interrupts

__all__ = ["check_serve_files"]

_SOON_S = 1.5  # for what should come at once: long, for a busy machine
_DEADLINE_S = 0.4
_AMPLE_S = 20.0
_SETTLE_S = 0.1
_DROP_S = 0.08
_EACH = 4
_HELLO = b"hello, world"
_LARGE = bytes(8_000_000)  # more than the buffers of both ends hold
_SECRET = b"the key under the mat"
_EMFILES = 2

_HINT_INSIDE = (
    "Path(folder, name).resolve() is what the path really is, links included; it must be "
    "is_relative_to() the resolved folder"
)
_HINT_WHOLE = (
    "one deadline for the whole request: time.monotonic() once, and what is left of it before each "
    "recv()"
)


def check_serve_files(serve_files: Callable[..., object]) -> Report:
    """Try `serve_files` with clients that are good, silent, slow, greedy, many and curious."""
    return run("serve_files", _BEHAVIOURS, serve_files, deadline_s=6.0, over_ipv6=_OVER_IPV6)


def _framed(text: bytes) -> bytes:
    return len(text).to_bytes(4) + text


class _Server(ServerUnderTest):
    """The learner's server at work, on a folder with a file beside it that is none of its own."""

    def __init__(self, bench: Sandbox, *, deadline_s: float = _AMPLE_S, each: int = 16) -> None:
        with hold_interrupts():
            place = tempfile.TemporaryDirectory(prefix="sockets-lab-")
            bench.at_end(place.cleanup)
        self.folder = Path(place.name, "public")
        self.folder.mkdir()
        (self.folder / "hello.txt").write_bytes(_HELLO)
        (self.folder / "large.bin").write_bytes(_LARGE)
        Path(place.name, "secret.txt").write_bytes(_SECRET)
        super().__init__(bench, str(self.folder), deadline_s, each, backlog=64)

    def client(self, request: bytes = b"") -> socket.socket:
        """A client that has sent `request`."""
        client = self.connect(request)
        client.settimeout(_SOON_S)
        return client

    def ask(self, name: str) -> bytes:
        """Everything that comes back for a name, until the end of the stream."""
        return self.rest(self.client(_framed(os.fsencode(name))))

    def rest(self, client: socket.socket) -> bytes:
        received = bytearray()
        try:
            while piece := client.recv(1 << 20):
                received += piece
        except ConnectionError:
            pass
        except TimeoutError:
            self.complain("a client waits in vain for the end of its connection")
        return bytes(received)

    def expect_hello(self, words: str = "a client") -> None:
        """Failed unless a client gets the small file."""
        reply = self.ask("hello.txt")
        if reply != _framed(_HELLO):
            self.complain(f"{words} gets {len(reply)} bytes, and not the file")

    def expect_end(self, client: socket.socket, words: str, within_s: float) -> None:
        """Failed unless the server ends the connection by then."""
        client.settimeout(within_s)
        try:
            if client.recv(1):
                self.complain(f"{words} gets an answer")
        except TimeoutError:
            self.complain(f"{words} is still connected")
        except ConnectionError:
            pass


@behaviour(
    "serves a file",
    expected="its length in four bytes, its content, and the end of the stream",
    hint="read four bytes, then the name, and send the length of the file before it",
)
def _serves(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.expect_begun(_SETTLE_S)
    for _ in range(3):
        scene.expect_hello()


@behaviour(
    "serves others while one is silent",
    expected="a client beside one that says nothing is served at once",
    hint="a thread for each connection that has a seat, or one loop for all",
)
def _beside(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.client()
    scene.expect_hello("the other client")


@behaviour(
    "goes on when a file is missing",
    expected="that connection ends, and the next client is served",
    hint="read_bytes() raises an OSError, and a name may be no text at all: end this connection, "
    "and nothing else",
)
def _missing(bench: Sandbox) -> None:
    scene = _Server(bench)
    for name in (b"missing.txt", b"\xff\xfe", b"a\0b", b""):
        client = scene.client(_framed(name))
        if scene.rest(client):
            scene.complain("something comes back for a file that is not there")
    scene.trial.ends_within(_SETTLE_S)
    scene.expect_hello("the next client")


@behaviour(
    "gives out no file from elsewhere",
    expected="nothing comes back for ../secret.txt, for its absolute path, and for a link to it",
    hint=_HINT_INSIDE,
)
def _elsewhere(bench: Sandbox) -> None:
    scene = _Server(bench)
    secret = scene.folder.parent / "secret.txt"
    names = ["../secret.txt", str(secret), "sub/../../secret.txt"]
    (scene.folder / "sub").mkdir()
    try:
        (scene.folder / "link.txt").symlink_to(secret)
        names.append("link.txt")
    except OSError:  # Windows grants links to few
        pass
    for name in names:
        if _SECRET in scene.ask(name):
            what = "an absolute path" if name == str(secret) else name
            raise Failed(f"{what} is served")
    scene.expect_hello("a good client")


@behaviour(
    "still serves what lies inside",
    expected="sub/../hello.txt is served",
    hint="judge where a path leads, not how it is written",
)
def _inside(bench: Sandbox) -> None:
    scene = _Server(bench)
    (scene.folder / "sub").mkdir()
    if scene.ask("sub/../hello.txt") != _framed(_HELLO):
        raise Failed("it is refused")


@behaviour(
    "believes no long name",
    expected="a client that promises a name of 50 MB is closed before it sends one",
    hint="no name is longer than 255 bytes: look at the length before you read on",
)
def _long_name(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.expect_end(scene.client((50_000_000).to_bytes(4)), "the client", _SOON_S)


@behaviour(
    "closes a silent client",
    expected=f"it is closed after {_DEADLINE_S} s",
    hint=_HINT_WHOLE,
)
def _silent(bench: Sandbox) -> None:
    scene = _Server(bench, deadline_s=_DEADLINE_S)
    scene.expect_end(scene.client(), "a silent client", _DEADLINE_S + _SOON_S)


@behaviour(
    "closes a client that sends byte by byte",
    expected="it is closed when its deadline is over, although it has sent something just before",
    hint=_HINT_WHOLE,
)
def _drops(bench: Sandbox) -> None:
    scene = _Server(bench, deadline_s=_DEADLINE_S)
    within_s = _DEADLINE_S + _SOON_S
    name = _framed(b"a" * 200)
    if not is_closed_while_it_drips(scene.client(), name, pause_s=_DROP_S, within_s=within_s):
        scene.complain("it is still connected")


@behaviour(
    "closes a client that does not take its reply",
    expected=f"after {_DEADLINE_S} s it is closed, with a part of the reply in its buffers",
    hint="a timeout before sendall(): it counts for the whole of it",
)
def _greedy(bench: Sandbox) -> None:
    scene = _Server(bench, deadline_s=_DEADLINE_S)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        scene.listener.setsockopt(socket.SOL_SOCKET, option, 65_536)
    client = scene.client(_framed(b"large.bin"))
    until_s = time.monotonic() + _DEADLINE_S + _SOON_S
    while bench.accepted() or not time.monotonic() > until_s - _SOON_S:
        if time.monotonic() > until_s:
            scene.complain("it is still connected")
        time.sleep(_SETTLE_S / 10)
    if len(scene.rest(client)) >= len(_LARGE):
        raise Failed("all of it is there")


@behaviour(
    "gives an address no more seats than it may have",
    expected=f"the connection after the {_EACH} of one address is closed at once",
    hint="count the connections of each address, under a lock, before you make a thread: close "
    "what is over that",
)
def _seats(bench: Sandbox) -> None:
    scene = _Server(bench, each=_EACH)
    for _ in range(_EACH):
        scene.client()
    scene.trial.ends_within(_SETTLE_S)
    scene.expect_end(scene.client(), "one more", _SOON_S)


@behaviour(
    "gives a seat back",
    expected=f"when {_EACH} connections have ended, {_EACH} more are served",
    hint="`finally`: a seat is given back however the connection ends",
)
def _seats_again(bench: Sandbox) -> None:
    scene = _Server(bench, each=_EACH)
    for number in range(_EACH):
        client = scene.client(_framed(b"missing.txt") if number % 2 else b"\0")
        client.close()
    until_s = time.monotonic() + _SOON_S
    while bench.accepted() and time.monotonic() < until_s:
        time.sleep(_SETTLE_S / 10)
    scene.trial.ends_within(_SETTLE_S)
    for _ in range(_EACH):
        scene.expect_hello("a later client")
        scene.trial.ends_within(_SETTLE_S / 5)


@behaviour(
    "survives EMFILE",
    expected=f"a client is served after accept() has failed with EMFILE {_EMFILES} times",
    hint="accept() raises an OSError when descriptors run out: wait for a moment, and go on",
)
def _out_of_descriptors(bench: Sandbox) -> None:
    with _failing_accept() as failed:
        scene = _Server(bench)
        scene.expect_hello()
    if len(failed) < _EMFILES:
        raise Failed("accept() was called once only")


@contextmanager
def _failing_accept() -> Iterator[list[float]]:
    """Let the first calls of accept() fail, as they do when no descriptor is left."""
    failed: list[float] = []
    real = socket.socket.accept

    def accept(sock: socket.socket) -> Any:
        if len(failed) < _EMFILES:
            failed.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return real(sock)

    with in_place_of(socket.socket, "accept", accept):
        yield failed


@behaviour(
    "leaves no connection open, and returns when it is told to",
    expected="nothing is open soon after `stop` is set, and the listener is closed",
    hint="`with` blocks for listener and connections; give the listener a timeout, look at "
    "stop.is_set() again, and join the threads",
)
def _stops(bench: Sandbox) -> None:
    scene = _Server(bench, deadline_s=_DEADLINE_S)
    scene.expect_hello()
    scene.client()
    scene.trial.ends_within(_SETTLE_S)
    scene.stop.set()
    if not scene.trial.ends_within(_DEADLINE_S + _SOON_S):
        raise TimedOut("the function runs on after `stop` was set")
    scene.trial.result()
    if scene.listener.fileno() != -1:
        raise Failed("the listener is still open")
    if bench.accepted():
        raise Failed("connections are still open")


_BEHAVIOURS = (
    _serves,
    _beside,
    _missing,
    _elsewhere,
    _inside,
    _long_name,
    _silent,
    _drops,
    _greedy,
    _seats,
    _seats_again,
    _out_of_descriptors,
    _stops,
)
_OVER_IPV6 = "use the listener as it is given, and count by the first part of the peer's address"
