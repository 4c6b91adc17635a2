"""Asks at least once, also for nothing."""

import time

CAUGHT_BY = "returns immediately for zero bytes"
HINT = "nothing to wait for"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    try:
        while True:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            piece = sock.recv(max(1, nbytes - len(received)))
            if not piece:
                raise EOFError
            received += piece
            if len(received) >= nbytes:
                break
    finally:
        sock.settimeout(before)
    return received
