"""Collects all bytes, however long it takes."""

CAUGHT_BY = "raises TimeoutError at the deadline"
ALSO = (
    "has one deadline for the whole",
    "works on a socket that does not block",
    "puts the socket's timeout back",
    "puts the socket's timeout back after an error",
    "lets the kernel's errors through",
    "burns no CPU time while it waits",
)
HINT = "no recv() wait longer"


def recv_exactly(sock, nbytes, deadline_s):
    received = b""
    while len(received) < nbytes:
        piece = sock.recv(nbytes - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
