"""Chapter 06: all the bytes, or an error, within one deadline.

The learner writes `recv_exactly(sock, nbytes, deadline_s)`: it returns exactly `nbytes` bytes, and
leaves what comes behind them. It raises EOFError when the stream ends before, and TimeoutError when
`deadline_s` seconds have passed since it was called. Whatever comes of it, the socket's timeout is
afterwards what it was before. While it waits it burns no CPU time.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from sockets_lab import peers
from sockets_lab.exercises.harness.runner import (
    Failed,
    NotStarted,
    Report,
    Sandbox,
    TimedOut,
    Trial,
    behaviour,
    described,
    run,
)

__all__ = ["check_recv_exactly"]

_AMPLE_S = 1.0  # a deadline that plays no part
_SHORT_S = 0.12  # one that is reached
_PAUSE_S = 0.03
_GRACE_S = 0.5
_MOST_BUSY = 0.2  # share of the time waited; a loop that only asks has nearly all of it
_TEXT = b"0123456789"

_HINT_RESTORE = (
    "settimeout() stays with the socket, and whoever uses it next gets yours: keep gettimeout() "
    "first, and put it back in finally"
)
_HINT_WHOLE = (
    "a timeout counts for one recv() and begins again with the next: before each one, set what is "
    "left until the end of the whole, counted with time.monotonic()"
)


def check_recv_exactly(recv_exactly: Callable[[socket.socket, int, float], bytes]) -> Report:
    """Try `recv_exactly` with senders that are quick, slow, silent or gone."""
    return run("recv_exactly", _BEHAVIOURS, _Timed(recv_exactly), over_ipv6=_OVER_IPV6)


class _Timed:
    """Calls the answer, and keeps the CPU time that it took in its thread."""

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


def _pair(bench: Sandbox) -> tuple[socket.socket, socket.socket]:
    """A client, and the connection at which the answer reads; blocking."""
    listener = bench.listener()
    client = bench.client(listener)
    connection = bench.keep(listener.accept()[0])
    return client, connection


def _ask(
    bench: Sandbox, connection: socket.socket, nbytes: int, deadline_s: float = _AMPLE_S
) -> Trial:
    return bench.start(connection, nbytes, deadline_s)


def _expect(trial: Trial, expected: bytes) -> None:
    value = trial.result()
    if value == expected and isinstance(value, bytes | bytearray):
        return
    if isinstance(value, bytes | bytearray):
        raise Failed(f"{len(value)} bytes came back: {bytes(value)!r}")
    raise Failed(f"the function gave back {value!r}")


def _expect_error(trial: Trial, kind: type[BaseException], within_s: float) -> None:
    """Failed unless the function raises just this, in time."""
    if not trial.ends_within(within_s):
        raise TimedOut("the function runs on")
    if type(trial.error) is kind:
        return
    if trial.error is not None and not isinstance(trial.error, OSError | EOFError | ValueError):
        trial.result()
    seen = "gave back a result" if trial.error is None else f"raised {described(trial.error)}"
    raise Failed(f"the function {seen}")


@behaviour(
    "returns the bytes that are there",
    expected=f"{_TEXT!r}, all ten bytes",
    hint="collect what recv() gives, and return it as bytes when it is as much as asked for",
)
def _whole(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    client.sendall(_TEXT)
    trial = _ask(bench, connection, len(_TEXT))
    if trial.ends_within(_AMPLE_S) and trial.gave_nothing:
        raise NotStarted
    _expect(trial, _TEXT)


@behaviour(
    "waits for bytes that come in pieces",
    expected=f"{_TEXT!r}, although it is sent in three pieces",
    hint="recv(n) gives what is there, at most n bytes and perhaps fewer: ask again for the rest",
)
def _pieces(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    trial = _ask(bench, connection, len(_TEXT))
    for piece in (_TEXT[:3], _TEXT[3:4], _TEXT[4:]):
        client.sendall(piece)
        if trial.ends_within(_PAUSE_S) and piece != _TEXT[4:]:
            break
    _expect(trial, _TEXT)


@behaviour(
    "leaves what comes behind them",
    expected="ten bytes come back, and the next recv() gets the five that follow",
    hint="ask each recv() for what is missing and no more: what you take and do not return is lost",
)
def _leaves_the_rest(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    client.sendall(_TEXT + b"after")
    _expect(_ask(bench, connection, len(_TEXT)), _TEXT)
    connection.settimeout(_GRACE_S)
    try:
        after = connection.recv(100)
    except TimeoutError:
        raise Failed("the five bytes that follow are gone") from None
    if after != b"after":
        raise Failed(f"the next recv() gets {after!r}")


@behaviour(
    "returns nothing at once when nothing is asked for",
    expected="b'' for nbytes=0, without waiting",
    hint="with nothing missing there is nothing to wait for: look before the first recv()",
)
def _zero(bench: Sandbox) -> None:
    _, connection = _pair(bench)
    trial = _ask(bench, connection, 0)
    if not trial.ends_within(_GRACE_S):
        raise TimedOut("the function waits")
    _expect(trial, b"")


@behaviour(
    "raises EOFError when the stream ends before",
    expected="EOFError, as soon as the client has finished after three bytes",
    hint="recv() gives b'' at the end of the stream, again and again: raise EOFError there",
)
def _ends(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    client.sendall(_TEXT[:3])
    peers.finish(client)
    _expect_error(_ask(bench, connection, len(_TEXT)), EOFError, _GRACE_S)


@behaviour(
    "raises TimeoutError at the deadline",
    expected="TimeoutError, when the deadline has passed and three bytes have come",
    hint="a client may fall silent for ever: let no recv() wait longer than until the deadline",
)
def _silent(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    client.sendall(_TEXT[:3])
    began_s = time.monotonic()
    trial = _ask(bench, connection, len(_TEXT), _SHORT_S)
    _expect_error(trial, TimeoutError, _SHORT_S + _GRACE_S)
    if time.monotonic() - began_s < 0.9 * _SHORT_S:
        raise Failed("the function gave up before the deadline", "wait as long as it allows")


@behaviour(
    "has one deadline for the whole",
    expected="TimeoutError at the deadline, although a byte comes now and then",
    hint=_HINT_WHOLE,
)
def _trickles(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    trial = _ask(bench, connection, 1_000, _SHORT_S)
    until_s = time.monotonic() + _SHORT_S + _GRACE_S
    while time.monotonic() < until_s and not trial.ends_within(_PAUSE_S):
        client.sendall(b".")
    _expect_error(trial, TimeoutError, 0)


@behaviour(
    "works on a socket that does not block",
    expected=f"{_TEXT!r}, although the socket does not block and the bytes come later",
    hint="setblocking(False) makes recv() raise BlockingIOError (EAGAIN) when nothing is there: "
    "set a timeout of your own, or wait with select() before you ask",
)
def _nonblocking(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    connection.setblocking(False)
    trial = _ask(bench, connection, len(_TEXT))
    trial.ends_within(_PAUSE_S)
    client.sendall(_TEXT)
    _expect(trial, _TEXT)


@behaviour(
    "puts the socket's timeout back",
    expected="the same timeout as before, when the bytes have come",
    hint=_HINT_RESTORE,
)
def _restores(bench: Sandbox) -> None:
    for timeout_s in (None, 0.0, 7.5):
        client, connection = _pair(bench)
        client.sendall(_TEXT)
        connection.settimeout(timeout_s)
        _expect(_ask(bench, connection, len(_TEXT)), _TEXT)
        _expect_timeout(connection, timeout_s)


@behaviour(
    "puts the socket's timeout back after an error",
    expected="the same timeout as before, after EOFError and after TimeoutError",
    hint=_HINT_RESTORE,
)
def _restores_after_errors(bench: Sandbox) -> None:
    for finishes, kind in ((True, EOFError), (False, TimeoutError)):
        client, connection = _pair(bench)
        connection.settimeout(7.5)
        if finishes:
            peers.finish(client)
        _expect_error(_ask(bench, connection, 1, _SHORT_S), kind, _SHORT_S + _GRACE_S)
        _expect_timeout(connection, 7.5)


@behaviour(
    "lets the kernel's errors through",
    expected="ConnectionResetError (ECONNRESET), when the client has reset the connection",
    hint="a reset is neither an end of stream nor a timeout: catch only what you can mend",
)
def _reset(bench: Sandbox) -> None:
    client, connection = _pair(bench)
    peers.reset(client)
    _expect_error(_ask(bench, connection, 1), ConnectionResetError, _GRACE_S)


@behaviour(
    "burns no CPU time while it waits",
    expected="next to no CPU time in a wait of a quarter of a second",
    hint="a loop that asks again and again has the processor for itself: let the kernel wake you, "
    "by a timeout or by select()",
)
def _idle(bench: Sandbox) -> None:
    _, connection = _pair(bench)
    wait_s = 0.25
    _expect_error(_ask(bench, connection, 1, wait_s), TimeoutError, wait_s + _GRACE_S)
    if isinstance(bench.answer, _Timed) and bench.answer.cpu_s > _MOST_BUSY * wait_s:
        raise Failed("most of the wait was spent asking")


def _expect_timeout(connection: socket.socket, timeout_s: float | None) -> None:
    now_s = connection.gettimeout()
    if now_s != timeout_s:
        was = "blocking" if timeout_s is None else "not blocking" if not timeout_s else "7.5 s"
        raise Failed(f"the timeout was {was}, and it is another one now")


_BEHAVIOURS = (
    _whole,
    _pieces,
    _leaves_the_rest,
    _zero,
    _ends,
    _silent,
    _trickles,
    _nonblocking,
    _restores,
    _restores_after_errors,
    _reset,
    _idle,
)
_OVER_IPV6 = "nothing here depends on the family: use the socket as it is given"
