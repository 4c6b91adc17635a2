"""Chapter 08: an echo server on `selectors` that survives clients that never read.

The learner writes `serve_echo(listener, stop)`: one thread echoes every byte to every client, in
order, until the event `stop` is set. It keeps what a client does not read, but only up to a bound;
it goes on to the end of a stream that its client has ended; it uses no CPU time while there is
nothing to do.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.runner import Behaviours, Failed, Report, Sandbox
from sockets_lab.exercises.harness.server_under_test import BUFFERS, ServerUnderTest
from sockets_lab.load.usage import usage_here
from sockets_lab.peers import PeerResult

__all__ = ["check_serve_echo"]

_WINDOW_S = 0.1  # in which CPU time is measured
_WINDOWS = 3  # other threads may compute in one of them
_MOST_BUSY = 0.15  # share of a window in which a processor is used
_SPINS = 0.9  # share of a window in which a thread that spins has a core, or wants one
_MUCH = b"0123456789abcdef" * 16_384  # 256 KiB: more than the small buffers of both ends hold
_TOO_MUCH = bytes(2 << 20)
_SOME = bytes(110_000)  # a little more than they hold
_SMALL_BUFFER = 16_384

_HINT_PARTIAL = (
    "send() may take only a part, or raise BlockingIOError: keep what is unsent, wait for "
    "EVENT_WRITE, and send it before anything that comes later"
)
_HINT_SPIN = (
    "a socket is nearly always writable: ask for EVENT_WRITE only while something is unsent, and "
    "for EVENT_READ only while you are going to read"
)
_HINT_OTHERS = (
    "everything happens in one thread: a call that waits for one client holds up all clients, and "
    "an exception that is not caught ends the server"
)

behaviours = Behaviours(
    "serve_echo",
    deadline_s=5.0,
    over_ipv6="use the listener as it is given: the server need not know its family",
)


def check_serve_echo(serve_echo: Callable[..., object]) -> Report:
    """Try `serve_echo` with clients that read, do not read, finish, reset, and send nothing."""
    return behaviours.check(serve_echo)


class _Server(ServerUnderTest):
    """The learner's server, with small buffers."""

    soon_s = 1.0
    settle_s = 0.08
    reset_is_end = False

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, buffers=dict.fromkeys(BUFFERS, _SMALL_BUFFER))

    def slow_reader(self) -> socket.socket:
        """Return a client with small buffers, so that the server's sends take only a part."""
        return self.connect(buffer=_SMALL_BUFFER)

    def exchange(self, peer: Callable[..., PeerResult], **options: Any) -> PeerResult:
        """Let a peer send a request, and return its result."""
        return peer(self.address, b"hello", b"hello", deadline_s=self.soon_s, **options)

    def push(self, client: socket.socket, data: bytes) -> int:
        """Send as much as is taken while the client reads nothing; return how many bytes."""
        client.settimeout(self.settle_s)
        sent = 0
        try:
            while sent < len(data):
                sent += client.send(data[sent : sent + 65_536])
        except OSError:  # TimeoutError: it is held off; anything else shows elsewhere
            pass
        return sent


def _expect_idle() -> None:
    """Raise Failed if this process goes on computing while the probe waits."""
    if all(_share_computed() > _MOST_BUSY for _ in range(_WINDOWS)):
        raise Failed("it keeps a processor busy")


def _share_computed() -> float:
    """Return the share of a window for which a processor was used, or wanted by a loop that spins.

    On a machine with much else to do, a loop that spins is given little: it waits for a core then.
    """
    began_s, before = time.monotonic(), usage_here()
    time.sleep(_WINDOW_S)
    passed_s, used = time.monotonic() - began_s, usage_here().since(before)
    wanted = used.busy_s / passed_s
    return max(used.cpu_s / passed_s, wanted if wanted > _SPINS else 0.0)


@behaviours(
    "echoes",
    expected="what a client sends comes back, three times in a row",
    hint="register the listener, accept when it is readable, register the connection, and send "
    "back what recv() gives",
)
def _echoes(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_running()
    client = server.connect()
    for text in (b"one", b"two", b"three"):
        server.expect_echo(client, text)


@behaviours(
    "serves one client while another sends nothing",
    expected="a client's bytes come back, although one client is silent and one has left before",
    hint=_HINT_OTHERS,
)
def _several(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.connect()
    server.connect().close()
    server.expect_echo(server.connect())
    server.expect_echo(server.connect())


@behaviours(
    "echoes more than the buffers hold",
    expected="all of 256 KiB comes back to a client that reads while it sends",
    hint=_HINT_PARTIAL,
)
def _much(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    seen = peers.floods(server.address, _MUCH, _MUCH, most=len(_MUCH), deadline_s=2.0)
    if seen.outcome != "replied":
        server.fail(f"the client that reads while it sends: {seen.outcome}")


@behaviours(
    "does not mix the clients' bytes",
    expected="each of three clients gets its own bytes, in their order",
    hint="what is unsent belongs to one connection: keep it with that connection, not in a "
    "variable that all share",
    over_ipv6=False,
)
def _unmixed(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    clients = {letter: server.slow_reader() for letter in (b"a", b"b", b"c")}
    for letter, client in clients.items():
        server.push(client, letter * 200_000)
    for letter, client in clients.items():
        seen = server.read(client, 1)
        if seen.strip(letter):
            raise Failed("a client receives bytes that another one sent")
        if not seen:
            server.fail("a client receives nothing")


@behaviours(
    "holds off a client that never reads",
    expected="not all of 2 MiB is taken from a client that reads nothing",
    hint="above a bound, do not wait for EVENT_READ of a client that reads nothing: TCP then slows "
    "it down (backpressure)",
    over_ipv6=False,
)
def _bounded(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    client = server.slow_reader()
    if server.push(client, _TOO_MUCH) == len(_TOO_MUCH):
        raise Failed("everything is taken, and kept in memory or thrown away")


@behaviours(
    "serves others while one never reads",
    expected="a client's bytes come back, beside one that sends and never reads",
    hint=_HINT_OTHERS,
)
def _beside(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.push(server.slow_reader(), _TOO_MUCH)
    for _ in range(3):
        server.expect_echo(server.connect())


@behaviours(
    "goes on when the client reads again",
    expected="a client that begins to read late receives all that it has sent",
    hint=_HINT_PARTIAL + "; read again when little of it is left",
    over_ipv6=False,
)
def _late(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    client = server.slow_reader()
    sent = server.push(client, _MUCH)
    if len(server.read(client, sent)) != sent:
        server.fail("the client receives only a part")
    server.expect_echo(client, b"and again")


@behaviours(
    "sends the rest after the client has finished",
    expected="a client that ends its stream and then reads gets all of it, then the end",
    hint="b'' says that the client sends no more, but it still reads: close when nothing is unsent "
    "any more, not before, and stop waiting for EVENT_READ",
    over_ipv6=False,
)
def _half_closed(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    client = server.slow_reader()
    sent = server.push(client, _SOME)
    peers.finish(client)
    server.trial.ends_within(server.settle_s)
    if len(server.read(client, sent)) != sent:
        server.fail("the client receives only a part")
    server.expect_end(client)


@behaviours(
    "survives a client that resets",
    expected="the others' bytes come back, after two clients have reset their connections",
    hint="recv() and send() raise ConnectionError after a reset: close that connection, and go on",
)
def _resets(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.exchange(peers.aborts)
    reader = server.slow_reader()
    server.push(reader, _MUCH)
    peers.reset(reader)
    server.expect_echo(server.connect())


@behaviours(
    "closes the connections of clients that have finished",
    expected="no connection is open when all clients have finished",
    hint="at b'' unregister and close the connection: that of this client, not the listener",
)
def _closes(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    for _ in range(3):
        client = server.connect()
        server.expect_echo(client)
        peers.finish(client)
        server.expect_end(client)
    server.expect_at_most_open(0, "some connections stay open")


@behaviours(
    "uses no CPU time while no client sends anything",
    expected="almost no CPU time, with two silent clients",
    hint=_HINT_SPIN,
    over_ipv6=False,
)
def _idle(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    for _ in range(2):
        server.expect_echo(server.connect())
    _expect_idle()


@behaviours(
    "uses no CPU time while a client never reads",
    expected="almost no CPU time, with one client held off and one that has finished and never "
    "reads",
    hint=_HINT_SPIN + "; after b'' a socket stays readable forever",
    over_ipv6=False,
)
def _idle_beside(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    held_off, finished = server.slow_reader(), server.slow_reader()
    server.push(held_off, _TOO_MUCH)
    server.push(finished, _SOME)
    peers.finish(finished)
    server.expect_echo(server.connect())
    _expect_idle()


@behaviours(
    "stops when `stop` is set, and closes everything",
    expected="the function returns, with the listener and every connection closed",
    hint="give select() a timeout and look at stop.is_set(); at the end close all that is still "
    "registered, and the listener",
)
def _stops(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_echo(server.connect())
    server.expect_stop()
    if sandbox.left_open():
        raise Failed("a connection is still open")
