"""Goes on asking until the deadline, also when the client has finished long ago."""

import socket
import time

CAUGHT_BY = "ends as soon as the client has finished"
ALSO = ("ends its stream after the reply",)
HINT = "leave the loop there"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                connection.recv(65_536)
        except OSError:
            pass
