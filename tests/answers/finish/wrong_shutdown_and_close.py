"""Says goodbye, and does not wait for the client's."""

import socket

CAUGHT_BY = (
    "loses no reply when the client still sends",
    "loses no reply when a part of the request is unread",
)
ALSO = ("gives up at the deadline",)
HINT = "up to the client's b''"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
