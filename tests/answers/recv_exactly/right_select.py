"""Waits with select(), and never blocks in recv()."""

import select
import time


def recv_exactly(sock, nbytes, deadline_s):
    before = sock.gettimeout()
    sock.setblocking(False)
    try:
        return collect(sock, nbytes, time.monotonic() + deadline_s)
    finally:
        sock.settimeout(before)


def collect(sock, nbytes, end_s):
    pieces = []
    while nbytes:
        readable, _, _ = select.select([sock], [], [], max(0, end_s - time.monotonic()))
        if not readable:
            raise TimeoutError
        try:
            piece = sock.recv(min(nbytes, 4096))
        except BlockingIOError:
            continue
        if not piece:
            raise EOFError
        pieces.append(piece)
        nbytes -= len(piece)
    return b"".join(pieces)
