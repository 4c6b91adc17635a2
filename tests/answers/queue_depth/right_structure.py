"""Describes the C struct with ctypes."""

import ctypes
import socket


class TcpInfo(ctypes.Structure):
    _fields_ = (
        ("state", ctypes.c_uint8),
        ("_small", ctypes.c_uint8 * 7),
        ("_timers", ctypes.c_uint32 * 4),
        ("unacked", ctypes.c_uint32),
        ("sacked", ctypes.c_uint32),
    )


def queue_depth(listener):
    size = ctypes.sizeof(TcpInfo)
    info = TcpInfo.from_buffer_copy(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size))
    if info.state != 10:
        raise ValueError("no listener")
    return info.unacked, info.sacked
