"""Waits with select(), but counts on a blocking socket."""

import select
import time

CAUGHT_BY = "works on a non-blocking socket"
ALSO = ("restores the socket's timeout",)
HINT = "BlockingIOError"


def recv_exactly(sock, nbytes, deadline_s):
    end_s = time.monotonic() + deadline_s
    received = b""
    while len(received) < nbytes:
        received += piece(sock, nbytes - len(received), end_s)
    return received


def piece(sock, nbytes, end_s):
    """Only a socket that blocks is waited for."""
    if sock.getblocking():
        readable, _, _ = select.select([sock], [], [], max(0, end_s - time.monotonic()))
        if not readable:
            raise TimeoutError
    got = sock.recv(nbytes)
    if not got:
        raise EOFError
    return got
