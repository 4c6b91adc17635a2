"""Closes at the end, which an exception jumps over."""

import socket
import time

CAUGHT_BY = "closes the connection of a vanished client"
ALSO = (
    "gives up at the deadline",
    "keeps the deadline while it sends",
    "has one deadline for the whole call",
    "is not kept busy by a flood",
)
HINT = "is not reached when a call raises"


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
        connection.close()
    except OSError:
        pass
