"""Puts the socket back to blocking, whatever it was."""

import time

CAUGHT_BY = (
    "restores the socket's timeout",
    "restores the socket's timeout after an error",
)
HINT = "save gettimeout()"


def recv_exactly(sock, nbytes, deadline_s):
    end_s = time.monotonic() + deadline_s
    received = b""
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            piece = sock.recv(nbytes - len(received))
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(None)
    return received
