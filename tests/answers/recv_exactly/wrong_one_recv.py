"""Takes one recv() for all."""

CAUGHT_BY = "waits for bytes that come in pieces"
ALSO = (
    "returns immediately for zero bytes",
    "raises EOFError when the stream ends too early",
    "raises TimeoutError at the deadline",
    "has one deadline for the whole call",
)
HINT = "perhaps fewer"


def recv_exactly(sock, nbytes, deadline_s):
    before = sock.gettimeout()
    sock.settimeout(deadline_s)
    try:
        piece = sock.recv(nbytes)
        if nbytes and not piece:
            raise EOFError
        return piece
    finally:
        sock.settimeout(before)
