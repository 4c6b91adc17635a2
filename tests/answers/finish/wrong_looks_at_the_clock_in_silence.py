"""Looks at its clock only when nothing comes: a talkative client leaves no time for that."""

import select
import socket
import time

CAUGHT_BY = "has one deadline for the whole call"
ALSO = ("is not kept busy by a flood",)
HINT = "what is left until the deadline"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while True:
                readable, _, _ = select.select([connection], [], [], 0.1)
                if readable and not connection.recv(65_536):
                    break
                if not readable and time.monotonic() > end_s:
                    break
        except OSError:
            pass
