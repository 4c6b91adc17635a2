"""One recv() for whatever the client still has to say."""

import socket

CAUGHT_BY = "loses no reply when the client still sends"
ALSO = ("gives up at the deadline",)
HINT = "not once"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65_536)
        except OSError:
            pass
