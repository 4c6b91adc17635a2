"""Sets the timeout once: it counts for each recv(), not for all."""

import socket

CAUGHT_BY = ("has one deadline for the whole call", "is not kept busy by a flood")
HINT = "begins again with the next"


def finish(connection, reply, deadline_s):
    connection.settimeout(deadline_s)
    with connection:
        try:
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        except OSError:
            pass
