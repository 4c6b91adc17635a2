"""Returns what has come when the deadline passes."""

import time

CAUGHT_BY = "raises TimeoutError at the deadline"
ALSO = (
    "has one deadline for the whole call",
    "restores the socket's timeout after an error",
    "uses no CPU time while it waits",
)
HINT = "fall silent forever"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                break
            sock.settimeout(left_s)
            try:
                piece = sock.recv(nbytes - len(received))
            except TimeoutError:
                break
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(before)
    return received
