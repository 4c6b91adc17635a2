"""Gives the limit first."""

import socket
import struct

CAUGHT_BY = (
    "counts the waiting clients",
    "reads the limit of this listener",
    "reports the limit that applies",
    "reports a queue longer than its limit",
    "sees the queue shrink",
)
ALSO = ()
HINT = "the first of the two numbers is the queue's length now"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    now, limit = struct.unpack_from("=II", info, 24)
    return limit, now
