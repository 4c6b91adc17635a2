"""Collects all bytes, however long it takes."""

CAUGHT_BY = "raises TimeoutError at the deadline"
ALSO = (
    "has one deadline for the whole call",
    "works on a non-blocking socket",
    "restores the socket's timeout",
    "restores the socket's timeout after an error",
    "lets the kernel's errors through",
    "uses no CPU time while it waits",
)
HINT = "let no recv() wait beyond"


def recv_exactly(sock, nbytes, deadline_s):
    received = b""
    while len(received) < nbytes:
        piece = sock.recv(nbytes - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
