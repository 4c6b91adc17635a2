"""Writes a mapped address in hexadecimal."""

import socket

CAUGHT_BY = "writes IPv4 inside a mapped address"
HINT = "10 of 00 and 2 of ff"
ALSO = ("writes 3,000 addresses as RFC 5952 does",)


def canonical(text):
    address, percent, scope = text.partition("%")
    return write(read(address)) + percent + scope


def read(text):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, text)
        except OSError:
            pass
    raise ValueError(f"{text!r} is no address")


def write(address):
    if len(address) == 4:
        return ".".join(map(str, address))
    groups = [f"{int.from_bytes(address[at : at + 2]):x}" for at in range(0, 16, 2)]
    for length in range(8, 1, -1):
        for start in range(9 - length):
            if groups[start : start + length] == ["0"] * length:
                return ":".join(groups[:start]) + "::" + ":".join(groups[start + length :])
    return ":".join(groups)
