"""Waits for the client's end of stream without sending its own."""

import time

CAUGHT_BY = ("ends its stream after the reply", "ends the stream where the reply is empty")
HINT = "shutdown(SHUT_WR) right after the reply"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
