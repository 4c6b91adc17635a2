"""Chapter 11: a TLS server that no silent client can stop.

The learner writes `serve_tls(listener, context, deadline_s, stop)`: it echoes over TLS what each
client sends, serves many at once, closes whoever has not shaken hands after `deadline_s` seconds or
says nothing for so long afterwards, and returns when the event `stop` is set.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from sockets_lab.exercises.harness.clients import is_closed_while_it_drips
from sockets_lab.exercises.harness.runner import (
    Failed,
    Report,
    Sandbox,
    TimedOut,
    behaviour,
    run,
)
from sockets_lab.exercises.harness.server_under_test import ServerUnderTest
from sockets_lab.tls import Authority, Certificate, client_context, server_context

__all__ = ["check_serve_tls"]

_SOON_S = 1.5  # for what should come at once: long, for a busy machine
_DEADLINE_S = 0.4  # the learner's; no client of a behaviour without a deadline comes near it
_AMPLE_S = 20.0
_SETTLE_S = 0.1
_DROP_S = 0.1  # between two bytes of a handshake in drops

_HINT_APART = (
    "lead the handshake in the connection's own thread (or let a selector wait for it), never "
    "between two calls of accept(): a client may never answer"
)


def check_serve_tls(serve_tls: Callable[..., object]) -> Report:
    """Try `serve_tls` with clients that are polite, mute, slow, mistaken and distrustful."""
    return run("serve_tls", _BEHAVIOURS, serve_tls, deadline_s=6.0, over_ipv6=_OVER_IPV6)


@cache
def _authority() -> Authority:
    return Authority()


@cache
def _certificate() -> Certificate:
    return _authority().issue("localhost")


class _Server(ServerUnderTest):
    """The learner's server at work."""

    def __init__(self, bench: Sandbox, deadline_s: float = _AMPLE_S) -> None:
        super().__init__(bench, server_context(_certificate()), deadline_s)

    def client(self, words: str = "a client", *, after_s: float = 0.0) -> ssl.SSLSocket:
        """A client that has shaken hands, and has begun with it so long after it was connected."""
        sock = self.connect()
        self.trial.ends_within(after_s)
        sock.settimeout(_SOON_S)
        try:
            shaken = client_context(_authority()).wrap_socket(sock, server_hostname="localhost")
        except TimeoutError:
            self.complain(f"{words} waits in vain for the handshake")
        except OSError as error:
            self.complain(f"{words} cannot shake hands ({type(error).__name__})")
        self.bench.keep(shaken)
        return shaken

    def expect_echo(self, client: ssl.SSLSocket, text: bytes, words: str = "a client") -> None:
        """Failed unless a text comes back."""
        received = b""
        try:
            client.sendall(text)
            while len(received) < len(text):
                piece = client.recv(65_536)
                if not piece:
                    break
                received += piece
        except TimeoutError:
            self.complain(f"{words} waits in vain for its echo")
        except OSError as error:
            self.complain(f"{words} gets {type(error).__name__} instead of its echo")
        if received != text:
            self.complain(f"{words} gets {len(received)} of {len(text)} bytes back")

    def expect_end(self, client: socket.socket, words: str, within_s: float) -> None:
        """Failed unless the server ends the connection, with or without an alert before."""
        until_s = time.monotonic() + within_s
        client.settimeout(within_s)
        with suppress(ConnectionError, ssl.SSLError):
            while time.monotonic() < until_s:
                try:
                    if not client.recv(4096):
                        return
                except TimeoutError:
                    break
            self.complain(f"{words} is still connected")


@behaviour(
    "echoes over TLS",
    expected="what a client sends comes back, three times in a row",
    hint="context.wrap_socket(connection, server_side=True), then recv() and sendall() on what "
    "that gives",
)
def _echoes(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.expect_begun(_SETTLE_S)
    client = scene.client(after_s=_SETTLE_S)
    for text in (b"hello", bytes(30_000), b"!"):
        scene.expect_echo(client, text)
        scene.trial.ends_within(_SETTLE_S / 4)  # the server is waiting for more by then


@behaviour(
    "serves a client while another does not shake hands",
    expected="a client beside one that is connected and mute is served at once",
    hint=_HINT_APART,
)
def _beside_mute(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.connect()
    scene.expect_echo(scene.client("the other"), b"hello", "the other")


@behaviour(
    "serves a client while another says nothing",
    expected="a client beside one that has shaken hands, and is silent, is served at once",
    hint="a thread for each connection, or one loop that waits for all of them",
)
def _beside_silent(bench: Sandbox) -> None:
    scene = _Server(bench)
    scene.expect_echo(scene.client(), b"hello")
    scene.expect_echo(scene.client("the other"), b"hello", "the other")


@behaviour(
    "closes a client that does not shake hands in time",
    expected=f"the connection of a mute client ends after {_DEADLINE_S} s",
    hint="set a timeout before wrap_socket(): do_handshake() raises TimeoutError then, and the "
    "connection has to be closed",
)
def _mute(bench: Sandbox) -> None:
    scene = _Server(bench, _DEADLINE_S)
    scene.expect_end(scene.connect(), "a mute client", _DEADLINE_S + _SOON_S)


@behaviour(
    "gives the handshake one deadline, not one for each byte",
    expected="a client that sends its handshake byte by byte is closed all the same",
    hint="the deadline counts from the beginning: time.monotonic() once, and what is left of it "
    "for each wait",
)
def _drops(bench: Sandbox) -> None:
    scene = _Server(bench, _DEADLINE_S)
    within_s = _DEADLINE_S + _SOON_S
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)
    if not is_closed_while_it_drips(scene.connect(), hello, pause_s=_DROP_S, within_s=within_s):
        scene.complain("it is still connected")


@behaviour(
    "closes a client that is silent afterwards",
    expected=f"a client that has shaken hands, and says nothing for {_DEADLINE_S} s, is closed",
    hint="the timeout has to be there for recv(), too: a handshake is no promise to speak",
)
def _silent(bench: Sandbox) -> None:
    scene = _Server(bench, _DEADLINE_S)
    scene.expect_end(scene.client(), "a silent client", _DEADLINE_S + _SOON_S)


@behaviour(
    "survives a client that speaks no TLS",
    expected="the client of plain HTTP is closed, and the next one is served",
    hint="wrap_socket() raises ssl.SSLError, an OSError: it ends this connection, and nothing else",
)
def _plain_http(bench: Sandbox) -> None:
    scene = _Server(bench)
    rude = scene.connect()
    rude.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    scene.expect_end(rude, "the client of plain HTTP", _SOON_S)
    scene.trial.ends_within(_SETTLE_S)  # if the error ends it, then by now
    scene.expect_echo(scene.client("the next client"), b"hello", "the next client")


@behaviour(
    "survives a client that does not trust it",
    expected="a client that refuses the certificate hurts nobody",
    hint="its alert comes as ssl.SSLError, in the handshake or in the first recv()",
)
def _distrust(bench: Sandbox) -> None:
    scene = _Server(bench)
    sock = scene.connect()
    sock.settimeout(_SOON_S)
    with suppress(OSError):
        bench.keep(client_context().wrap_socket(sock, server_hostname="localhost"))
    scene.expect_echo(scene.client("the next client"), b"hello", "the next client")


@behaviour(
    "says goodbye",
    expected="a client that ends the stream with unwrap() gets close_notify back",
    hint="recv() gives b'' when the client has said goodbye: answer with unwrap() before you "
    "close, or the client cannot tell the end from a wire that was cut",
)
def _goodbye(bench: Sandbox) -> None:
    scene = _Server(bench)
    client = scene.client()
    scene.expect_echo(client, b"hello")
    try:
        client.unwrap().close()
    except TimeoutError:
        scene.complain("unwrap() waits in vain")
    except OSError as error:
        scene.complain(f"unwrap() raises {type(error).__name__}")


@behaviour(
    "leaves no connection open",
    expected="no connection is open when all clients have gone",
    hint="a `with` block for the connection and one for what wrap_socket() gives, which is another "
    "object with the same descriptor",
)
def _closes(bench: Sandbox) -> None:
    scene = _Server(bench)
    with scene.client() as client:
        scene.expect_echo(client, b"hello")
    rude = scene.connect()
    rude.sendall(b"hello\n")
    rude.close()
    scene.expect_open(0, "some are open")


@behaviour(
    "returns when it is told to stop",
    expected="the function returns soon after `stop` is set, with the listener closed",
    hint="give the listener a timeout, look at stop.is_set() again, and bound what the threads "
    "wait for: they have to end, too",
)
def _stops(bench: Sandbox) -> None:
    scene = _Server(bench, _DEADLINE_S)
    scene.expect_echo(scene.client(), b"hello")
    scene.trial.ends_within(_SETTLE_S)  # it goes back to waiting
    scene.stop.set()
    if not scene.trial.ends_within(_DEADLINE_S + _SOON_S):
        raise TimedOut("the function runs on after `stop` was set")
    scene.trial.result()
    if scene.listener.fileno() != -1:
        raise Failed("the listener is still open")


_BEHAVIOURS = (
    _echoes,
    _beside_mute,
    _beside_silent,
    _mute,
    _drops,
    _silent,
    _plain_http,
    _distrust,
    _goodbye,
    _closes,
    _stops,
)
_OVER_IPV6 = "use the listener as it is given: its family is none of the server's business"
