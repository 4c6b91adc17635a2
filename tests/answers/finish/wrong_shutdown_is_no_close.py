"""Takes shutdown() for the end, and leaves the descriptor open."""

import socket
import time

CAUGHT_BY = "closes the connection"
ALSO = (
    "closes the connection of a vanished client",
    "gives up at the deadline",
    "keeps the deadline while it sends",
    "has one deadline for the whole call",
    "is not kept busy by a flood",
)
HINT = "shutdown() is no close()"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    try:
        connection.settimeout(deadline_s)
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        while (left_s := end_s - time.monotonic()) > 0:
            connection.settimeout(left_s)
            if not connection.recv(65_536):
                break
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
