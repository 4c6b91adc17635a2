"""Captures: the packets that really pass between a client and a server.

    segments = captured("half_close_ipv4", exchange)  # live where this machine can, else recorded
    print(segments)                                   # client 1 -> connection 1: SYN ...
    states(segments)                                  # the TCP states of both ends after each

`capture()` runs a function in a private network and captures its loopback interface; `read()` takes
a file of tcpdump or Wireshark. Where neither is possible, `proxy()` relays between client and
server and keeps every byte: no packets, but what each side sent and how it ended. `decrypt()`
decrypts a TLS 1.3 connection with its key log.

scapy parses the packets and decrypts the records. It is imported when the first of them is read.
"""

from sockets_lab.capture.decryption import DecryptedRecord, decrypt
from sockets_lab.capture.live import capture, captured, read
from sockets_lab.capture.packets import Packet
from sockets_lab.capture.proxy import Overheard, Proxy, proxy
from sockets_lab.capture.segments import Capture, Segment, Step
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
