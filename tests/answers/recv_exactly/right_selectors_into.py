"""Waits with a selector, and receives into one buffer."""

import selectors
from contextlib import contextmanager
from time import monotonic


@contextmanager
def not_blocking(sock):
    timeout_s = sock.gettimeout()
    sock.settimeout(0)
    try:
        yield
    finally:
        sock.settimeout(timeout_s)


def recv_exactly(sock, nbytes, deadline_s):
    until_s = monotonic() + deadline_s
    buffer = bytearray(nbytes)
    left = memoryview(buffer)
    with not_blocking(sock), selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while left:
            if not selector.select(max(0, until_s - monotonic())):
                raise TimeoutError(f"{len(left)} bytes are missing")
            count = sock.recv_into(left)
            if count == 0:
                raise EOFError
            left = left[count:]
    return bytes(buffer)
