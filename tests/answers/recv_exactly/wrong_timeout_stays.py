"""Leaves its own timeout on the socket."""

import time

CAUGHT_BY = (
    "restores the socket's timeout",
    "restores the socket's timeout after an error",
)
HINT = "restore it in finally"


def recv_exactly(sock, nbytes, deadline_s):
    end_s = time.monotonic() + deadline_s
    received = b""
    while len(received) < nbytes:
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        sock.settimeout(left_s)
        piece = sock.recv(nbytes - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
