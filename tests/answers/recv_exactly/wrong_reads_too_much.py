"""Asks for 4096 bytes each time, and cuts the rest off."""

import time

CAUGHT_BY = "leaves what comes after them"
HINT = "no more"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            piece = sock.recv(4096)
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(before)
    return received[:nbytes]
