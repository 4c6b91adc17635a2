"""Counts the clients by accepting them."""

import socket
import struct

CAUGHT_BY = (
    "counts the waiting clients",
    "sees the queue shrink",
    "does not change the queue or the listener",
)
HINT = "from byte 24 on"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    timeout = listener.gettimeout()
    listener.setblocking(False)
    now = 0
    try:
        while True:
            listener.accept()[0].close()
            now += 1
    except BlockingIOError:
        listener.settimeout(timeout)
        return now, struct.unpack_from("=I", info, 28)[0]
