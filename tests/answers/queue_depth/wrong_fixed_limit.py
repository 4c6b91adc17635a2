"""Believes that every listener has the limit that it saw first."""

import socket
import struct

CAUGHT_BY = (
    "reads the limit of this listener",
    "reports the limit that applies",
    "reports a queue longer than its limit",
)
HINT = "every listener has its own limit"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=I", info, 24)[0], 8
