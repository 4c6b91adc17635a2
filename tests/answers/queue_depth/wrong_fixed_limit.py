"""Believes that every listener has the limit that it saw first."""

import socket
import struct

CAUGHT_BY = (
    "reads the limit of this listener",
    "tells the limit that counts",
    "reports a queue beyond its limit as it is",
)
HINT = "every listener has a limit of its own"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=I", info, 24)[0], 8
