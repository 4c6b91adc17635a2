"""A timeout for each recv(): what is left of the deadline."""

import time


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = bytearray()
    try:
        while len(received) < nbytes:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the deadline has passed")
            sock.settimeout(left_s)
            piece = sock.recv(nbytes - len(received))
            if not piece:
                raise EOFError("the stream ended")
            received += piece
    finally:
        sock.settimeout(before)
    return bytes(received)
