"""Reads up to the client's end of stream, whenever that comes."""

import socket

CAUGHT_BY = "gives up at the deadline"
ALSO = ("keeps the deadline while it sends",)
HINT = "some clients never close"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        except OSError:
            pass
