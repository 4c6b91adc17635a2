"""Lets MSG_WAITALL wait for all, and knows no deadline."""

import socket

CAUGHT_BY = "raises TimeoutError at the deadline"
ALSO = (
    "has one deadline for the whole",
    "works on a socket that does not block",
    "puts the socket's timeout back",
    "puts the socket's timeout back after an error",
    "lets the kernel's errors through",
    "burns no CPU time while it waits",
)
HINT = "fall silent for ever"


def recv_exactly(sock, nbytes, deadline_s):
    received = sock.recv(nbytes, socket.MSG_WAITALL) if nbytes else b""
    if len(received) < nbytes:
        raise EOFError
    return received
