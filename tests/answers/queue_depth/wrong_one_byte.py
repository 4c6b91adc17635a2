"""Reads one byte of each number: good enough until a limit is large."""

import socket

CAUGHT_BY = "reports the limit that applies"
HINT = "the kernel caps a large backlog at somaxconn"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return info[24], info[28]
