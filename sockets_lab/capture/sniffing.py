"""Capture the packets on `lo` while a function runs: the child's side of a capture.

A raw socket (packet(7)) sees each packet twice on `lo`, on its way out and on its way in. As
libpcap does, the second is kept: it is seen just before TCP takes the segment in.

A thread reads meanwhile, because such a socket's buffer holds a few hundred packets. The
kernel counts the packets that were dropped, so a loss is noticed afterwards.

The end needs no guess about time. A packet sent over `lo` is in a queue of the processor that sent
it, and each queue is served in order (netif_rx() in the kernel's net/core/dev.c). So when
the function has returned, one last datagram is sent on every processor: when all of them have been
read, everything sent before them has been read, too.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sockets_lab.capture.packets import Packet
from sockets_lab.capture.pcap import MARK

__all__ = ["mark", "sniff"]

T = TypeVar("T")

_IPV4, _IPV6 = 0x0800, 0x86DD  # ETH_P_IP, ETH_P_IPV6: linux/if_ether.h
_EVERY_PROTOCOL = 3  # ETH_P_ALL
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/socket.h, linux/if_packet.h
_TIMESPEC: Final = struct.Struct("@ll")
_LARGEST = 1 << 17  # bytes: above any packet that `lo` carries
_BUFFER = 1 << 23  # bytes, as far as the machine's rmem_max allows
_MOST_BYTES = 1 << 26
_GRACE_S = 2.0  # for packets that were sent already; it takes microseconds

_HEADERS = 28  # bytes, of IPv4 and UDP

_LAST: Final = b"sockets_lab's capture ends here: "


def mark(words: str, host: str = "127.0.0.1") -> None:
    """Write words among the packets of a running capture, which lists them as one of its steps.

    words: what has just been done, such as "the client connects". host: a loopback address. They
    travel in a datagram that a socket sends to itself; only a capture ever sees it.
    """
    _send_to_itself(MARK + words.encode(), host)


def _send_to_itself(text: bytes, host: str = "127.0.0.1") -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as itself:
        itself.settimeout(_GRACE_S)
        itself.bind((host, 0))
        itself.sendto(text, itself.getsockname())
        itself.recv(len(text))  # it has passed, and so has what this processor had sent before


def sniff(function: Callable[..., T], *args: object) -> tuple[T, list[Packet]]:
    """Run a function; return what it returns, and every IP packet that passed over `lo` meanwhile.

    Needs the right to open raw sockets. RuntimeError if packets were lost, or are too many to keep.
    """
    processors = os.sched_getaffinity(0)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        tap.bind(("lo", _EVERY_PROTOCOL))
        reader = _Reader(tap, {_LAST + str(each).encode() for each in processors})
        threading.Thread(target=reader.run, name="sockets_lab capture", daemon=True).start()
        result = function(*args)
        _send_last_datagrams(processors)
        return result, reader.everything()


def _send_last_datagrams(processors: set[int]) -> None:
    for processor in processors:
        os.sched_setaffinity(0, {processor})
        _send_to_itself(_LAST + str(processor).encode())
    os.sched_setaffinity(0, processors)


class _Reader:
    """Reader of packets, until each of the last datagrams has come."""

    def __init__(self, tap: socket.socket, last: set[bytes]) -> None:
        self._tap = tap
        self._last = last
        self._packets: list[Packet] = []
        self._problem: BaseException | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            self._read()
        except BaseException as problem:
            self._problem = problem
        finally:
            self._ended.set()

    def everything(self) -> list[Packet]:
        """Wait for the last datagrams; return the packets before them."""
        came = self._ended.wait(_GRACE_S)
        if self._problem:
            raise self._problem
        _, lost = struct.unpack("=II", self._tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        if lost or not came:
            raise RuntimeError(
                f"the capture lost {lost or 'some'} packets, which came faster than they could be "
                "read: let the function send less"
            )
        return self._packets

    def _read(self) -> None:
        nbytes = at_ns = 0
        while self._last:
            data, ancillary, _, (_, protocol, kind, *_) = self._tap.recvmsg(_LARGEST, 64)
            if kind == socket.PACKET_OUTGOING or protocol not in (_IPV4, _IPV6):
                continue
            if data[_HEADERS:] in self._last:
                self._last.remove(data[_HEADERS:])
                continue
            at_ns = max(at_ns, _time_in(ancillary))
            nbytes += len(data)
            if nbytes > _MOST_BYTES:
                raise RuntimeError(
                    f"the capture has reached {_MOST_BYTES:,} bytes: let the function send less"
                )
            self._packets.append(Packet(at_ns, data))


def _time_in(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Return when the kernel saw a packet; for the first ones perhaps when they were read."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, rest_ns = _TIMESPEC.unpack_from(data)
            return int(seconds) * 10**9 + int(rest_ns)
    return time.time_ns()
