"""Asks for fewer bytes than it unpacks."""

import socket
import struct

CAUGHT_BY = (
    "counts the waiting clients",
    "reads the limit of this listener",
    "reports the limit that applies",
    "reports a queue longer than its limit",
    "sees the queue shrink",
    "does not change the queue or the listener",
)
HINT = "the two are unsigned 32-bit numbers"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=II", info, 24)
