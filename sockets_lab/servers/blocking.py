"""One connection over a blocking socket, in a thread or process that has nothing else to do.

A blocked call cannot check `stop`, and settimeout() makes two calls of each, a poll() before every
recv(). So the kernel itself ends the wait: SO_RCVTIMEO and SO_SNDTIMEO in socket(7).
"""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.limits import BACKOFF_S, READ_BYTES, STOP_CHECK_S, Limits, is_overload
from sockets_lab.servers.services import Service

__all__ = ["accept_until", "serve_connection"]


def accept_until(stop: Event, listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections of `listener` as they come, each blocking, until `stop` is set.

    Out of descriptors (EMFILE) it backs off for a moment before it tries again: the client stays in
    the accept queue, and accept() would fail immediately, for ever. An error of a single client is
    skipped.
    """
    listener.settimeout(STOP_CHECK_S)
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError as error:
            if is_overload(error):
                stop.wait(BACKOFF_S)
        else:
            connection.setblocking(True)  # on BSD and macOS it inherits the listener's mode
            yield connection


def serve_connection(
    connection: socket.socket, service: Service, stop: Event, limits: Limits
) -> None:
    """Answer one client until the end of its stream, its idle deadline, or `stop`; then close.

    A client that vanishes, breaks the protocol or falls silent is not an error. Closing after a
    violation or `stop` is a lingering close.
    """
    with connection, suppress(ConnectionError, TimeoutError):
        _set_timeouts(connection, STOP_CHECK_S)
        if not _answer_until_end(connection, service, stop, limits):
            _linger(connection, limits)


def _answer_until_end(
    connection: socket.socket, service: Service, stop: Event, limits: Limits
) -> bool:
    """Answer what arrives; return True if the client ended its stream.

    What has arrived when `stop` is set is answered as well.
    """
    respond, active_s, stopping = service(), monotonic(), False
    while not stopping:
        stopping = stop.is_set()
        try:
            received = connection.recv(READ_BYTES, _DONTWAIT if stopping else 0)
        except _TIMED_OUT:
            if monotonic() - active_s > limits.idle_s:
                raise TimeoutError("the client sends nothing") from None
            continue
        active_s = monotonic()
        try:
            reply = respond(received)
        except Violation:
            return False
        _send_all(connection, reply, stop, limits)
        if not received:
            return True
    return False


def _send_all(connection: socket.socket, reply: bytes, stop: Event, limits: Limits) -> None:
    """Send it all, like sendall(), which cannot report how much it sent before a timeout."""
    active_s = monotonic()
    while reply:
        try:
            reply = reply[connection.send(reply) :]
            active_s = monotonic()
        except _TIMED_OUT:
            if monotonic() - active_s > (limits.drain_s if stop.is_set() else limits.idle_s):
                raise TimeoutError("the client takes nothing") from None


def _linger(connection: socket.socket, limits: Limits) -> None:
    """Do a lingering close: end the stream, discard what the client sends until its end."""
    connection.shutdown(socket.SHUT_WR)
    until_s = monotonic() + limits.drain_s
    while monotonic() < until_s:
        with suppress(*_TIMED_OUT):
            if not connection.recv(READ_BYTES):
                return


# What recv() and send() raise when SO_RCVTIMEO or SO_SNDTIMEO is over: EAGAIN, on Windows
# ETIMEDOUT. A connection that TCP itself has given up looks like the latter once; the next call
# returns its end.
_TIMED_OUT = (BlockingIOError, TimeoutError)
_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)  # not on Windows, which waits STOP_CHECK_S instead


def _set_timeouts(sock: socket.socket, seconds: float) -> None:
    whole, rest = divmod(seconds, 1)
    timeval = struct.pack("@ll", int(whole), int(rest * 1e6))
    if sys.platform == "win32":
        timeval = struct.pack("@L", int(seconds * 1000))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, timeval)
