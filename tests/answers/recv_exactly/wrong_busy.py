"""Asks again and again, without waiting."""

import time

CAUGHT_BY = "uses no CPU time while it waits"
HINT = "keeps a processor busy"


def recv_exactly(sock, nbytes, deadline_s):
    before, end_s = sock.gettimeout(), time.monotonic() + deadline_s
    received = b""
    sock.setblocking(False)
    try:
        while len(received) < nbytes:
            if time.monotonic() > end_s:
                raise TimeoutError
            try:
                piece = sock.recv(nbytes - len(received))
            except BlockingIOError:
                continue
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(before)
    return received
