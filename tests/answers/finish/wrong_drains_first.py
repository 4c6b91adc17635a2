"""Waits for the client's end before it replies: the client waits for the reply."""

import socket
import time

CAUGHT_BY = "sends the reply"
ALSO = ("ends as soon as the client has finished",)
HINT = "before you wait for the client"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
