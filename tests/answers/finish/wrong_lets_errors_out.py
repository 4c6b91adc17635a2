"""Cleans up, and troubles the caller with a client that has gone."""

import socket
import time

CAUGHT_BY = "treats a vanished client as an end, not as an error"
HINT = "there is no client left to answer"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except TimeoutError:
            pass
