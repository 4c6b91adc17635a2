"""Shuts down both ways: recv() then returns b'', whatever the client does."""

import socket
import time

CAUGHT_BY = "loses no reply when the client still sends"
ALSO = ("gives up at the deadline", "answers a client that has finished already")
HINT = "make your own recv() return b''"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_RDWR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
