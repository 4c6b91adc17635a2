"""Remembers the longest queue of each listener instead of the present one."""

import socket
import struct
import weakref

CAUGHT_BY = "sees the queue shrink"
HINT = "ask the kernel again on every call"

longest = weakref.WeakKeyDictionary()


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    if info[0] != 10:
        raise ValueError("no listener")
    now, limit = struct.unpack_from("=II", info, 24)
    longest[listener] = max(now, longest.get(listener, 0))
    return longest[listener], limit
