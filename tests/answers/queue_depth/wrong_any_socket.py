"""Gives numbers for every socket, whatever they mean there."""

import socket
import struct

CAUGHT_BY = "refuses a socket that does not listen"
HINT = "check first that it listens"


def queue_depth(listener):
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("=II", info, 24)
