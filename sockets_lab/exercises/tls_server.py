"""Chapter 11: a TLS server that no silent client can stop.

The learner writes `serve_tls(listener, context, deadline_s, stop)`: it echoes over TLS what each
client sends, serves many concurrently, closes each client that has not completed its handshake
after `deadline_s` seconds or is silent for that long afterwards, and returns when the event `stop`
is set.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from sockets_lab.exercises.harness.clients import closes_slow_sender
from sockets_lab.exercises.harness.runner import Behaviours, Report, Sandbox
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest
from sockets_lab.tls import Authority, Certificate, client_context, server_context

__all__ = ["check_serve_tls"]

_DEADLINE_S = 0.4  # the learner's; no client of a behaviour without a deadline comes near it
_AMPLE_S = 20.0
_BYTE_PAUSE_S = 0.1  # between two bytes of a handshake sent byte by byte

_HINT_OWN_THREAD = (
    "do the handshake in the connection's own thread (or let a selector wait for it), never "
    "between two calls of accept(): a client may never answer"
)

behaviours = Behaviours(
    "serve_tls",
    deadline_s=6.0,
    over_ipv6="use the listener as it is given: the server need not know its family",
)


def check_serve_tls(serve_tls: Callable[..., object]) -> Report:
    """Try `serve_tls` with well-behaved, silent, slow, non-TLS and distrustful clients."""
    return behaviours.check(serve_tls)


@cache
def _authority() -> Authority:
    return Authority()


@cache
def _certificate() -> Certificate:
    return _authority().issue("localhost")


class _Server(ServerUnderTest):
    """The learner's server, and clients that speak TLS to it."""

    def __init__(self, sandbox: Sandbox, deadline_s: float = _AMPLE_S) -> None:
        super().__init__(sandbox, server_context(_certificate()), deadline_s)

    def client(self, who: str = "a client", *, pause_s: float = 0.0) -> ssl.SSLSocket:
        """Return a client after its handshake, which it began `pause_s` after connecting."""
        sock = self.connect(who=who)
        self.trial.ends_within(pause_s)
        sock.settimeout(self.soon_s)
        try:
            client = client_context(_authority()).wrap_socket(sock, server_hostname="localhost")
        except TimeoutError:
            self.fail(f"{who} receives no answer to its handshake")
        except OSError as error:
            self.fail(f"the handshake of {who} fails ({type(error).__name__})")
        self.sandbox.keep(client)
        return client

    def piece(self, client: socket.socket, within_s: float | None = None) -> bytes | None:
        """Return what comes next; select() does not see bytes that TLS holds, so recv() waits."""
        client.settimeout(self.soon_s if within_s is None else within_s)
        try:
            return client.recv(65_536)
        except TimeoutError:
            return None
        except (ConnectionError, ssl.SSLError):
            return b""

    def expect_end(
        self, client: socket.socket, who: str = "a client", within_s: float | None = None
    ) -> None:
        """Raise Failed unless the connection ends, with or without an alert before."""
        until_s = time.monotonic() + (within_s or self.soon_s)
        while (left_s := until_s - time.monotonic()) > 0:
            if self.piece(client, left_s) == b"":
                return
        self.fail(f"{who} is still connected")


@behaviours(
    "echoes over TLS",
    expected="what a client sends comes back, three times in a row",
    hint="context.wrap_socket(connection, server_side=True), then recv() and sendall() on what "
    "that gives",
)
def _echoes(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_running()
    client = server.client(pause_s=server.settle_s)
    for text in (b"hello", bytes(30_000), b"!"):
        server.expect_echo(client, text)
        server.trial.ends_within(server.settle_s / 4)  # the server waits for more by then


@behaviours(
    "serves a client while another does not begin its handshake",
    expected="a client is served immediately beside one that has connected and sends nothing",
    hint=_HINT_OWN_THREAD,
)
def _beside_mute(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.connect()
    server.expect_echo(server.client("the other"), b"hello", "the other")


@behaviours(
    "serves a client while another sends nothing",
    expected="a client is served immediately beside one that is silent after its handshake",
    hint="a thread for each connection, or one loop that waits for all of them",
)
def _beside_silent(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    server.expect_echo(server.client(), b"hello")
    server.expect_echo(server.client("the other"), b"hello", "the other")


@behaviours(
    "closes a client that does not complete its handshake in time",
    expected=f"the connection of a silent client ends after {_DEADLINE_S} s",
    hint="set a timeout before wrap_socket(): do_handshake() raises TimeoutError then, and the "
    "connection has to be closed",
    over_ipv6=False,
)
def _mute(sandbox: Sandbox) -> None:
    server = _Server(sandbox, _DEADLINE_S)
    server.expect_end(server.connect(), "a silent client", _DEADLINE_S + server.soon_s)


@behaviours(
    "gives the handshake one deadline, not one for each byte",
    expected="a client that sends its handshake byte by byte is closed at the deadline, too",
    hint="the deadline counts from the beginning: take time.monotonic() once, and give each wait "
    "what is left",
    over_ipv6=False,
)
def _drops(sandbox: Sandbox) -> None:
    server = _Server(sandbox, _DEADLINE_S)
    within_s = _DEADLINE_S + server.soon_s
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)
    if not closes_slow_sender(server.connect(), hello, pause_s=_BYTE_PAUSE_S, within_s=within_s):
        server.fail("the client is still connected")


@behaviours(
    "closes a client that is silent after its handshake",
    expected=f"a client that sends nothing for {_DEADLINE_S} s after its handshake is closed",
    hint="set the timeout for recv(), too: after its handshake a client may stay silent",
    over_ipv6=False,
)
def _silent(sandbox: Sandbox) -> None:
    server = _Server(sandbox, _DEADLINE_S)
    server.expect_end(server.client(), "a silent client", _DEADLINE_S + server.soon_s)


@behaviours(
    "survives a client that does not speak TLS",
    expected="a client that sends plain HTTP is closed, and the next one is served",
    hint="wrap_socket() raises ssl.SSLError, an OSError: end this connection, and nothing else",
)
def _plain_http(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    rude = server.connect()
    rude.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    server.expect_end(rude, "the client that sends plain HTTP")
    server.trial.ends_within(server.settle_s)  # if the error ends the server, then by now
    server.expect_echo(server.client("the next client"), b"hello", "the next client")


@behaviours(
    "survives a client that does not trust its certificate",
    expected="a client that rejects the certificate is closed, and the next one is served",
    hint="its alert arrives as ssl.SSLError, in the handshake or in the first recv()",
)
def _distrust(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    sock = server.connect()
    sock.settimeout(server.soon_s)
    with suppress(OSError):
        sandbox.keep(client_context().wrap_socket(sock, server_hostname="localhost"))
    server.expect_echo(server.client("the next client"), b"hello", "the next client")


@behaviours(
    "answers close_notify",
    expected="a client that ends the stream with unwrap() gets close_notify back",
    hint="recv() returns b'' when the client has sent close_notify: answer with unwrap() before "
    "you close, or the client cannot distinguish the end from a truncated stream",
)
def _goodbye(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    client = server.client()
    server.expect_echo(client, b"hello")
    try:
        client.unwrap().close()
    except TimeoutError:
        server.fail("the client's unwrap() receives no close_notify")
    except OSError as error:
        server.fail(f"the client's unwrap() raises {type(error).__name__}")


@behaviours(
    "leaves no connection open",
    expected="no connection is open when all clients have left",
    hint="a `with` block for the connection and one for what wrap_socket() gives, which is another "
    "object with the same descriptor",
)
def _closes(sandbox: Sandbox) -> None:
    server = _Server(sandbox)
    with server.client() as client:
        server.expect_echo(client, b"hello")
    rude = server.connect()
    rude.sendall(b"hello\n")
    rude.close()
    server.expect_at_most_open(0, "some connections stay open")


@behaviours(
    "returns when `stop` is set",
    expected="the function returns soon after `stop` is set, with the listener closed",
    hint="give the listener a timeout, look at stop.is_set() again, and limit how long the threads "
    "wait: they have to end, too",
)
def _stops(sandbox: Sandbox) -> None:
    server = _Server(sandbox, _DEADLINE_S)
    server.expect_echo(server.client(), b"hello")
    server.expect_stop(_DEADLINE_S + server.soon_s)
