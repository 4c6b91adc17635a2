"""One conversation over a blocking socket, by a thread or process that has nothing else to do.

A blocked call cannot look at `stop`, and settimeout() would make two calls of each, a poll() before
every recv(). So the kernel is told to give up by itself: SO_RCVTIMEO and SO_SNDTIMEO in socket(7).
"""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from threading import Event
from time import monotonic

from sockets_lab.framing import Violation
from sockets_lab.servers.limits import GLANCE_S, PAUSE_S, READ_BYTES, Limits, is_overload
from sockets_lab.servers.services import Service

__all__ = ["accepted", "talk"]


def accepted(listener: socket.socket, stop: Event) -> Iterator[socket.socket]:
    """The connections of `listener` as they come, blocking, until `stop` is set.

    Out of descriptors it waits for a moment before it tries again: the client stays in the accept
    queue, and accept() would fail at once, for ever. What is wrong with one client is skipped.
    """
    listener.settimeout(GLANCE_S)
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError as error:
            if is_overload(error):
                stop.wait(PAUSE_S)
        else:
            connection.setblocking(True)  # BSD and macOS hand the listener's mode on
            yield connection


def talk(connection: socket.socket, service: Service, stop: Event, limits: Limits) -> None:
    """Answer one client to the end of its stream, its idle deadline, or `stop`; then close.

    A client that vanishes, breaks the protocol or falls silent is no error.
    """
    with connection, suppress(ConnectionError, TimeoutError):
        _wait_at_most(connection, GLANCE_S)
        if not _answer_all(connection, service, stop, limits):
            _say_goodbye(connection, limits)


def _answer_all(connection: socket.socket, service: Service, stop: Event, limits: Limits) -> bool:
    """Answer what comes; tell whether that was all, since the client has ended its stream.

    What has come by the time of `stop` is answered as well.
    """
    converse, heard_s, stopping = service(), monotonic(), False
    while not stopping:
        stopping = stop.is_set()
        try:
            received = connection.recv(READ_BYTES, _AT_ONCE if stopping else 0)
        except _NOTHING_YET:
            if monotonic() - heard_s > limits.idle_s:
                raise TimeoutError("the client says nothing") from None
            continue
        heard_s = monotonic()
        try:
            reply = converse(received)
        except Violation:
            return False
        _send_all(connection, reply, stop, limits)
        if not received:
            return True
    return False


def _send_all(connection: socket.socket, reply: bytes, stop: Event, limits: Limits) -> None:
    """Like sendall(), which cannot tell how far it came when the kernel gave up waiting."""
    took_s = monotonic()
    while reply:
        try:
            reply = reply[connection.send(reply) :]
            took_s = monotonic()
        except _NOTHING_YET:
            if monotonic() - took_s > (limits.drain_s if stop.is_set() else limits.idle_s):
                raise TimeoutError("the client takes nothing") from None


def _say_goodbye(connection: socket.socket, limits: Limits) -> None:
    """End the stream, and read to the end of the client's: closed earlier, it would be reset."""
    connection.shutdown(socket.SHUT_WR)
    until_s = monotonic() + limits.drain_s
    while monotonic() < until_s:
        with suppress(*_NOTHING_YET):
            if not connection.recv(READ_BYTES):
                return


# What recv() and send() raise when SO_RCVTIMEO or SO_SNDTIMEO is over: EAGAIN, on Windows
# ETIMEDOUT. A connection that TCP itself has given up looks like the latter once; the next call
# finds it at its end.
_NOTHING_YET = (BlockingIOError, TimeoutError)
_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)  # Windows has it not, and waits for GLANCE_S


def _wait_at_most(sock: socket.socket, seconds: float) -> None:
    whole, rest = divmod(seconds, 1)
    timeval = struct.pack("@ll", int(whole), int(rest * 1e6))
    if sys.platform == "win32":
        timeval = struct.pack("@L", int(seconds * 1000))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, timeval)
