"""Sleeps as long as the deadline allows, and reads nothing meanwhile."""

import socket
import time

CAUGHT_BY = "ends as soon as the client has finished"
ALSO = ("ends its stream after the reply",)
HINT = "do not sleep"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(max(0, end_s - time.monotonic()))
        except OSError:
            pass
