"""Asks for the rest by calling itself, with what is left of the deadline."""

import time


def recv_exactly(sock, nbytes, deadline_s):
    if nbytes == 0:
        return b""
    began_s, before = time.monotonic(), sock.gettimeout()
    if deadline_s <= 0:
        raise TimeoutError("too late")
    sock.settimeout(deadline_s)
    try:
        piece = sock.recv(nbytes)
    finally:
        sock.settimeout(before)
    if not piece:
        raise EOFError("no more bytes")
    return piece + recv_exactly(sock, nbytes - len(piece), deadline_s + began_s - time.monotonic())
