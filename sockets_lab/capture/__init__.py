"""Packets: what really goes over the wire between a client and a server.

    seen = captured("half_close_ipv4", talk)   # live where this machine can, else recorded
    print(seen)                                # client 1 -> connection 1: SYN ...
    states(seen)                               # the TCP states of both ends after each segment

`capture()` runs a function in a private network and captures its loopback interface; `read()` takes
a file of tcpdump or Wireshark. Where neither will do, `proxy()` stands between client and server
and keeps every byte: no packets, but what each side said and how it ended. `decrypt()` decrypts
what
was said over TLS 1.3, for those who have its key log.

scapy does the reading of packets and of what is encrypted, and is imported when the first is read.
"""

from sockets_lab.capture.decryption import DecryptedRecord, decrypt
from sockets_lab.capture.live import capture, captured, read
from sockets_lab.capture.proxy import Overheard, Proxy, proxy
from sockets_lab.capture.segments import Capture, Packet, Segment, Step
from sockets_lab.capture.settling import settle
from sockets_lab.capture.sniffing import mark
from sockets_lab.capture.states import states

__all__ = [
    "Capture",
    "DecryptedRecord",
    "Overheard",
    "Packet",
    "Proxy",
    "Segment",
    "Step",
    "capture",
    "captured",
    "decrypt",
    "mark",
    "proxy",
    "read",
    "settle",
    "states",
]
