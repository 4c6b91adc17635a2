"""Sends once, and trusts that the kernel has taken all of it."""

import socket
import time

CAUGHT_BY = "sends a large reply to its end"
ALSO = (
    "loses no reply when a part of the request is unread",
    "loses no reply when the client still sends",
    "answers a client that has finished already",
)
HINT = "send() may take only a part"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.send(reply)
            connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
