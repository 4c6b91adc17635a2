"""Asks SO_ACCEPTCONN, and makes the numbers from slices of the bytes."""

import socket
import sys


def queue_depth(listener):
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ValueError("give a listener")
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    now = int.from_bytes(info[24:28], sys.byteorder)
    limit = int.from_bytes(info[28:32], sys.byteorder)
    return now, limit
