"""Counts the deadline for reading only: sendall() waits for a client that reads nothing."""

import socket
import time

CAUGHT_BY = "keeps the deadline while it sends"
HINT = "set a timeout for it, too"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            end_s = time.monotonic() + deadline_s
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
