"""Gives the limit first."""

import socket
import struct

CAUGHT_BY = (
    "counts the clients that wait",
    "reads the limit of this listener",
    "tells the limit that counts",
    "reports a queue beyond its limit as it is",
    "sees the queue shrink",
)
ALSO = ()
HINT = "the first of the two numbers is the queue now"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    now, limit = struct.unpack_from("=II", info, 24)
    return limit, now
