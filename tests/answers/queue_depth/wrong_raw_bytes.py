"""Gives the bytes instead of the numbers."""

import socket

CAUGHT_BY = (
    "counts the clients that wait",
    "reads the limit of this listener",
    "tells the limit that counts",
    "reports a queue beyond its limit as it is",
    "sees the queue shrink",
    "leaves queue and listener alone",
)
HINT = "makes numbers of the bytes"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return info[24:28], info[28:32]
