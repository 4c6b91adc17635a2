"""Takes SO_LINGER with some seconds for a cure: close() waits, but reads nothing."""

import contextlib
import math
import socket
import struct

CAUGHT_BY = (
    "loses no reply when a part of the request is unread",
    "loses no reply when the client still sends",
)
ALSO = ("gives up at the deadline", "keeps the deadline while it sends")
HINT = "read up to b''"


def finish(connection, reply, deadline_s):
    linger = struct.pack("ii", 1, math.ceil(deadline_s))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.settimeout(deadline_s)
    with contextlib.suppress(OSError):
        connection.sendall(reply)
    connection.close()
