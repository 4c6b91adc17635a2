"""Chapter 06: all the bytes, or an error, within one deadline.

The learner writes `recv_exactly(sock, nbytes, deadline_s)`: it returns exactly `nbytes` bytes, and
leaves what comes after them. It raises EOFError when the stream ends before, and TimeoutError when
`deadline_s` seconds have passed since it was called. However it ends, the socket's timeout is
restored. While it waits it uses no CPU time.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.runner import (
    Behaviours,
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
    Trial,
    described,
)

__all__ = ["check_recv_exactly"]

_AMPLE_S = 1.0  # a deadline that plays no part
_SHORT_S = 0.12  # one that is reached
_PAUSE_S = 0.03
_GRACE_S = 0.5
_MOST_BUSY = 0.2  # share of the time waited; a loop that only asks has nearly all of it
_TEXT = b"0123456789"

_HINT_RESTORE = (
    "settimeout() stays with the socket, and the caller gets your timeout: save gettimeout() "
    "first, and restore it in finally"
)
_HINT_WHOLE = (
    "a timeout bounds one recv() and begins again with the next: before each one, set what is "
    "left until the deadline, measured with time.monotonic()"
)


behaviours = Behaviours(
    "recv_exactly", over_ipv6="nothing here depends on the family: use the socket as it is given"
)


def check_recv_exactly(recv_exactly: Callable[[socket.socket, int, float], bytes]) -> Report:
    """Try `recv_exactly` with senders that are fast, slow, silent or gone."""
    return behaviours.check(_Timed(recv_exactly))


class _Timed:
    """Calls the answer, and measures the CPU time of its thread."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        if not callable(answer):
            raise TypeError(f"give the function itself, not {answer!r}")
        self._answer = answer
        self.cpu_s = 0.0

    def __call__(self, *args: Any) -> Any:
        began_s = time.thread_time()
        try:
            return self._answer(*args)
        finally:
            self.cpu_s = time.thread_time() - began_s


def _start(
    sandbox: Sandbox, connection: socket.socket, nbytes: int, deadline_s: float = _AMPLE_S
) -> Trial:
    return sandbox.start(connection, nbytes, deadline_s)


def _expect(trial: Trial, expected: bytes) -> None:
    value = trial.result()
    if value == expected and isinstance(value, bytes | bytearray):
        return
    if isinstance(value, bytes | bytearray):
        raise Failed(f"returned {len(value)} bytes: {bytes(value)!r}")
    raise Failed(f"returned {value!r}")


def _expect_error(trial: Trial, kind: type[BaseException], within_s: float) -> None:
    """Raise Failed unless the function raises exactly `kind` in time."""
    if not trial.ends_within(within_s):
        raise TimedOut("the function did not return")
    if type(trial.error) is kind:
        return
    if trial.error is not None and not isinstance(trial.error, OSError | EOFError | ValueError):
        trial.result()
    raise Failed("returned a result" if trial.error is None else f"raised {described(trial.error)}")


@behaviours(
    "returns the bytes that are there",
    expected=f"{_TEXT!r}, all ten bytes",
    hint="collect what recv() returns, and return it as bytes when it is complete",
)
def _whole(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    client.sendall(_TEXT)
    trial = _start(sandbox, connection, len(_TEXT))
    if trial.ends_within(_AMPLE_S) and trial.gave_nothing:
        raise NotStarted
    _expect(trial, _TEXT)


@behaviours(
    "waits for bytes that come in pieces",
    expected=f"{_TEXT!r}, although it is sent in three pieces",
    hint="recv(n) returns what is there, at most n bytes and perhaps fewer: call it again",
)
def _pieces(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    trial = _start(sandbox, connection, len(_TEXT))
    for piece in (_TEXT[:3], _TEXT[3:4], _TEXT[4:]):
        client.sendall(piece)
        if trial.ends_within(_PAUSE_S) and piece != _TEXT[4:]:
            break
    _expect(trial, _TEXT)


@behaviours(
    "leaves what comes after them",
    expected="ten bytes, and the next recv() returns the five that follow",
    hint="ask each recv() for what is missing and no more: bytes that you read and do not return "
    "are lost",
)
def _leaves_the_rest(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    client.sendall(_TEXT + b"after")
    _expect(_start(sandbox, connection, len(_TEXT)), _TEXT)
    connection.settimeout(_GRACE_S)
    try:
        after = connection.recv(100)
    except TimeoutError:
        raise Failed("the five bytes that follow are gone") from None
    if after != b"after":
        raise Failed(f"the next recv() returns {after!r}")


@behaviours(
    "returns immediately for zero bytes",
    expected="b'' for nbytes=0, without waiting",
    hint="with nothing missing there is nothing to wait for: check before the first recv()",
)
def _zero(sandbox: Sandbox) -> None:
    _, connection = sandbox.connected()
    trial = _start(sandbox, connection, 0)
    if not trial.ends_within(_GRACE_S):
        raise TimedOut("the function waits for more")
    _expect(trial, b"")


@behaviours(
    "raises EOFError when the stream ends too early",
    expected="EOFError, as soon as the client has finished after three bytes",
    hint="recv() returns b'' at the end of the stream, every time: raise EOFError there",
)
def _ends(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    client.sendall(_TEXT[:3])
    peers.finish(client)
    _expect_error(_start(sandbox, connection, len(_TEXT)), EOFError, _GRACE_S)


@behaviours(
    "raises TimeoutError at the deadline",
    expected="TimeoutError at the deadline, when only three bytes have come",
    hint="a client may fall silent forever: let no recv() wait beyond the deadline",
    over_ipv6=False,
)
def _silent(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    client.sendall(_TEXT[:3])
    began_s = time.monotonic()
    trial = _start(sandbox, connection, len(_TEXT), _SHORT_S)
    _expect_error(trial, TimeoutError, _SHORT_S + _GRACE_S)
    if time.monotonic() - began_s < 0.9 * _SHORT_S:
        raise Failed("the function gave up before the deadline", "wait until the deadline")


@behaviours(
    "has one deadline for the whole call",
    expected="TimeoutError at the deadline, although a byte comes from time to time",
    hint=_HINT_WHOLE,
    over_ipv6=False,
)
def _trickles(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    trial = _start(sandbox, connection, 1_000, _SHORT_S)
    until_s = time.monotonic() + _SHORT_S + _GRACE_S
    while time.monotonic() < until_s and not trial.ends_within(_PAUSE_S):
        client.sendall(b".")
    _expect_error(trial, TimeoutError, 0)


@behaviours(
    "works on a non-blocking socket",
    expected=f"{_TEXT!r}, although the socket is non-blocking and the bytes come later",
    hint="setblocking(False) makes recv() raise BlockingIOError (EAGAIN) when nothing is there: "
    "set a timeout, or wait with select() before recv()",
)
def _nonblocking(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    connection.setblocking(False)
    trial = _start(sandbox, connection, len(_TEXT))
    trial.ends_within(_PAUSE_S)
    client.sendall(_TEXT)
    _expect(trial, _TEXT)


@behaviours(
    "restores the socket's timeout",
    expected="the same timeout as before, when the bytes have come",
    hint=_HINT_RESTORE,
)
def _restores(sandbox: Sandbox) -> None:
    for timeout_s in (None, 0.0, 7.5):
        client, connection = sandbox.connected()
        client.sendall(_TEXT)
        connection.settimeout(timeout_s)
        _expect(_start(sandbox, connection, len(_TEXT)), _TEXT)
        _expect_timeout(connection, timeout_s)


@behaviours(
    "restores the socket's timeout after an error",
    expected="the same timeout as before, after EOFError and after TimeoutError",
    hint=_HINT_RESTORE,
    over_ipv6=False,
)
def _restores_after_errors(sandbox: Sandbox) -> None:
    for finishes, kind in ((True, EOFError), (False, TimeoutError)):
        client, connection = sandbox.connected()
        connection.settimeout(7.5)
        if finishes:
            peers.finish(client)
        _expect_error(_start(sandbox, connection, 1, _SHORT_S), kind, _SHORT_S + _GRACE_S)
        _expect_timeout(connection, 7.5)


@behaviours(
    "lets the kernel's errors through",
    expected="ConnectionResetError (ECONNRESET), when the client has reset the connection",
    hint="a reset is neither an end of stream nor a timeout: catch only what you can handle",
)
def _reset(sandbox: Sandbox) -> None:
    client, connection = sandbox.connected()
    peers.reset(client)
    _expect_error(_start(sandbox, connection, 1), ConnectionResetError, _GRACE_S)


@behaviours(
    "uses no CPU time while it waits",
    expected="almost no CPU time in a wait of a quarter of a second",
    hint="a loop that calls recv() again and again keeps a processor busy: let the kernel wake "
    "you, by a timeout or by select()",
    over_ipv6=False,
)
def _idle(sandbox: Sandbox) -> None:
    _, connection = sandbox.connected()
    wait_s = 0.25
    _expect_error(_start(sandbox, connection, 1, wait_s), TimeoutError, wait_s + _GRACE_S)
    if isinstance(sandbox.answer, _Timed) and sandbox.answer.cpu_s > _MOST_BUSY * wait_s:
        raise Failed("it keeps a processor busy while it waits")


def _expect_timeout(connection: socket.socket, timeout_s: float | None) -> None:
    now_s = connection.gettimeout()
    if now_s != timeout_s:
        was = "blocking" if timeout_s is None else "not blocking" if not timeout_s else "7.5 s"
        raise Failed(f"the timeout was {was}, and is different now")
