"""Takes every OSError for the end of the stream."""

import time

CAUGHT_BY = ("lets the kernel's errors through",)
HINT = "neither an end of stream nor a timeout"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            try:
                piece = sock.recv(nbytes - len(received))
            except ConnectionError:
                piece = b""
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(before)
    return received
