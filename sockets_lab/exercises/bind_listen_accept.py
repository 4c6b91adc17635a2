"""Chapter 02: a one-shot server that cleans up on every path.

The learner writes `serve_once(listener) -> bytes`: accept one client, read what it sends until its
end of stream, send the same bytes back in capitals (`bytes.upper`), and return what was read. The
connection and the listener are closed when the function ends, however it ends; an error is not
caught, it reaches the caller.

Each behaviour is a client over a real socket, and is judged by what that client sees and by what is
left open.
"""

import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from sockets_lab.exercises.harness.clients import (
    LARGE,
    difference,
    large_request,
    reply_to,
    request,
    send_interrupted,
)
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotStarted,
    Report,
    Sandbox,
    Trial,
    behaviour,
    described,
    run,
)
from sockets_lab.peers import finish, reset, send

__all__ = ["check_serve_once"]

_TEXT = b"Hello, server. Are you there?"
_PIECES = (b"first piece, ", b"last piece")
_NO_TEXT = b"  \xff\xfe two lines\r\nof \x00 bytes, caf\xc3\xa9 \t\n\n"
_PAUSE_S = 0.12  # of a client that thinks between two pieces
_NOBODY_S = 0.05  # a listener's own timeout while nobody comes


def check_serve_once(serve_once: Callable[[socket.socket], bytes]) -> Report:
    """Try `serve_once` with polite and awkward clients; return what each saw."""
    return run("serve_once", _BEHAVIOURS, serve_once, over_ipv6=_OVER_IPV6)


@behaviour(
    "answers a well-behaved client",
    expected="the client reads its text in capitals, then the end of the stream",
    hint="the reply is what the client sent, all of it, through .upper(); then close",
)
def _polite(bench: Sandbox) -> None:
    reply, _ = _converse(bench, _TEXT)
    _expect_reply(reply, _TEXT)


@behaviour(
    "gives back what it read",
    expected="the bytes that the client sent, as they came",
    hint="return the bytes that were read, before they were put in capitals",
)
def _gives_back(bench: Sandbox) -> None:
    _, result = _converse(bench, _TEXT)
    if result != _TEXT:
        raise Failed(f"gave back {_in_words(result)}")


@behaviour(
    "waits for a client that sends in pieces",
    expected="both pieces come back as one text, whatever the pause between them",
    hint="recv() gives what has arrived so far: only b'' says that the client has finished, not a "
    "short read, a line end or a pause",
)
def _in_pieces(bench: Sandbox) -> None:
    listener = bench.listener()
    client = bench.client(listener)
    trial = bench.start(listener)
    first, last = _PIECES
    send(client, first)
    bench.wait_until_read()
    time.sleep(_PAUSE_S)  # the pause is this client's behaviour, not a wait for luck
    send(client, last)
    finish(client)
    _expect_reply(reply_to(client, trial), first + last)


@behaviour(
    "bears a client that says nothing",
    expected="an empty reply, and b'' from the function",
    hint="b'' from the very first recv() is an end of stream like any other, not an error",
)
def _silent(bench: Sandbox) -> None:
    reply, result = _converse(bench, b"")
    if reply:
        raise Failed(f"{len(reply)} bytes came back")
    if result != b"":
        raise Failed(f"gave back {_in_words(result)}")


@behaviour(
    "takes bytes that are no text",
    expected="every byte comes back: spaces and line ends, zeros, bytes that are not UTF-8",
    hint="a stream carries bytes: do not decode, strip or split them",
)
def _no_text(bench: Sandbox) -> None:
    reply, _ = _converse(bench, _NO_TEXT)
    _expect_reply(reply, _NO_TEXT)


@behaviour(
    "sends a large reply to its end",
    expected=f"all {len(LARGE)} bytes, to a client that reads only after it has sent everything",
    hint="send() may take only a part and says how much: use sendall(), or send the rest again",
)
def _large(bench: Sandbox) -> None:
    trial, _, client = large_request(bench)
    with send_interrupted(trial, client):
        reply = reply_to(client, trial)
    received = trial.result()
    if isinstance(received, bytes) and len(received) < len(LARGE):
        raise Failed("the function read only a part of what was sent", _in_pieces.hint)
    _expect_reply(reply, LARGE)


@behaviour(
    "serves one client only",
    expected="the second client, already waiting, gets no reply",
    hint="call accept() once",
)
def _second_client(bench: Sandbox) -> None:
    listener = bench.listener()
    first, second = request(bench, listener, _TEXT), request(bench, listener, _TEXT)
    trial = bench.start(listener)
    _expect_reply(reply_to(first, trial), _TEXT)
    second.setblocking(False)
    try:
        reply = second.recv(len(_TEXT))
    except OSError:  # ECONNRESET: turned away; EAGAIN: nobody spoke to it
        return
    if reply:
        raise Failed("the second client was answered too")


@behaviour(
    "frees its address at once",
    expected="another listener can bind the same address as soon as the function has ended",
    hint="the listener is a socket of its own: closing the connection does not close it",
)
def _address_is_free(bench: Sandbox) -> None:
    listener = bench.listener()
    address = listener.getsockname()
    request(bench, listener, _TEXT)
    bench.call(listener)
    again = bench.new_socket()
    if sys.platform != "win32":
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        again.bind(address)
    except OSError as error:
        raise Failed(f"bind() to the same address raised {described(error)}") from None


@behaviour(
    "closes the connection itself",
    expected="the connection is closed before the function ends",
    hint="do not leave it to the garbage collector: use `with connection:`, or close() in finally",
)
def _closes_connection(bench: Sandbox) -> None:
    listener = bench.listener()
    request(bench, listener, _TEXT)
    bench.call(listener)
    if bench.left_open():
        raise Failed("the connection was still open at the function's end")


@behaviour(
    "closes both sockets when the client resets",
    expected="listener and connection are closed, although recv() raises ConnectionResetError",
    hint="a close() after the loop is not reached when recv() raises: use `with`, or finally",
)
def _reset_closes(bench: Sandbox) -> None:
    _, listener = _run_into_reset(bench)
    _expect_closed(bench, listener)


@behaviour(
    "lets the error reach its caller",
    expected="ConnectionResetError is raised by the function",
    hint="clean up with `with` or finally instead of except: the caller must learn that it failed",
)
def _error_reaches_caller(bench: Sandbox) -> None:
    trial, _ = _run_into_reset(bench)
    if trial.error is None:
        raise Failed("no error reached the caller")
    if not isinstance(trial.error, OSError):
        raise Failed(f"raised {described(trial.error)}")


@behaviour(
    "closes both sockets when the client leaves during the reply",
    expected="listener and connection are closed, although sending raises",
    hint="sending can fail like reading: keep the reply inside the `with` or try that closes",
)
def _leaves_during_reply(bench: Sandbox) -> None:
    trial, listener, client = large_request(bench)
    trial.readable(client)  # the reply has begun
    reset(client)
    trial.wait()
    _expect_closed(bench, listener)


@behaviour(
    "closes the listener when nobody comes",
    expected="the listener is closed, although accept() raises TimeoutError",
    hint="accept() can fail too: the listener's `with` or try begins before accept()",
)
def _nobody(bench: Sandbox) -> None:
    listener = bench.listener()
    listener.settimeout(_NOBODY_S)
    trial = bench.start(listener)
    trial.wait()
    _expect_closed(bench, listener)


_BEHAVIOURS = (
    _polite,
    _gives_back,
    _in_pieces,
    _silent,
    _no_text,
    _large,
    _second_client,
    _address_is_free,
    _closes_connection,
    _reset_closes,
    _error_reaches_caller,
    _leaves_during_reply,
    _nobody,
)

_OVER_IPV6 = (
    "an IPv6 address has four parts where an IPv4 address has two: keep what accept() gives whole"
)


def _converse(bench: Sandbox, text: bytes) -> tuple[bytes, Any]:
    """Send `text` and the end of the stream; return the reply and what the function gave back."""
    listener = bench.listener()
    client = request(bench, listener, text)
    trial = bench.start(listener)
    trial.wait()  # a short reply fits into the buffers: nobody need read it yet
    if trial.gave_nothing and _still_queued(listener):
        raise NotStarted
    return reply_to(client, trial), trial.result()


def _still_queued(listener: socket.socket) -> bool:
    """Say whether the only client still waits to be accepted."""
    try:
        listener.setblocking(False)
        listener.accept()[0].close()
    except OSError:  # EBADF: the listener is closed; EAGAIN: nobody waits
        return False
    return True


def _expect_reply(reply: bytes, text: bytes) -> None:
    if reply != text.upper():
        raise Failed(difference(reply, text.upper()))


def _in_words(result: object) -> str:
    if result == _TEXT.upper():
        return "what it sent, not what it read"
    if isinstance(result, bytes | bytearray):
        return f"{len(result)} bytes that are not what the client sent"
    return "None" if result is None else f"a {type(result).__name__}, not bytes"


def _run_into_reset(bench: Sandbox) -> tuple[Trial, socket.socket]:
    """Let the function meet a client that has reset its connection; wait for its end."""
    listener = bench.listener()
    reset(bench.client(listener))
    trial = bench.start(listener)
    trial.wait()
    return trial, listener


def _expect_closed(bench: Sandbox, listener: socket.socket) -> None:
    open_listener = listener.fileno() != -1
    left = ["the listener"] * open_listener + ["the connection"] * bench.left_open()
    if left:
        raise Failed(f"still open: {' and '.join(left)}")
