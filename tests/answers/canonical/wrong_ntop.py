"""Leaves the writing to inet_ntop()."""

import socket

CAUGHT_BY = (
    "writes no IPv4 inside other addresses",
    "writes 3,000 addresses as RFC 5952 does",
)
HINT = "all 12 bytes"
ALSO = ("keeps the scope",)


def canonical(text):
    address, percent, scope = text.partition("%")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, address)) + percent + scope
    except OSError:
        raise ValueError(text) from None
