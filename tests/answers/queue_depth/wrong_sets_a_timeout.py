"""Changes the listener's timeout, and leaves it changed."""

import socket
import struct

CAUGHT_BY = "does not change the queue or the listener"
HINT = "looking must not change anything"


def queue_depth(listener):
    listener.settimeout(1)
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    return struct.unpack_from("=II", info, 24)
