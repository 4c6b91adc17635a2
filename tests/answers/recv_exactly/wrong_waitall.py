"""Lets MSG_WAITALL wait for all, and knows no deadline."""

import socket

CAUGHT_BY = "raises TimeoutError at the deadline"
ALSO = (
    "has one deadline for the whole call",
    "works on a non-blocking socket",
    "restores the socket's timeout",
    "restores the socket's timeout after an error",
    "lets the kernel's errors through",
    "uses no CPU time while it waits",
)
HINT = "fall silent forever"


def recv_exactly(sock, nbytes, deadline_s):
    received = sock.recv(nbytes, socket.MSG_WAITALL) if nbytes else b""
    if len(received) < nbytes:
        raise EOFError
    return received
