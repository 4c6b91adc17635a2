"""Well-behaved and awkward clients for a learner's server, and what they observe, in words."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sockets_lab.exercises.harness.runner import Failed, Sandbox, Trial
from sockets_lab.peers import finish

__all__ = [
    "LARGE",
    "closes_slow_sender",
    "difference",
    "large_request",
    "reply_to",
    "request",
    "send_interrupted",
]

LARGE = b"0123456789abcdef" * 65_536  # 1 MiB

_SMALL_BUFFER = 65_536  # bytes, four times: both ends together hold less than the large text
_SIGNALS = hasattr(signal, "pthread_kill") and hasattr(signal, "SIGURG")  # not on Windows


def request(sandbox: Sandbox, listener: socket.socket, text: bytes) -> socket.socket:
    """Return a client of `listener` that has sent `text` and the end of its stream."""
    client = sandbox.client(listener)
    client.sendall(text)
    client.shutdown(socket.SHUT_WR)
    return client


def large_request(sandbox: Sandbox) -> tuple[Trial, socket.socket, socket.socket]:
    """Send 1 MiB before reading anything, while the learner's function runs.

    Returns the run, the listener that it was given, and the client.
    """
    listener, client = sandbox.listener(), sandbox.new_socket()
    for sock in (listener, client):  # what accept() gives has its listener's sizes
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SMALL_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    client.connect(listener.getsockname())
    trial = sandbox.start(listener)
    try:
        trial.write_all(client, LARGE)
        finish(client)
    except OSError:  # ECONNRESET, EPIPE: the server has gone; its reply will show it
        pass
    return trial, listener, client


def reply_to(client: socket.socket, trial: Trial) -> bytes:
    """Return what `client` receives up to the end of the stream, once the function has ended."""
    try:
        reply = trial.read_to_end(client)
    except ConnectionResetError:
        trial.result()  # an error of the function says more than the reset
        raise Failed(
            "the client was reset",
            "closing a connection with unread bytes resets it: read up to b'' before closing",
        ) from None
    trial.result()
    return reply


def difference(seen: bytes, expected: bytes) -> str:
    """Return in words how `seen` differs from `expected`."""
    if not seen:
        return "the client receives nothing, only the end of the stream"
    if len(seen) < len(expected) == len(LARGE):  # how much differs from run to run
        return "the client receives only a part"
    if len(seen) != len(expected):
        return f"the client receives {len(seen)} bytes, not {len(expected)}"
    if seen.upper() == expected:
        return "the client receives the text, but not in capitals"
    return "the client receives other bytes, as many as expected"


@contextmanager
def send_interrupted(trial: Trial, client: socket.socket) -> Iterator[None]:
    """Interrupt the send() of the reply by a signal, so that it takes only a part.

    send(2) may always take only a part; a blocking send() does so when a signal handler runs, which
    is the one way to see it on every run. The default action of SIGURG is to do nothing. Without
    such signals (on Windows, or outside the main thread) the reply is not interrupted.
    """
    if not _SIGNALS or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGURG, lambda *_: None)
    try:
        if trial.readable(client) and not trial.ended and trial.thread and trial.thread.ident:
            signal.pthread_kill(trial.thread.ident, signal.SIGURG)
        yield
    finally:
        signal.signal(signal.SIGURG, before)


def closes_slow_sender(
    client: socket.socket, text: bytes, *, pause_s: float, within_s: float
) -> bool:
    """Send `text` byte by byte; return True if the server closes the connection `within_s`."""
    until_s = time.monotonic() + within_s
    client.settimeout(pause_s)
    for byte in text:
        if time.monotonic() > until_s:
            return False
        try:
            client.sendall(bytes([byte]))
            if not client.recv(4096):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False
