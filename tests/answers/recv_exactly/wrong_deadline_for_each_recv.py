"""Gives every recv() the whole deadline."""

CAUGHT_BY = "has one deadline for the whole call"
HINT = "begins again with the next"


def recv_exactly(sock, nbytes, deadline_s):
    before = sock.gettimeout()
    received = b""
    try:
        while len(received) < nbytes:
            sock.settimeout(deadline_s)
            piece = sock.recv(nbytes - len(received))
            if not piece:
                raise EOFError
            received += piece
    finally:
        sock.settimeout(before)
    return received
