"""Looks at the state first, then unpacks the two numbers."""

import socket
import struct

LISTEN = 10


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    if info[0] != LISTEN:
        raise ValueError("this socket does not listen")
    return struct.unpack_from("=II", info, 24)
