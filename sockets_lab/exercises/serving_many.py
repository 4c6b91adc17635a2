"""Chapter 07: a bounded pool of threads that drains.

The learner writes `serve_pooled(listener, handle, workers, stop)`: it calls `handle(connection)`
for each client, in at most `workers` threads, and accepts nobody for whom none is free. When event
`stop` is set, it closes the listener, lets what is under way finish, and returns.

The probes bring the handler. It tells them how many calls are under way, and waits until they let
it go on, so that nothing depends on who is quicker.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable

from sockets_lab.exercises.harness.runner import (
    Failed,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    run,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest

__all__ = ["check_serve_pooled"]

_WORKERS = 3
_SOON_S = 1.0  # for what should come at once: long, for a busy machine
_SETTLE_S = 0.15  # for what should not come
_LONG_SETTLE_S = 0.5  # for what takes a server some turns
_GLANCE_S = 0.005
_BETWEEN_S = 0.05

_HINT_WAITING = (
    "accept() after a thread is known to be free, not before: take a semaphore first, and let the "
    "worker give it back"
)
_HINT_CLOSE = (
    "close the connection when handle() is done, in finally or by `with`: the connection, and not "
    "the listener"
)
_HINT_RELEASE = (
    "when handle() raises, its thread, or its place in the pool, must become free again: release "
    "and close in finally, or by `with`"
)


def check_serve_pooled(serve_pooled: Callable[..., object]) -> Report:
    """Try `serve_pooled` with handlers that wait, fail and take their time."""
    return run("serve_pooled", _BEHAVIOURS, serve_pooled, deadline_s=4.0, over_ipv6=_OVER_IPV6)


class _Handler:
    """Echoes one request in capitals, once it is let go; counts the calls under way."""

    def __init__(self, *, fails: int = 0) -> None:
        self.go = threading.Event()
        self.under_way = 0
        self.most = 0
        self.fails = fails
        self._changed = threading.Condition()

    def __call__(self, connection: socket.socket) -> None:
        with self._changed:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self._changed.notify_all()
        try:
            self._talk(connection)
        finally:
            with self._changed:
                self.under_way -= 1
                self._changed.notify_all()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(_SOON_S)
        request = connection.recv(100)
        self.go.wait(3 * _SOON_S)
        with self._changed:
            self.fails -= 1
            fails = self.fails >= 0
        if fails:
            raise ValueError("a fault of one conversation")
        connection.sendall(request.upper())

    def reaches(self, many: int, seconds: float = _SOON_S) -> bool:
        """Wait until so many calls are under way; tell whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: self.under_way == many, seconds)


class _Server(ServerUnderTest):
    """The learner's server at work, with a handler and clients."""

    soon_s = _SOON_S

    def __init__(self, bench: Sandbox, handler: _Handler, workers: int = _WORKERS) -> None:
        super().__init__(bench, handler, workers)
        self.handler = handler
        bench.at_end(handler.go.set)

    def client(self) -> socket.socket:
        """A client that has sent its request."""
        return self.connect(b"hello")

    def expect_reply(self, client: socket.socket) -> None:
        """Failed unless the reply comes, and then the end of the stream."""
        reply = self._read(client)
        if reply != b"HELLO":
            self.complain(
                "no reply comes" if reply is None else "the connection ends without a reply"
            )
        if self._read(client) != b"":
            raise Failed("the reply comes, and the connection stays open", _HINT_CLOSE)

    def _read(self, client: socket.socket) -> bytes | None:
        if not self.trial.readable(client, _SOON_S):
            return None
        try:
            return client.recv(100)
        except ConnectionError:
            return b""

    def expect_return(self) -> None:
        """TimedOut unless the function returns."""
        if not self.trial.ends_within(_SOON_S):
            raise TimedOut("the function runs on after `stop` was set")
        self.trial.result()


def _scene(bench: Sandbox, *, fails: int = 0, workers: int = _WORKERS, go: bool = False) -> _Server:
    handler = _Handler(fails=fails)
    if go:
        handler.go.set()
    return _Server(bench, handler, workers)


@behaviour(
    "serves a client",
    expected="the handler's reply, then the end of the stream",
    hint="accept(), call handle(connection) in a thread, close the connection, and again",
)
def _serves(bench: Sandbox) -> None:
    scene = _scene(bench, go=True)
    scene.expect_begun(_SETTLE_S)
    for _ in range(3):
        scene.expect_reply(scene.client())


@behaviour(
    "serves as many at once as there are workers",
    expected=f"{_WORKERS} calls of handle() at the same time, for {_WORKERS} clients",
    hint="hand each connection to a thread, and go back to accept() at once",
)
def _parallel(bench: Sandbox) -> None:
    scene = _scene(bench)
    clients = [scene.client() for _ in range(_WORKERS)]
    if not scene.handler.reaches(_WORKERS):
        raise Failed(f"{scene.handler.most} at the same time")
    scene.handler.go.set()
    for client in clients:
        scene.expect_reply(client)


@behaviour(
    "serves no more at once than that",
    expected=f"at most {_WORKERS} calls of handle() at the same time, for {2 * _WORKERS} clients",
    hint="a thread for each client has no bound: make so many threads and no more, or count them",
)
def _bounded(bench: Sandbox) -> None:
    scene = _scene(bench)
    clients = [scene.client() for _ in range(2 * _WORKERS)]
    scene.handler.reaches(_WORKERS + 1, _SETTLE_S)
    if scene.handler.most > _WORKERS:
        raise Failed(f"more than {_WORKERS} at the same time")
    scene.handler.go.set()
    for client in clients:
        scene.expect_reply(client)


@behaviour(
    "accepts nobody for whom no thread is free",
    expected=f"{_WORKERS} connections accepted while {_WORKERS} calls are under way",
    hint=_HINT_WAITING,
)
def _not_taken_in(bench: Sandbox) -> None:
    scene = _scene(bench)
    clients = [scene.client() for _ in range(2 * _WORKERS)]
    if not scene.handler.reaches(_WORKERS):
        raise Failed(f"{scene.handler.most} calls of handle() at the same time")
    until_s = time.monotonic() + _LONG_SETTLE_S
    while time.monotonic() < until_s:
        if bench.accepted() > _WORKERS:
            raise Failed("more are accepted: they wait where nothing bounds them")
        time.sleep(_GLANCE_S)
    scene.handler.go.set()
    for client in clients:
        scene.expect_reply(client)


@behaviour(
    "closes every connection",
    expected="no connection is open when all clients were served",
    hint=_HINT_RELEASE,
)
def _closes(bench: Sandbox) -> None:
    scene = _scene(bench, go=True, fails=2)
    clients = [scene.client() for _ in range(5)]
    for client in clients:
        if not scene.trial.readable(client, _SOON_S):
            raise Failed("a client is neither answered nor told the end of the stream")
    scene.expect_open(0, "some connections stay open")


@behaviour(
    "survives handlers that raise",
    expected=f"all clients after {2 * _WORKERS} failed conversations are served",
    hint=_HINT_RELEASE,
)
def _survives(bench: Sandbox) -> None:
    scene = _scene(bench, go=True, fails=2 * _WORKERS)
    for _ in range(2 * _WORKERS):
        client = scene.client()
        if not scene.trial.readable(client, _SOON_S):
            scene.complain("a client whose conversation failed is never told the end")
    for _ in range(_WORKERS):
        scene.expect_reply(scene.client())


@behaviour(
    "returns when it is told to stop",
    expected="the function returns soon after `stop` is set, although no client comes",
    hint="accept() waits for ever: give the listener a timeout, and look at stop.is_set() again",
)
def _stops(bench: Sandbox) -> None:
    scene = _scene(bench, go=True)
    scene.expect_reply(scene.client())
    scene.trial.ends_within(_SETTLE_S)  # it goes back to waiting for a client
    scene.stop.set()
    scene.expect_return()


@behaviour(
    "stops although all workers are busy",
    expected="the listener is closed while calls of handle() are under way",
    hint="waiting for a free worker can take for ever: wait for a short time, and look at "
    "stop.is_set() again",
)
def _stops_when_full(bench: Sandbox) -> None:
    scene = _scene(bench)
    for _ in range(_WORKERS):
        scene.client()
    if not scene.handler.reaches(_WORKERS):
        raise Failed(f"{scene.handler.most} calls of handle() at the same time")
    scene.trial.ends_within(_SETTLE_S)  # it goes back to waiting, for a client or for a worker
    scene.stop.set()
    _expect_refusal(scene)


@behaviour(
    "refuses new clients while it drains",
    expected="connect() is refused after `stop`, while a call of handle() is under way",
    hint="close the listener first, and wait for the threads then: `with listener` around the loop "
    "alone",
)
def _refuses(bench: Sandbox) -> None:
    scene = _scene(bench)
    scene.client()
    if not scene.handler.reaches(1):
        raise Failed("handle() is not called")
    scene.stop.set()
    _expect_refusal(scene)


def _expect_refusal(scene: _Server) -> None:
    # Linux drops a SYN that meets a listener in the act of closing, and the client sends it again
    # a second later: this one asks anew instead.
    until_s = time.monotonic() + _SOON_S
    while time.monotonic() < until_s:
        probe = socket.socket(scene.bench.family, socket.SOCK_STREAM)
        with probe:
            probe.settimeout(_BETWEEN_S)
            if probe.connect_ex(scene.address) == errno.ECONNREFUSED:
                return
        time.sleep(_BETWEEN_S)  # each probe that connects stays in the accept queue
    raise Failed("new clients still connect")


@behaviour(
    "loses no reply under way",
    expected="the function waits for a call under way, and its reply arrives",
    hint="join the threads, or leave the executor's `with` block, before you return; do not close "
    "connections that are being served",
)
def _drains(bench: Sandbox) -> None:
    scene = _scene(bench)
    clients = [scene.client() for _ in range(2)]
    if not scene.handler.reaches(2):
        raise Failed(f"{scene.handler.most} calls of handle() at the same time")
    scene.stop.set()
    if scene.trial.ends_within(_SETTLE_S):
        scene.trial.result()
        raise Failed("the function returns while calls of handle() are under way")
    scene.handler.go.set()
    for client in clients:
        scene.expect_reply(client)
    scene.expect_return()


@behaviour(
    "leaves no thread behind",
    expected="all threads that it started have ended when it returns",
    hint="threads that wait for work wait for ever: let them look at `stop`, and join them",
)
def _no_thread(bench: Sandbox) -> None:
    before = set(threading.enumerate())
    scene = _scene(bench, go=True)
    for _ in range(_WORKERS + 1):
        scene.expect_reply(scene.client())
    scene.stop.set()
    scene.expect_return()
    left = {thread for thread in threading.enumerate() if thread.is_alive()} - before
    if left - {scene.trial.thread}:
        raise Failed("some threads run on")


_BEHAVIOURS = (
    _serves,
    _parallel,
    _bounded,
    _not_taken_in,
    _closes,
    _survives,
    _stops,
    _stops_when_full,
    _refuses,
    _drains,
    _no_thread,
)
_OVER_IPV6 = "use the listener as it is given: its family is none of the server's business"
