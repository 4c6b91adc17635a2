"""Asks for fewer bytes than it unpacks."""

import socket
import struct

CAUGHT_BY = (
    "counts the clients that wait",
    "reads the limit of this listener",
    "tells the limit that counts",
    "reports a queue beyond its limit as it is",
    "sees the queue shrink",
    "leaves queue and listener alone",
)
HINT = "two unsigned 32-bit numbers"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=II", info, 24)
