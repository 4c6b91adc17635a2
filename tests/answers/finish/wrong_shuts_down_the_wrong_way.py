"""Shuts down reading where it should shut down writing: the client hears nothing of it."""

import socket
import time

CAUGHT_BY = "loses no reply when the client still sends"
ALSO = ("gives up at the deadline",)
HINT = "not after SHUT_RD"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_RD)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
