"""Chapter 07: a bounded pool of threads that drains.

The learner writes `serve_pooled(listener, handle, workers, stop)`: it calls `handle(connection)`
for each client, in at most `workers` threads, and accepts a client only when a thread is free. When
event `stop` is set, it closes the listener, waits for the calls in progress, and returns.

The probes bring the handler. It counts the calls in progress, and holds them until the probe lets
them continue, so that no verdict depends on timing.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterable

from sockets_lab.exercises.harness.runner import Behaviours, Failed, Report, Sandbox
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest

__all__ = ["check_serve_pooled"]

_WORKERS = 3
_HANDLER_S = 1.0  # a handler's timeout for the request
_LONG_SETTLE_S = 0.5  # for what takes a server some rounds of its loop
_GLANCE_S = 0.005
_BETWEEN_S = 0.05

_HINT_WAITING = (
    "accept() after a thread is known to be free, not before: acquire a semaphore first, and let "
    "the worker release it"
)
_HINT_CLOSE = (
    "close the connection when handle() returns, in finally or by `with`: the connection, not the "
    "listener"
)
_HINT_RELEASE = (
    "when handle() raises, its thread, or its slot in the pool, must become free again: release "
    "and close in finally, or by `with`"
)

behaviours = Behaviours(
    "serve_pooled",
    deadline_s=4.0,
    over_ipv6="use the listener as it is given: the server need not know its family",
)


def check_serve_pooled(serve_pooled: Callable[..., object]) -> Report:
    """Try `serve_pooled` with handlers that wait, fail and take their time."""
    return behaviours.check(serve_pooled)


class _Handler:
    """Echoes one request in capitals once `go` is set; counts the calls in progress."""

    def __init__(self, *, fails: int = 0) -> None:
        self.go = threading.Event()
        self.in_progress = 0
        self.most = 0
        self.fails = fails
        self._changed = threading.Condition()

    def __call__(self, connection: socket.socket) -> None:
        with self._changed:
            self.in_progress += 1
            self.most = max(self.most, self.in_progress)
            self._changed.notify_all()
        try:
            self._answer(connection)
        finally:
            with self._changed:
                self.in_progress -= 1
                self._changed.notify_all()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(_HANDLER_S)
        request = connection.recv(100)
        self.go.wait(3 * _HANDLER_S)
        with self._changed:
            self.fails -= 1
            fails = self.fails >= 0
        if fails:
            raise ValueError("this connection's handler fails")
        connection.sendall(request.upper())

    def reaches(self, calls: int, seconds: float = _HANDLER_S) -> bool:
        """Wait at most `seconds`; return True if as many `calls` are in progress."""
        with self._changed:
            return self._changed.wait_for(lambda: self.in_progress == calls, seconds)


class _Server(ServerUnderTest):
    """The learner's server, with a handler that fails `fails` times and waits unless `go`."""

    soon_s = 1.0
    settle_s = 0.15

    def __init__(self, sandbox: Sandbox, *, fails: int = 0, go: bool = False) -> None:
        self.handler = _Handler(fails=fails)
        if go:
            self.handler.go.set()
        super().__init__(sandbox, self.handler, _WORKERS)
        sandbox.at_end(self.handler.go.set)

    def clients(self, count: int) -> list[socket.socket]:
        """Return clients that have sent their requests."""
        return [self.connect(b"hello") for _ in range(count)]

    def expect_calls(self, count: int) -> None:
        """Raise Failed unless `count` calls of handle() come to be in progress."""
        if not self.handler.reaches(count):
            raise Failed(f"{self.handler.most} calls of handle() in progress, not {count}")

    def expect_served(self, clients: Iterable[socket.socket]) -> None:
        """Raise Failed unless each client gets its reply, and then the end of the stream."""
        for client in clients:
            self.expect_reply(client, b"HELLO")
            if self.piece(client) != b"":
                raise Failed("the reply comes, and the connection stays open", _HINT_CLOSE)

    def expect_ends(self, clients: Iterable[socket.socket], observed: str) -> None:
        """Raise Failed unless each client gets a reply or the end of the stream."""
        for client in clients:
            if not self.trial.readable(client, self.soon_s):
                self.fail(observed)

    def expect_refusal(self) -> None:
        """Raise Failed unless connect() is refused soon."""
        # Linux drops a SYN that arrives while the listener is being closed, and the client sends it
        # again a second later: this one makes a new connection instead.
        until_s = time.monotonic() + self.soon_s
        while time.monotonic() < until_s:
            with socket.socket(self.sandbox.family, socket.SOCK_STREAM) as probe:
                probe.settimeout(_BETWEEN_S)
                if probe.connect_ex(self.address) == errno.ECONNREFUSED:
                    return
            time.sleep(_BETWEEN_S)  # each probe that connects stays in the accept queue
        raise Failed("new clients still connect")


@behaviours(
    "serves a client",
    expected="the handler's reply, then the end of the stream",
    hint="accept(), call handle(connection) in a thread, close the connection, and again",
)
def _serves(sandbox: Sandbox) -> None:
    server = _Server(sandbox, go=True)
    server.expect_running()
    for _ in range(3):
        server.expect_served(server.clients(1))


@behaviours(
    "serves as many clients concurrently as there are workers",
    expected=f"{_WORKERS} calls of handle() in progress, for {_WORKERS} clients",
    hint="hand each connection to a thread, and go back to accept() immediately",
)
def _parallel(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    clients = server.clients(_WORKERS)
    server.expect_calls(_WORKERS)
    server.handler.go.set()
    server.expect_served(clients)


@behaviours(
    "serves no more clients concurrently than that",
    expected=f"at most {_WORKERS} calls of handle() in progress, for {2 * _WORKERS} clients",
    hint="a thread for each client has no bound: start only as many threads as there are workers, "
    "or count them",
    over_ipv6=False,
)
def _bounded(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    clients = server.clients(2 * _WORKERS)
    server.handler.reaches(_WORKERS + 1, server.settle_s)
    if server.handler.most > _WORKERS:
        raise Failed(f"more than {_WORKERS} calls of handle() in progress")
    server.handler.go.set()
    server.expect_served(clients)


@behaviours(
    "accepts no client while all workers are busy",
    expected=f"{_WORKERS} connections accepted while {_WORKERS} calls are in progress",
    hint=_HINT_WAITING,
    over_ipv6=False,
)
def _not_accepted(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    clients = server.clients(2 * _WORKERS)
    server.expect_calls(_WORKERS)
    until_s = time.monotonic() + _LONG_SETTLE_S
    while time.monotonic() < until_s:
        if sandbox.accepted() > _WORKERS:
            raise Failed("more are accepted: they wait in a queue without a bound")
        time.sleep(_GLANCE_S)
    server.handler.go.set()
    server.expect_served(clients)


@behaviours(
    "closes every connection",
    expected="no connection is open when all clients were served",
    hint=_HINT_RELEASE,
)
def _closes(sandbox: Sandbox) -> None:
    server = _Server(sandbox, go=True, fails=2)
    server.expect_ends(server.clients(5), "a client receives neither a reply nor an end")
    server.expect_at_most_open(0, "some connections stay open")


@behaviours(
    "survives handlers that raise",
    expected=f"all clients are served after handle() has raised {2 * _WORKERS} times",
    hint=_HINT_RELEASE,
)
def _survives(sandbox: Sandbox) -> None:
    server = _Server(sandbox, go=True, fails=2 * _WORKERS)
    for _ in range(2 * _WORKERS):
        observed = "a client whose handle() raised never received the end of the stream"
        server.expect_ends(server.clients(1), observed)
    for _ in range(_WORKERS):
        server.expect_served(server.clients(1))


@behaviours(
    "returns when `stop` is set",
    expected="the function returns soon after `stop` is set, although no client comes",
    hint="accept() waits forever: give the listener a timeout, and look at stop.is_set() again",
)
def _stops(sandbox: Sandbox) -> None:
    server = _Server(sandbox, go=True)
    server.expect_served(server.clients(1))
    server.trial.ends_within(server.settle_s)  # it goes back to waiting for a client
    server.stop.set()
    server.expect_return()


@behaviours(
    "stops although all workers are busy",
    expected="the listener is closed while calls of handle() are in progress",
    hint="waiting for a free worker can take forever: wait for a short time, and look at "
    "stop.is_set() again",
    over_ipv6=False,
)
def _stops_when_full(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.clients(_WORKERS)
    server.expect_calls(_WORKERS)
    server.trial.ends_within(server.settle_s)  # it goes back to waiting, for a client or a worker
    server.stop.set()
    server.expect_refusal()


@behaviours(
    "refuses new clients while it drains",
    expected="connect() is refused after `stop`, while a call of handle() is in progress",
    hint="close the listener first, then wait for the threads: put `with listener` around the loop "
    "alone",
)
def _refuses(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.clients(1)
    server.expect_calls(1)
    server.stop.set()
    server.expect_refusal()


@behaviours(
    "loses no reply in progress",
    expected="the function waits for a call in progress, and its reply arrives",
    hint="join the threads, or leave the executor's `with` block, before you return; do not close "
    "connections that are being served",
    over_ipv6=False,
)
def _drains(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    clients = server.clients(2)
    server.expect_calls(2)
    server.stop.set()
    if server.trial.ends_within(server.settle_s):
        server.trial.result()
        raise Failed("the function returned while calls of handle() are in progress")
    server.handler.go.set()
    server.expect_served(clients)
    server.expect_return()


@behaviours(
    "leaves no thread running",
    expected="all threads that it started have ended when it returns",
    hint="threads that wait for work wait forever: let them look at `stop`, and join them",
)
def _no_thread(sandbox: Sandbox) -> None:
    before = set(threading.enumerate())
    server = _Server(sandbox, go=True)
    for _ in range(_WORKERS + 1):
        server.expect_served(server.clients(1))
    server.stop.set()
    server.expect_return()
    left = {thread for thread in threading.enumerate() if thread.is_alive()} - before
    if left - {server.trial.thread}:
        raise Failed("some threads are still running")
