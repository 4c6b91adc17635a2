"""Gives the client a moment instead of reading what it sends."""

import socket
import time

CAUGHT_BY = (
    "loses no reply when a part of the request is unread",
    "loses no reply when the client still sends",
)
ALSO = ("gives up at the deadline",)
HINT = "read up to b''"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(0.02)
        except OSError:
            pass
