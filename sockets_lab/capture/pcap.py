"""Read and write pcap files, and parse their packets, with scapy.

scapy takes 0.2 to 0.3 s to import, asks the kernel for its interfaces and routes meanwhile, keeps
tables of names in the user's cache folder, and warns on the error stream about what this machine
lacks for sending packets. So it is imported when the first packet is read; only its layers for IP
and TCP are (`scapy.all` takes three times as long); and its warnings are suppressed.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Final, NamedTuple

from sockets_lab.capture.packets import FLAGS, Packet

if TYPE_CHECKING:
    from scapy.packet import Packet as Layer

__all__ = ["MARK", "Address", "Header", "mark_in", "parse_header", "quiet", "read_packets", "write"]

MARK: Final = b"sockets_lab: "
"""Prefix of the datagrams of `mark()`."""

Address = tuple[str, int]

_LINKTYPE_RAW = 101  # https://www.tcpdump.org/linktypes.html: each packet begins with its IP header


class Header(NamedTuple):
    """Headers of one TCP segment, with the numbers as they were sent.

    `at_ns` is when it was captured, since 1970. `scale` is the sender's window scale, which a SYN
    may carry (RFC 7323, section 2.2). `payload` may have been cut short, `nbytes` is
    its full length.
    """

    at_ns: int
    source: Address
    target: Address
    flags: tuple[str, ...]
    seq: int
    ack: int
    window: int
    scale: int | None
    nbytes: int
    payload: bytes

    @property
    def opens(self) -> bool:
        """Return True if it asks for a connection: a SYN that acknowledges nothing."""
        return "SYN" in self.flags and "ACK" not in self.flags


def read_packets(path: str | PathLike[str]) -> list[Packet]:
    """Return the IP packets in a capture file of any format and link type that scapy reads.

    Raises OSError (ENOENT, EACCES), and ValueError for a file that is not a capture.
    """
    with open(path, "rb") as file, quiet():
        from scapy.error import Scapy_Exception
        from scapy.layers import inet, inet6  # noqa: F401  # what a link layer may carry
        from scapy.utils import PcapReader

        try:
            reader = PcapReader(file)  # type: ignore[arg-type]  # it takes a file, too
            return [packet for layer in reader for packet in _ip_packets(layer)]
        except Scapy_Exception as error:
            raise ValueError(
                f"{str(path)!r} is not a capture: {error}; give a file written by Capture.save, "
                "tcpdump or Wireshark"
            ) from error


def write(path: str | PathLike[str], packets: Iterable[Packet]) -> None:
    """Write packets to a pcap file with times in nanoseconds."""
    with quiet():
        from scapy.utils import RawPcapWriter

        with RawPcapWriter(str(path), linktype=_LINKTYPE_RAW, endianness="<", nano=True) as file:
            file.write_header(None)
            for packet in packets:
                seconds, rest_ns = divmod(packet.at_ns, 10**9)
                file.write_packet(packet.data, sec=seconds, usec=rest_ns)


def parse_header(packet: Packet) -> Header | None:
    """Return the TCP header of a packet, with its endpoints; None if it has none."""
    from scapy.layers.inet import TCP

    ip = _ip(packet.data)
    tcp = ip.getlayer(TCP) if ip else None
    if ip is None or tcp is None:
        return None
    payload = tcp.original[4 * tcp.dataofs :]
    return Header(
        at_ns=packet.at_ns,
        source=(ip.src, tcp.sport),
        target=(ip.dst, tcp.dport),
        flags=tuple(name for bit, name in enumerate(FLAGS) if int(tcp.flags) >> bit & 1),
        seq=tcp.seq,
        ack=tcp.ack,
        window=tcp.window,
        scale=dict(tcp.options).get("WScale"),
        nbytes=_length(ip) - (len(packet.data) - len(payload)),
        payload=payload,
    )


def mark_in(packet: Packet) -> str | None:
    """Return the words of a `mark()`; None if the packet is not one of those."""
    from scapy.layers.inet import UDP

    ip = _ip(packet.data) if MARK in packet.data else None
    udp = ip.getlayer(UDP) if ip else None
    datagram: bytes = udp.original[8:] if udp else b""
    return datagram.removeprefix(MARK).decode() if datagram.startswith(MARK) else None


def _ip_packets(layer: "Layer") -> Iterator[Packet]:
    """Yield the IP packet inside a frame of any link layer, without the padding after it."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    ip = layer.getlayer(IP) or layer.getlayer(IPv6)
    if ip is not None:
        yield Packet(int(layer.time * 10**9), ip.original[: _length(ip)])


def _ip(data: bytes) -> "Layer | None":
    with quiet():
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        versions = {4: IP, 6: IPv6}
        version = data[0] >> 4 if data else 0
        return versions[version](data) if version in versions else None


def _length(ip: "Layer") -> int:
    """Return the length of the whole packet from its header; the capture may have cut it short."""
    length = ip.len if ip.version == 4 else 40 + ip.plen
    return length or len(ip.original)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress scapy's warnings, on import and about packets that were cut short."""
    logger = logging.getLogger("scapy")
    before = logger.level or logging.WARNING  # what scapy sets on import
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
