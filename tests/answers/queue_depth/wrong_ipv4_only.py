"""Knows listeners by their family."""

import socket
import struct

CAUGHT_BY = "does the same over IPv6"
HINT = "TCP_INFO is the same for both families"


def queue_depth(listener):
    if listener.family != socket.AF_INET:
        raise ValueError("no TCP listener")
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=II", info, 24)
