"""Gives the bytes instead of the numbers."""

import socket

CAUGHT_BY = (
    "counts the waiting clients",
    "reads the limit of this listener",
    "reports the limit that applies",
    "reports a queue longer than its limit",
    "sees the queue shrink",
    "does not change the queue or the listener",
)
HINT = "makes numbers from the bytes"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return info[24:28], info[28:32]
