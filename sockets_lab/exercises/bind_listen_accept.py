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
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    Trial,
    described,
)
from sockets_lab.peers import finish, reset, send

__all__ = ["check_serve_once"]

_TEXT = b"Hello, server. Are you there?"
_PIECES = (b"first piece, ", b"last piece")
_NO_TEXT = b"  \xff\xfe two lines\r\nof \x00 bytes, caf\xc3\xa9 \t\n\n"
_PAUSE_S = 0.12  # of a client between two pieces
_NO_CLIENT_S = 0.05  # the timeout of a listener that no client connects to


behaviours = Behaviours(
    "serve_once",
    over_ipv6="an IPv6 address has four parts where an IPv4 address has two: keep whole what "
    "accept() returns",
)


def check_serve_once(serve_once: Callable[[socket.socket], bytes]) -> Report:
    """Try `serve_once` with well-behaved and awkward clients; return what each saw."""
    return behaviours.check(serve_once)


@behaviours(
    "answers a well-behaved client",
    expected="the client reads its text in capitals, then the end of the stream",
    hint="the reply is what the client sent, all of it, through .upper(); then close",
)
def _well_behaved(sandbox: Sandbox) -> None:
    reply, _ = _converse(sandbox, _TEXT)
    _expect_reply(reply, _TEXT)


@behaviours(
    "returns what it read",
    expected="the bytes that the client sent, as they came",
    hint="return the bytes that were read, before they were put in capitals",
)
def _returns(sandbox: Sandbox) -> None:
    _, result = _converse(sandbox, _TEXT)
    if result != _TEXT:
        raise Failed(f"returned {_in_words(result)}")


@behaviours(
    "waits for a client that sends in pieces",
    expected="both pieces come back as one text, however long the pause between them",
    hint="recv() returns what has arrived so far: only b'' says that the client has finished, not "
    "a short read, a line end or a pause",
)
def _in_pieces(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    client = sandbox.client(listener)
    trial = sandbox.start(listener)
    first, last = _PIECES
    send(client, first)
    sandbox.wait_until_read()
    time.sleep(_PAUSE_S)  # the pause belongs to this client, it waits for nothing
    send(client, last)
    finish(client)
    _expect_reply(reply_to(client, trial), first + last)


@behaviours(
    "serves a client that sends nothing",
    expected="an empty reply, and b'' from the function",
    hint="b'' from the very first recv() is an end of stream like any other, not an error",
)
def _silent(sandbox: Sandbox) -> None:
    reply, result = _converse(sandbox, b"")
    if reply:
        raise Failed(f"the client receives {len(reply)} bytes")
    if result != b"":
        raise Failed(f"returned {_in_words(result)}")


@behaviours(
    "accepts bytes that are not text",
    expected="every byte comes back: spaces and line ends, zeros, bytes that are not UTF-8",
    hint="a stream carries bytes: do not decode, strip or split them",
)
def _no_text(sandbox: Sandbox) -> None:
    reply, _ = _converse(sandbox, _NO_TEXT)
    _expect_reply(reply, _NO_TEXT)


@behaviours(
    "sends a large reply to its end",
    expected=f"all {len(LARGE)} bytes, to a client that reads only after it has sent everything",
    hint="send() may take only a part and returns how much: use sendall(), or send the rest again",
)
def _large(sandbox: Sandbox) -> None:
    trial, _, client = large_request(sandbox)
    with send_interrupted(trial, client):
        reply = reply_to(client, trial)
    received = trial.result()
    if isinstance(received, bytes) and len(received) < len(LARGE):
        raise Failed("the function read only a part of what was sent", _in_pieces.hint)
    _expect_reply(reply, LARGE)


@behaviours(
    "serves one client only",
    expected="the second client, already waiting, gets no reply",
    hint="call accept() once",
)
def _second_client(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    first, second = request(sandbox, listener, _TEXT), request(sandbox, listener, _TEXT)
    trial = sandbox.start(listener)
    _expect_reply(reply_to(first, trial), _TEXT)
    second.setblocking(False)
    try:
        reply = second.recv(len(_TEXT))
    except OSError:  # ECONNRESET: it was refused; EAGAIN: it got no reply
        return
    if reply:
        raise Failed("the second client was answered too")


@behaviours(
    "frees its address immediately",
    expected="another listener can bind the same address as soon as the function has ended",
    hint="the listener is a separate socket: closing the connection does not close it",
)
def _address_is_free(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    address = listener.getsockname()
    request(sandbox, listener, _TEXT)
    sandbox.call(listener)
    again = sandbox.new_socket()
    if sys.platform != "win32":
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        again.bind(address)
    except OSError as error:
        raise Failed(f"bind() to the same address raised {described(error)}") from None


@behaviours(
    "closes the connection itself",
    expected="the connection is closed before the function ends",
    hint="do not leave it to the garbage collector: use `with connection:`, or close() in finally",
)
def _closes_connection(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    request(sandbox, listener, _TEXT)
    sandbox.call(listener)
    if sandbox.left_open():
        raise Failed("the connection was still open when the function ended")


@behaviours(
    "closes both sockets when the client resets",
    expected="listener and connection are closed, although recv() raises ConnectionResetError",
    hint="a close() after the loop is not reached when recv() raises: use `with`, or finally",
)
def _reset_closes(sandbox: Sandbox) -> None:
    _, listener = _run_into_reset(sandbox)
    _expect_closed(sandbox, listener)


@behaviours(
    "lets the caller see the error",
    expected="ConnectionResetError is raised by the function",
    hint="clean up with `with` or finally instead of except: the caller must know that it failed",
)
def _error_reaches_caller(sandbox: Sandbox) -> None:
    trial, _ = _run_into_reset(sandbox)
    if trial.error is None:
        raise Failed("no error reached the caller")
    if not isinstance(trial.error, OSError):
        raise Failed(f"raised {described(trial.error)}")


@behaviours(
    "closes both sockets when the client resets during the reply",
    expected="listener and connection are closed, although sending raises",
    hint="sending can fail like reading: keep the reply inside the `with` or try that closes",
)
def _leaves_during_reply(sandbox: Sandbox) -> None:
    trial, listener, client = large_request(sandbox)
    trial.readable(client)  # the reply has begun
    reset(client)
    trial.wait()
    _expect_closed(sandbox, listener)


@behaviours(
    "closes the listener when no client comes",
    expected="the listener is closed, although accept() raises TimeoutError",
    hint="accept() can fail, too: begin the listener's `with` or try before accept()",
)
def _no_client(sandbox: Sandbox) -> None:
    listener = sandbox.listener()
    listener.settimeout(_NO_CLIENT_S)
    trial = sandbox.start(listener)
    trial.wait()
    _expect_closed(sandbox, listener)


def _converse(sandbox: Sandbox, text: bytes) -> tuple[bytes, Any]:
    """Send `text` and the end of the stream; return the reply and what the function returned."""
    listener = sandbox.listener()
    client = request(sandbox, listener, text)
    trial = sandbox.start(listener)
    trial.wait()  # a short reply fits into the buffers, even if it is not read yet
    if trial.gave_nothing and _still_queued(listener):
        raise NotStarted
    return reply_to(client, trial), trial.result()


def _still_queued(listener: socket.socket) -> bool:
    """Return True if the only client still waits to be accepted."""
    try:
        listener.setblocking(False)
        listener.accept()[0].close()
    except OSError:  # EBADF: the listener is closed; EAGAIN: no client waits
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


def _run_into_reset(sandbox: Sandbox) -> tuple[Trial, socket.socket]:
    """Run the function with a client that has reset its connection; wait for its end."""
    listener = sandbox.listener()
    reset(sandbox.client(listener))
    trial = sandbox.start(listener)
    trial.wait()
    return trial, listener


def _expect_closed(sandbox: Sandbox, listener: socket.socket) -> None:
    open_listener = listener.fileno() != -1
    left = ["the listener"] * open_listener + ["the connection"] * sandbox.left_open()
    if left:
        raise Failed(f"still open: {' and '.join(left)}")
