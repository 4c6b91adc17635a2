"""Returns what has come when the stream ends."""

import time

CAUGHT_BY = (
    "raises EOFError when the stream ends too early",
    "restores the socket's timeout after an error",
)
HINT = "raise EOFError there"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            piece = sock.recv(nbytes - len(received))
            if not piece:
                break
            received += piece
    finally:
        sock.settimeout(before)
    return received
