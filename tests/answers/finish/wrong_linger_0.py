"""Has read that SO_LINGER with 0 s avoids TIME_WAIT: it throws away what is on its way."""

import socket
import struct
import time

CAUGHT_BY = "answers a client that has finished already"
ALSO = ("sends a large reply to its end",)
HINT = "SO_LINGER with 0 s"


def finish(connection, reply, deadline_s):
    end_s = time.monotonic() + deadline_s
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            while (left_s := end_s - time.monotonic()) > 0:
                connection.settimeout(left_s)
                if not connection.recv(65_536):
                    break
        except OSError:
            pass
