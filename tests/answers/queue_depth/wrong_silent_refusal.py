"""Gives numbers that look like an empty queue where there is none."""

import socket
import struct

CAUGHT_BY = "refuses a socket that does not listen"
HINT = "raise ValueError if not"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        return 0, 0
    return struct.unpack_from("=II", info, 24)
