"""Chapter 12: a file server that withstands hostile clients.

The learner writes `serve_files(listener, folder, deadline_s, each, stop)`. A request is the name of
a file with its length in four bytes before it, and so is the reply; each connection has one. A
client has `deadline_s` seconds for its request, and the same to take its reply; no address has more
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
from unittest import mock

from sockets_lab.exercises.harness.clients import closes_slow_sender
from sockets_lab.exercises.harness.runner import Behaviours, Failed, Report, Sandbox
from sockets_lab.exercises.harness.server_under_test import BUFFERS, ServerUnderTest
from sockets_lab.interrupts import hold_interrupts

__all__ = ["check_serve_files"]

_DEADLINE_S = 0.4
_AMPLE_S = 20.0
_BYTE_PAUSE_S = 0.08  # between two bytes of a request sent byte by byte
_GLANCE_S = 0.01
_EACH = 4
_HELLO = b"hello, world"
_LARGE = bytes(8_000_000)  # more than the buffers of both ends hold
_SECRET = b"the key under the mat"
_EMFILES = 2

_HINT_INSIDE = (
    "Path(folder, name).resolve() is the real path, with links followed; it must be "
    "is_relative_to() the resolved folder"
)
_HINT_WHOLE = (
    "one deadline for the whole request: take time.monotonic() once, and give each recv() what is "
    "left"
)

behaviours = Behaviours(
    "serve_files",
    deadline_s=6.0,
    over_ipv6="use the listener as it is given, and count by the first part of the peer's address",
)


def check_serve_files(serve_files: Callable[..., object]) -> Report:
    """Try `serve_files` with good, silent, slow and hostile clients, and with many of them."""
    return behaviours.check(serve_files)


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


class _Server(ServerUnderTest):
    """The learner's server, on a folder with a secret file beside it."""

    def __init__(self, sandbox: Sandbox, *, deadline_s: float = _AMPLE_S, each: int = 16) -> None:
        with hold_interrupts():
            parent = tempfile.TemporaryDirectory(prefix="sockets-lab-")
            sandbox.at_end(parent.cleanup)
        self.folder = Path(parent.name, "public")
        self.folder.mkdir()
        (self.folder / "hello.txt").write_bytes(_HELLO)
        (self.folder / "large.bin").write_bytes(_LARGE)
        Path(parent.name, "secret.txt").write_bytes(_SECRET)
        super().__init__(sandbox, str(self.folder), deadline_s, each, backlog=64)

    def fetch(self, name: str) -> bytes:
        """Return all that the server sends for a name."""
        return self.read_to_end(self.connect(_framed(os.fsencode(name))))

    def expect_hello(self, who: str = "a client") -> None:
        """Raise Failed unless a client gets the small file."""
        reply = self.fetch("hello.txt")
        if reply != _framed(_HELLO):
            self.fail(f"{who} receives {len(reply)} bytes that are not the file")


@behaviours(
    "serves a file",
    expected="its length in four bytes, its content, and the end of the stream",
    hint="read four bytes, then the name, and send the length of the file before it",
)
def _serves(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_running()
    for _ in range(3):
        server.expect_hello()


@behaviours(
    "serves others while one is silent",
    expected="a client is served immediately beside one that sends nothing",
    hint="start a thread for each connection below the limit, or use one loop for all",
)
def _beside(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.connect()
    server.expect_hello("the other client")


@behaviours(
    "goes on when a file is missing",
    expected="its connection ends, and the next client is served",
    hint="read_bytes() raises an OSError, and a name may not be valid text: end this connection, "
    "and nothing else",
    over_ipv6=False,
)
def _missing(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    for name in (b"missing.txt", b"\xff\xfe", b"a\0b", b""):
        client = server.connect(_framed(name))
        if server.read_to_end(client):
            server.fail("the client receives data for a file that does not exist")
    server.trial.ends_within(server.settle_s)
    server.expect_hello("the next client")


@behaviours(
    "serves no file outside the folder",
    expected="no data for ../secret.txt, for its absolute path, or for a link to it",
    hint=_HINT_INSIDE,
)
def _elsewhere(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    secret = server.folder.parent / "secret.txt"
    names = ["../secret.txt", str(secret), "sub/../../secret.txt"]
    (server.folder / "sub").mkdir()
    try:
        (server.folder / "link.txt").symlink_to(secret)
        names.append("link.txt")
    except OSError:  # Windows lets few users make links
        pass
    for name in names:
        if _SECRET in server.fetch(name):
            what = "an absolute path" if name == str(secret) else name
            raise Failed(f"{what} is served")
    server.expect_hello("a good client")


@behaviours(
    "serves every file inside the folder",
    expected="sub/../hello.txt is served",
    hint="check where a path leads, not how it is written",
)
def _inside(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    (server.folder / "sub").mkdir()
    if server.fetch("sub/../hello.txt") != _framed(_HELLO):
        raise Failed("the file is not served")


@behaviours(
    "refuses a long name by its length",
    expected="a client that announces a name of 50 MB is closed before it sends the name",
    hint="no name is longer than 255 bytes: check the length before you read on",
)
def _long_name(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_end(server.connect((50_000_000).to_bytes(4)), "the client")


@behaviours(
    "closes a silent client",
    expected=f"it is closed after {_DEADLINE_S} s",
    hint=_HINT_WHOLE,
    over_ipv6=False,
)
def _silent(sandbox: Sandbox) -> None:
    server = _Server(sandbox, deadline_s=_DEADLINE_S)
    server.expect_end(server.connect(), "a silent client", _DEADLINE_S + server.soon_s)


@behaviours(
    "closes a client that sends byte by byte",
    expected="it is closed at its deadline, although it has just sent something",
    hint=_HINT_WHOLE,
    over_ipv6=False,
)
def _drops(sandbox: Sandbox) -> None:
    server = _Server(sandbox, deadline_s=_DEADLINE_S)
    within_s = _DEADLINE_S + server.soon_s
    name = _framed(b"a" * 200)
    if not closes_slow_sender(server.connect(), name, pause_s=_BYTE_PAUSE_S, within_s=within_s):
        server.fail("the client is still connected")


@behaviours(
    "closes a client that does not read its reply",
    expected=f"it is closed after {_DEADLINE_S} s, with only a part of the reply in its buffers",
    hint="set a timeout before sendall(): it bounds the whole call",
    over_ipv6=False,
)
def _greedy(sandbox: Sandbox) -> None:
    server = _Server(sandbox, deadline_s=_DEADLINE_S)
    for option in BUFFERS:
        server.listener.setsockopt(socket.SOL_SOCKET, option, 65_536)
    client = server.connect(_framed(b"large.bin"))
    until_s = time.monotonic() + _DEADLINE_S + server.soon_s
    while sandbox.accepted() or not time.monotonic() > until_s - server.soon_s:
        if time.monotonic() > until_s:
            server.fail("the client is still connected")
        time.sleep(_GLANCE_S)
    if len(server.read_to_end(client)) >= len(_LARGE):
        raise Failed("the client receives the whole reply")


@behaviours(
    "limits the connections of each address",
    expected=f"connection {_EACH + 1} of one address is closed immediately",
    hint="count the connections of each address, under a lock, before you start a thread: close "
    "those above the limit",
)
def _seats(sandbox: Sandbox) -> None:
    server = _Server(sandbox, each=_EACH)
    for _ in range(_EACH):
        server.connect()
    server.trial.ends_within(server.settle_s)
    server.expect_end(server.connect(), "one client more")


@behaviours(
    "accepts new connections of an address when old ones have ended",
    expected=f"when {_EACH} connections have ended, {_EACH} more are served",
    hint="count down in `finally`: a connection can end in many ways",
)
def _seats_again(sandbox: Sandbox) -> None:
    server = _Server(sandbox, each=_EACH)
    for number in range(_EACH):
        client = server.connect(_framed(b"missing.txt") if number % 2 else b"\0")
        client.close()
    until_s = time.monotonic() + server.soon_s
    while sandbox.accepted() and time.monotonic() < until_s:
        time.sleep(_GLANCE_S)
    server.trial.ends_within(server.settle_s)
    for _ in range(_EACH):
        server.expect_hello("a later client")
        server.trial.ends_within(server.settle_s / 5)


@behaviours(
    "survives EMFILE",
    expected=f"a client is served after accept() has failed with EMFILE {_EMFILES} times",
    hint="accept() raises an OSError when no descriptor is free: wait for a moment, and go on",
)
def _out_of_descriptors(sandbox: Sandbox) -> None:
    with _failing_accept() as failed:
        server = _Server(sandbox)
        server.expect_hello()
    if len(failed) < _EMFILES:
        raise Failed("accept() was called only once")


@contextmanager
def _failing_accept() -> Iterator[list[float]]:
    """Make the first calls of accept() fail, as they do when no descriptor is free."""
    failed: list[float] = []
    real = socket.socket.accept

    def accept(sock: socket.socket) -> Any:
        if len(failed) < _EMFILES:
            failed.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return real(sock)

    with mock.patch.object(socket.socket, "accept", accept):
        yield failed


@behaviours(
    "leaves no connection open, and returns when `stop` is set",
    expected="nothing is open soon after `stop` is set, and the listener is closed",
    hint="`with` blocks for listener and connections; give the listener a timeout, look at "
    "stop.is_set() again, and join the threads",
    over_ipv6=False,
)
def _stops(sandbox: Sandbox) -> None:
    server = _Server(sandbox, deadline_s=_DEADLINE_S)
    server.expect_hello()
    server.connect()
    server.expect_stop(_DEADLINE_S + server.soon_s)
    if sandbox.accepted():
        raise Failed("connections are still open")
