"""Packets as they were captured, and the flags of TCP."""

from typing import Final, NamedTuple

__all__ = ["FLAGS", "Packet"]

# In the order of their bits, lowest first (RFC 9293, section 3.1), which is the usual order.
FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


class Packet(NamedTuple):
    """One packet: `at_ns` since 1970, and its bytes from the IP header on."""

    at_ns: int
    data: bytes
