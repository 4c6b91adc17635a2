"""Mends a number that looks impossible."""

import socket
import struct

CAUGHT_BY = "reports a queue longer than its limit"
HINT = "Linux lets in one client more than the limit"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    now, limit = struct.unpack_from("=II", info, 24)
    return min(now, limit), limit
